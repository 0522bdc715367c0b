"""How many rows lack a value, hold one that is not valid, or repeat another: by numbers or percentages of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Scalar, Section
from modelway.data.bounds import Bounds, bounds_are_sound, checks_of
from modelway.data.checks import CheckContext, ContractCheck
from modelway.data.kinds.allowed import values_are_sound
from modelway.data.kinds.pattern import pattern_is_sound
from modelway.data.queries import Answer, Malformed, NotAllowed, Query, Repeated
from modelway.data.rule_queries import Lacking, Mismatched
from modelway.data.values import parsed_bound
from modelway.errors import InvalidInput

ORDER, LEVEL = 170, "table"


class Counted(Bounds, frozen=True, kw_only=True):
    """A number of rows, and its limits."""

    of: Literal["missing", "invalid", "repeated"]
    """missing: rows without a value in the column. invalid: values that are not of the column's type, or, with `allowed` or
    `pattern`, those of the type that are not so. repeated: rows that have in these columns what an earlier row has."""
    columns: tuple[Name, ...]
    """One column; of `repeated`, one or several. Of one column missing values are not compared, of several they are."""
    unit: Literal["rows", "percent"] = "rows"
    """percent: of all rows."""
    also_missing: tuple[str, ...] = ()
    """Texts that count as missing too."""
    allowed: tuple[Scalar, ...] = ()
    pattern: Name | None = None
    name: Name | None = None
    """What the report calls it."""


class CountKeys(Section, frozen=True):
    counts: tuple[Counted, ...] | UnsetType = UNSET


KEYS = CountKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, asked in enumerate(keys.counts or ()):
        place: Where = (*where, "counts", index)
        _one_way(document, place, asked)
        bounds_are_sound(document, place, asked)
        if asked.of != "invalid":
            continue
        column = keys.columns.get(asked.columns[0])
        if column is None or column.type is None:
            fix = f"add `{asked.columns[0]}: {{type: string}}` under columns"
            raise InvalidInput("is of a column without a type", where=document.at((*place, "columns")), fix=fix)
        if asked.pattern:
            pattern_is_sound(document, (*place, "pattern"), asked.pattern)
            if column.type != "string":
                raise InvalidInput("goes with text", where=document.at((*place, "pattern")), fix="use allowed")
        values_are_sound(document, (*place, "allowed"), column.type, asked.allowed)


def _one_way(document: Document, place: Where, asked: Counted) -> None:
    if not asked.columns or len(set(asked.columns)) < len(asked.columns):
        what, fix = "is not a list of different columns", "name each column once"
        raise InvalidInput(what, where=document.at((*place, "columns")), fix=fix)
    if asked.of != "repeated" and len(asked.columns) > 1:
        raise InvalidInput(f"of {asked.of} names several columns", where=document.at(place), fix="name one")
    goes_with = {"also_missing": "missing", "allowed": "invalid", "pattern": "invalid"}
    for key, of in goes_with.items():
        if getattr(asked, key) and asked.of != of:
            where = document.at((*place, key.replace("_", "-")))
            raise InvalidInput(f"goes with `of: {of}`", where=where, fix="leave it out")
    if asked.allowed and asked.pattern:
        raise InvalidInput("has allowed and pattern", where=document.at(place), fix="make two of it")


def columns_named(contract: Any) -> Iterable[str]:
    return (name for asked in contract.counts or () for name in asked.columns)


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    for asked in contract.counts or ():
        first = asked.columns[0]
        kind = contract.columns[first].type if asked.of == "invalid" else None
        if not around.readable({**dict.fromkeys(asked.columns), first: kind}):
            continue
        unit, percent = ("% of rows", True) if asked.unit == "percent" else ("rows", False)
        name = asked.name or f"{', '.join(asked.columns)} {asked.of}"
        yield from checks_of(asked, _query(asked, kind), name, unit, _percent if percent else _count)


def _query(asked: Counted, kind: Any) -> Query:
    first = asked.columns[0]
    if asked.of == "repeated":
        return Repeated(asked.columns, of_present=len(asked.columns) == 1)
    if asked.of == "missing":
        return Lacking(first, asked.also_missing)
    if asked.pattern:
        return Mismatched(first, kind, asked.pattern)
    if asked.allowed:
        return NotAllowed(first, kind, tuple(dict.fromkeys(parsed_bound(kind, value) for value in asked.allowed)))
    return Malformed(first, kind)


def _count(answer: Answer, rows: int) -> float | None:
    return answer.count if rows else None


def _percent(answer: Answer, rows: int) -> float | None:
    return 100 * answer.count / rows if rows else None
