"""Rules between the columns of a row, also under a condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, result
from modelway.data.expressions import RuleError, columns_in, parsed
from modelway.data.kinds.nulls import Percent
from modelway.data.queries import Answer
from modelway.data.report import CheckResult
from modelway.data.rule_queries import Broken
from modelway.data.values import ValueType
from modelway.errors import InvalidInput

ORDER, LEVEL = 150, "table"
CUT = 200


class Rule(Section, frozen=True):
    """What must hold in every row, such as `departed_at <= arrived_at`."""

    rule: Name
    when: Name | None = None
    """The rows that it is about. Left out: all."""
    tolerance: Annotated[float, Meta(ge=0)] | None = None
    """Two numbers that differ by at most so much are equal. Left out: calculated ones within a billionth of the larger."""
    at_most_percent: Percent = 0
    """Of the rows that it is about: how many may break it."""
    may_find_none: bool = False
    """It passes where no row is one that it is about."""
    name: Name | None = None
    """What the report calls it. Left out: the rule itself."""


class RuleKeys(Section, frozen=True):
    rules: tuple[str | Rule, ...] | UnsetType = UNSET
    """Each a rule as text, or a mapping."""


KEYS = RuleKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    types = _types(keys)
    for index, item in enumerate(keys.rules or ()):
        place: Where = (*where, "rules", index)
        if isinstance(item, str):
            _is_rule(document, place, item, types)
            continue
        _is_rule(document, (*place, "rule"), item.rule, types)
        if item.when is not None:
            _is_rule(document, (*place, "when"), item.when, types)


def _is_rule(document: Document, where: Where, text: str, types: Mapping[str, ValueType | None]) -> None:
    try:
        found = parsed(text, types)
    except RuleError as error:
        raise InvalidInput(error.what, where=document.at(where), fix=error.fix) from None
    if not columns_in(found):
        raise InvalidInput("names no column", where=document.at(where), fix="compare columns of the data")


def _types(contract: Any) -> dict[str, ValueType | None]:
    return {name: column.type for name, column in contract.columns.items()}


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    types = _types(contract)
    for item in contract.rules or ():
        asked = Rule(rule=item) if isinstance(item, str) else item
        when = parsed(asked.when, types) if asked.when else None
        query = Broken(parsed(asked.rule, types), when, asked.tolerance)
        if around.readable({ref.name: ref.type for tree in (query.rule, query.when) for ref in columns_in(tree)}):
            yield ContractCheck(query, lambda answer, _, asked=asked: _judged(asked, answer))  # type: ignore[misc]


def _judged(asked: Rule, answer: Answer) -> CheckResult:
    rows = f"where {asked.when}" if asked.when else "in every row"
    few = f", at most {asked.at_most_percent:g} % of them broken" if asked.at_most_percent else ""
    value = (100 * answer.count / answer.n if answer.n else 0) if asked.at_most_percent else answer.count
    nothing = answer.n == 0 and not asked.may_find_none
    return result(
        asked.name or asked.rule,
        f"{asked.rule if asked.name else rows}{f' {rows}' if asked.name and asked.when else ''}{few}",
        answer.n,
        value,
        asked.at_most_percent,
        examples=answer.examples,
        detail="no row of which it can be told" if nothing else "",
        failed=nothing,
        cut=CUT,
    )
