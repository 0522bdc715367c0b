"""Spark's words, in ANSI mode and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from sqlglot import exp, parse_one

from modelway.data.dialects import Node, Untranslatable, column_of, from_the_leaves, list_of, texts
from modelway.data.dialects.patterns import as_java
from modelway.data.dialects.spark_texts import microseconds_of, number_as_text

NUMBER = texts.NUMBER.replace("$", r"\z")
NO_TIME = "9223372036854775807"
"""Microseconds that DuckDB writes for infinity."""
ENDLESS = "'+5881580-07-11', '+294247-01-10 04:00:54.775807'"
ENDLESS_BEFORE = "'-5877641-06-24', '-290308-12-21 19:59:05.224193'"
"""What DuckDB writes for infinity, as Spark shows it."""
TOO_EARLY = "a date before the year 1"
TOO_LONG = "a whole number of 39 digits"
"""What a decimal of Spark's does not hold, and 128 bits do: the words of the error that Spark ends with."""
TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
"""DuckDB's types, and as what Spark reads them. DECIMAL(p,s) is one of both; a column of another is not read."""
Type = exp.DataType.Type


class Spark:
    """kinds: of each column of the data, c0, c1, ..., DuckDB's type. unread: of those that Spark has no type for."""

    NAME = "spark"
    WITHOUT: ClassVar[tuple[type[Node], ...]] = (exp.RegexpFullMatch,)

    def __init__(self, kinds: Mapping[str, str], unread: Mapping[str, str]) -> None:
        self._kinds, self._unread = kinds, unread

    def bound(self, number: int, value: Any) -> Node:
        """A list is bound item by item, see `named`."""
        if isinstance(value, list):
            return exp.Array(expressions=[exp.Placeholder(this=name_of(number, at)) for at in range(len(value))])
        place = exp.Placeholder(this=name_of(number))
        return exp.cast(place, "DATE") if isinstance(value, date) else place

    def value(self, value: Any) -> Any:
        return value

    def pattern(self, value: str, /) -> str:
        return as_java(value)

    def rewritten(self, node: Node) -> Node:
        match node:
            case exp.Column() if node.name in self._unread:
                raise Untranslatable(f"the type {self._unread[node.name][:100]} of a column that a check reads")
            case exp.Anonymous():
                return self._function(node)
            case exp.Trunc():  # only to be compared with: whether a number is whole
                return _made(
                    f"{'round' if self._kind(node.this).startswith('DECIMAL') else 'rint'}({_text(node.this)})"
                )
            case exp.RegexpLike() if isinstance(node.expression, exp.Literal):
                return _to_the_end(node)
            case exp.RegexpFullMatch():
                inner = exp.Literal.string(rf"^(?:{as_java(node.expression.name)})\z")
                return exp.Paren(this=exp.RegexpLike(this=node.this, expression=inner))
            case exp.TryCast():
                return _read(node)
            case exp.Cast() if node.to.this == Type.INT128:  # of a double that is whole
                return _made(f"CAST(CAST(rint({_text(node.this)}) AS BIGINT) AS DECIMAL(20, 0))")
            case exp.Cast() if node.to.this == Type.TEXT and not isinstance(node.this, exp.Placeholder):
                return self._as_text(node.this)
            case exp.Log():
                return _log2(node)
            case exp.Literal(is_string=False) if any(sign in node.this for sign in ".eE"):
                return _made(f"CAST('{node.this}' AS DOUBLE)")
            case exp.ArrayContains():
                return _among(node.expression, node.this, None)
            case exp.In() if (found := list_of(node)) is not None:
                return _among(node.this, *found)
            case exp.Sum() if isinstance(node.this, exp.Order):
                return _sum_in_order(node.this)
        return node

    def _kind(self, node: Node) -> str:
        return self._kinds.get(node.name, "") if isinstance(node, exp.Column) else ""

    def _function(self, node: exp.Anonymous) -> Node:
        name, of = str(node.this).lower(), node.expressions[0]
        if name == "counted_if":
            return _made(f"count_if({_text(of)})")
        if name == "isfinite":
            if self._kind(of) == "DATE":
                return _made(f"{_text(of)} BETWEEN CAST('-5877000-01-01' AS DATE) AND CAST('+5881000-01-01' AS DATE)")
            return _made(f"abs({_text(of)}) < CAST('Infinity' AS DOUBLE)")  # NaN is above it
        if name == "epoch_us":
            if isinstance(of, exp.TryCast):
                name = column_of(of.this)
                return _made(microseconds_of(name, _text(_portable(texts.like_a_time(name)))))
            if self._kind(of) != "TIMESTAMP":
                return _made(f"nullif(nullif(unix_micros({_text(of)}), {NO_TIME}), -{NO_TIME})")
            low, high = (f"TIMESTAMP_NTZ '{year}-01-01'" for year in ("-290000", "+294000"))
            moment = f"nullif(nullif({_text(of)}, greatest({_text(of)}, {high})), least({_text(of)}, {low}))"
            return _made(f"unix_micros(CAST({moment} AS TIMESTAMP))")
        raise Untranslatable(name)

    def _as_text(self, value: Node) -> Node:
        """As DuckDB writes it. (typeof is worked out before rows are read.)"""
        text, known = f"CAST({_text(value)} AS STRING)", self._kind(value)
        early = f"left({text}, 1) = '-' OR left({text}, 4) = '0000'"
        moment = (
            f"CASE WHEN {text} IN ({ENDLESS}) THEN 'infinity' WHEN {text} IN ({ENDLESS_BEFORE}) THEN '-infinity'"
            f" WHEN {early} THEN raise_error('{TOO_EARLY}') ELSE ltrim('+', {text}) END"
        )
        zoned = f"CASE WHEN {moment} LIKE '%infinity' THEN {moment} ELSE concat({moment}, '+00') END"
        words = {
            "double": number_as_text(_text(value), "DOUBLE"),
            "float": number_as_text(_text(value), "FLOAT"),
            "timestamp": zoned,
            "timestamp_ntz": moment,
            "date": moment,
        }
        if known:
            return _made(words.get(TYPES.get(known, ""), text))
        kind = f"typeof({_text(value)})"
        cases = " ".join(f"WHEN {kind} = '{name}' THEN {word}" for name, word in words.items())
        return _made(f"CASE {cases} ELSE {text} END")


def name_of(number: int, item: int | None = None) -> str:
    """Of the parameter of this number, from 1, or of an item of a list that is one."""
    return f"p{number}" if item is None else f"p{number}_{item}"


def named(values: list[Any]) -> dict[str, Any]:
    """Of `Translated.values`: each by the name that stands in the statement."""
    made: dict[str, Any] = {}
    for number, value in enumerate(values, 1):
        if isinstance(value, list):
            made |= {name_of(number, at): one for at, one in enumerate(value)}
        else:
            made[name_of(number)] = value
    return made


def _read(node: exp.TryCast) -> Node:
    """A text. (Spark's own cast takes 1d, NaN and other spaces, too.)"""
    kind = node.to.this
    if kind == Type.DATE:
        name = column_of(node.this)
        return _portable(f"CASE WHEN {texts.like_a_date(name)} THEN TRY_CAST({name} AS DATE) END")
    text = _text(node.this)
    sound = f"{text} RLIKE {_literal(NUMBER)}"
    number = f"TRY_CAST({text} AS DOUBLE)"
    if kind == Type.DOUBLE:
        return _made(f"CASE WHEN {sound} THEN {number} END")
    if kind == Type.INT128:
        whole = f"TRY_CAST({text} AS DECIMAL(38, 0))"
        most = "CAST('1.7014118346046923E38' AS DOUBLE)"
        refused = f"CASE WHEN abs({number}) <= {most} THEN raise_error('{TOO_LONG}') END"
        beyond = f"CASE WHEN abs({number}) > CAST('9E37' AS DOUBLE) THEN {refused} END"
        return _made(f"CASE WHEN {sound} THEN coalesce({whole}, {beyond}) END")
    return node  # of a time, which epoch_us reads


def _log2(node: exp.Log) -> Node:
    """Exact of a power of two, as log2 of C is; Spark divides two logarithms."""
    number = _text(node.expression)
    log = f"log2({number})"
    return _made(f"(CASE WHEN power(2, rint({log})) = {number} THEN rint({log}) ELSE {log} END)")


def _among(item: Node, items: Node, kind: exp.DataType | None) -> Node:
    """items: an array."""
    items = items.this if isinstance(items, exp.Cast) else items
    if not items.expressions:
        return exp.false()
    listed = [exp.Cast(this=one, to=kind.copy()) if kind is not None else one for one in items.expressions]
    return exp.Paren(this=exp.In(this=item, expressions=listed))


def _sum_in_order(order: exp.Order) -> Node:
    by, what = _text(order.expressions[0].this), _text(order.this)
    listed = f"array_sort(collect_list(CASE WHEN {what} IS NOT NULL THEN struct({by} AS nth, {what} AS part) END))"
    added = f"aggregate({listed}, CAST(0 AS DOUBLE), (added, one) -> added + one.part)"
    return _made(f"(CASE WHEN count({what}) > 0 THEN {added} END)")


def _text(node: Node) -> str:
    return node.sql(Spark.NAME)


def _literal(text: str) -> str:
    return _text(exp.Literal.string(text))


def _made(text: str) -> Node:
    found: Node = parse_one(text, read=Spark.NAME)
    return exp.Paren(this=found)


def _to_the_end(node: exp.RegexpLike) -> Node:
    """`$` of DuckDB's patterns is the end of the text, and Java's would also be before a line break there."""
    return exp.RegexpLike(this=node.this, expression=exp.Literal.string(node.expression.name.replace("$", r"\z")))


def _portable(text: str) -> Node:
    def tried(node: Node) -> Node:
        """In ANSI mode a cast of what is no number ends the statement."""
        if isinstance(node, exp.Cast) and node.to.this == Type.BIGINT:
            return exp.TryCast(this=node.this, to=node.to)
        if isinstance(node, exp.RegexpLike):
            return _to_the_end(node)
        return node

    return exp.Paren(this=from_the_leaves(parse_one(text, read="duckdb"), tried))
