"""Checks in the engine's own SQL: one SELECT over the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.bounds import Bounds, bounds_are_sound, checks_of, given_of
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.rule_queries import Returned, SqlColumn
from modelway.errors import InvalidInput

ORDER, LEVEL = 180, "table"
LONGEST = 20_000


class SqlCheck(Bounds, frozen=True, kw_only=True):
    """A SELECT over the table `data`, which has the data's columns by their own names and types."""

    name: Name
    violations: Name | None = None
    """A statement that returns the rows that break the check: there must be none."""
    number: Name | None = None
    """A statement that returns one number, which the limits are for."""
    at_most_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60


class SqlKeys(Section, frozen=True):
    sql: tuple[SqlCheck, ...] | UnsetType = UNSET


KEYS = SqlKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, asked in enumerate(keys.sql or ()):
        place: Where = (*where, "sql", index)
        if (asked.violations is None) == (asked.number is None):
            raise InvalidInput("needs one statement", where=document.at(place), fix="give violations or number")
        if len(asked.violations or asked.number or "") > LONGEST:
            raise InvalidInput(f"has more than {LONGEST} characters", where=document.at(place), fix="make it shorter")
        if asked.number is not None:
            bounds_are_sound(document, place, asked)
        elif dict(given_of(asked)):
            raise InvalidInput(
                "has limits for violations", where=document.at(place), fix="use number, or leave them out"
            )


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    kinds = {name: column.type for name, column in contract.columns.items()}
    if not around.readable({name: kind for name, kind in kinds.items() if name in around.columns}):
        return  # a column that is of no type is no column for SQL, and its own check fails
    columns = tuple(SqlColumn(name, kind) for name, kind in kinds.items() if name in around.columns)
    for asked in contract.sql or ():
        if asked.violations is not None:
            query = Returned(asked.violations, columns, False, asked.at_most_seconds)
            yield no_violation(query, asked.name, "returns no row", may_be_empty=False)
        else:
            query = Returned(asked.number, columns, True, asked.at_most_seconds)
            yield from checks_of(asked, query, asked.name, "", lambda answer, _: answer.number)
