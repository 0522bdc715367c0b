"""Whether a column's values never fall from row to row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.rule_queries import Descending
from modelway.data.values import ORDERED
from modelway.errors import InvalidInput

ORDER, LEVEL = 130, "table"


class Increasing(Section, frozen=True):
    """A column whose values never fall, in the order of files and rows."""

    column: Name
    """Of type integer, number, date or timestamp."""
    by: tuple[Name, ...] = ()
    """Within the rows that are alike in these columns, such as those of one device."""
    strictly: bool = False
    """Each value is above the one before it."""


class IncreasingKeys(Section, frozen=True):
    increasing: tuple[Increasing, ...] | UnsetType = UNSET


KEYS = IncreasingKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, asked in enumerate(keys.increasing or ()):
        place = (*where, "increasing", index)
        if asked.column not in keys.columns or keys.columns[asked.column].type not in ORDERED:
            raise InvalidInput(
                f"the column {asked.column!r} is not listed under columns with one of the types {', '.join(ORDERED)}",
                where=document.at((*place, "column")),
                fix=f"add `{asked.column}: {{type: integer}}` under columns",
            )
        if asked.column in asked.by or len(set(asked.by)) < len(asked.by):
            raise InvalidInput("names a column twice", where=document.at((*place, "by")), fix="name each once")


def columns_named(contract: Any) -> Iterable[str]:
    return (name for asked in contract.increasing or () for name in (asked.column, *asked.by))


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    for asked in contract.increasing or ():
        kind = contract.columns[asked.column].type
        if around.readable({asked.column: kind, **dict.fromkeys(asked.by)}):
            query = Descending(asked.column, kind, asked.by, asked.strictly)
            within = f" within {', '.join(asked.by)}" if asked.by else ""
            rule = "each above the one before" if asked.strictly else "none below the one before"
            yield no_violation(query, f"{asked.column} increasing{within}", rule)
