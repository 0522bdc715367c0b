"""The DuckDB engine's statements in another database's words: a check is written once, and another engine runs a translation.

These modules need sqlglot, which is in the environment of the worker that runs them (modelway.data.workers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlglot import exp, parse_one

DATA = "modelway_data"
"""The table that every statement is about."""
Node = exp.Expr
Change = Callable[[Node], Node]


class Untranslatable(ValueError):
    """Something of DuckDB's that the dialect has no word for."""


class Uncounted(ValueError):
    """What a server does not count as DuckDB does, in the user's words."""


class Dialect(Protocol):
    """Such as the module postgresql here. NAME: sqlglot's. WITHOUT: what of DuckDB's it has no word for, so that none of it
    is left after `rewritten`."""

    NAME: str

    @property
    def WITHOUT(self) -> tuple[type[Node], ...]: ...  # noqa: N802

    def bound(self, number: int, value: Any) -> Node:
        """The place of the parameter of this number, from 1."""

    def value(self, value: Any) -> Any:
        """A parameter's value as its client takes it."""

    def pattern(self, value: str, /) -> str:
        """A regular expression of RE2 in the dialect's form."""

    def rewritten(self, node: Node) -> Node:
        """The node, whose parts are rewritten already, in the dialect's words."""


@dataclass(frozen=True)
class Translated:
    text: str
    values: list[Any]
    """Of the parameters, in the order of their numbers."""
    is_ordered: bool
    """Whether it numbers rows."""


def translated(text: str, parameters: Mapping[str, Any], relation: str, dialect: Dialect) -> Translated:
    """A statement of DuckDB, with its named parameters, as the dialect has it. relation: what stands for DATA, in its own
    words."""
    tree = parse_one(text, read="duckdb")
    values = {name: dialect.value(value) for name, value in parameters.items()}
    for match in tree.find_all(exp.RegexpLike):
        if isinstance(match.expression, exp.Placeholder):
            name = str(match.expression.this)
            values[name] = dialect.pattern(str(parameters[name]))
    names = list(values)

    def changed(node: Node) -> Node:
        if isinstance(node, exp.Placeholder):
            name = str(node.this)
            return dialect.bound(names.index(name) + 1, values[name])
        return dialect.rewritten(node)

    is_ordered = any(isinstance(window.this, exp.RowNumber) for window in tree.find_all(exp.Window))
    done = from_the_leaves(tree, changed)
    for left in done.find_all(*dialect.WITHOUT):
        raise Untranslatable(left.sql("duckdb")[:100])
    for table in list(done.find_all(exp.Table)):
        if table.name == DATA:
            table.replace(exp.Subquery(this=parse_one(relation, read=dialect.NAME)))
    for at, query in enumerate(done.find_all(exp.Subquery)):
        if isinstance(query.parent, exp.From | exp.Join) and not query.alias:
            query.set("alias", exp.TableAlias(this=exp.to_identifier(f"q{at}")))
    return Translated(done.sql(dialect.NAME), list(values.values()), is_ordered)


def from_the_leaves(node: Node, change: Change) -> Node:
    for key, value in list(node.args.items()):
        if isinstance(value, Node):
            node.set(key, from_the_leaves(value, change))
        elif isinstance(value, list):
            node.set(key, [from_the_leaves(one, change) if isinstance(one, Node) else one for one in value])
    return change(node)


def column_of(node: Node) -> str:
    """A column, which every dialect writes alike."""
    if not isinstance(node, exp.Column):
        raise Untranslatable(node.sql("duckdb")[:100])
    return str(node.sql("duckdb"))


def list_of(node: exp.In) -> tuple[Node, exp.DataType | None] | None:
    """The list of `x IN (SELECT unnest(list))`, and what each of its values is cast to; None for any other IN."""
    query = node.args.get("query")
    unnested = query.find(exp.Explode, exp.Unnest) if query is not None else None
    if query is None or unnested is None:
        return None
    items = unnested.this if isinstance(unnested, exp.Explode) else unnested.expressions[0]
    shown = query.this.expressions[0]
    return items.copy(), shown.to if isinstance(shown, exp.Cast) else None
