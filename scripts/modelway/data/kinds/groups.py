"""Whether every group of rows is as large, or has as large a sum or mean, as it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.rule_queries import GroupsOutside, Measure
from modelway.data.values import NUMERIC
from modelway.errors import InvalidInput

ORDER, LEVEL = 160, "table"


class GroupLimit(Section, frozen=True):
    """A limit for each group of rows that are alike in some columns."""

    by: tuple[Name, ...]
    """Null is a value. Empty: all rows are one group."""
    measure: Measure
    """rows; share, of all rows, from 0 to 1; sum, mean, lowest, highest of the column `of`."""
    of: Name | None = None
    """A column of type integer or number."""
    at_least: float | None = None
    at_most: float | None = None


class GroupKeys(Section, frozen=True):
    groups: tuple[GroupLimit, ...] | UnsetType = UNSET


KEYS = GroupKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, asked in enumerate(keys.groups or ()):
        place = (*where, "groups", index)
        if len(set(asked.by)) < len(asked.by):
            raise InvalidInput("names a column twice", where=document.at((*place, "by")), fix="name each once")
        if asked.at_least is None and asked.at_most is None:
            raise InvalidInput("has no limit", where=document.at(place), fix="give at-least, at-most or both")
        if asked.at_least is not None and asked.at_most is not None and asked.at_most < asked.at_least:
            raise InvalidInput("is below at-least", where=document.at((*place, "at-most")), fix="swap them")
        counts = asked.measure in ("rows", "share")
        if counts and asked.of is not None:
            raise InvalidInput(f"goes not with {asked.measure}", where=document.at((*place, "of")), fix="leave it out")
        if not counts and (asked.of not in keys.columns or keys.columns[asked.of].type not in NUMERIC):
            what = f"the {asked.measure} is of no column that is listed with the type integer or number"
            raise InvalidInput(what, where=document.at(place), fix="name such a column: `of: price`")


def columns_named(contract: Any) -> Iterable[str]:
    return (name for asked in contract.groups or () for name in (*asked.by, *([asked.of] if asked.of else [])))


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    for asked in contract.groups or ():
        kind = contract.columns[asked.of].type if asked.of else None
        wanted = dict.fromkeys(asked.by) | ({asked.of: kind} if asked.of else {})
        if around.readable(wanted):
            query = GroupsOutside(asked.by, asked.measure, asked.of, kind, asked.at_least, asked.at_most)
            of = f"{asked.measure} of {asked.of}" if asked.of else asked.measure
            per = f"per {', '.join(asked.by)}" if asked.by else "of all rows"
            sides = (("at least", asked.at_least), ("at most", asked.at_most))
            rule = " and ".join(f"{words} {limit:g}" for words, limit in sides if limit is not None)
            yield no_violation(query, f"{of} {per}", f"{rule} in every group" if asked.by else rule)
