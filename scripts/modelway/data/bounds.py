"""Limits of a number that a check measures: `at-least`, `at-most`, `above`, `below`, `other-than`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Section
from modelway.data.checks import ContractCheck, result
from modelway.data.queries import Answer, Query
from modelway.data.report import CheckResult
from modelway.errors import InvalidInput

HOLDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "at_least": ("at least", operator.ge),
    "at_most": ("at most", operator.le),
    "above": ("above", operator.gt),
    "below": ("below", operator.lt),
    "other_than": ("other than", operator.ne),
}


class Bounds(Section, frozen=True):
    """One limit or several; each is a check of its own."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    other_than: float | None = None


def bounds_are_sound(document: Document, where: Where, bounds: Bounds) -> None:
    """InvalidInput where there is no limit, one that is no number, or two that nothing can keep."""
    given = dict(given_of(bounds))
    if not given:
        fix = "give at-least, at-most, above, below or other-than"
        raise InvalidInput("has no limit", where=document.at(where), fix=fix)
    for key, limit in given.items():
        if not math.isfinite(limit):
            raise InvalidInput("is no limit", where=document.at((*where, key.replace("_", "-"))), fix="give a number")
    low = max((limit for key, limit in given.items() if key in ("at_least", "above")), default=-math.inf)
    high = min((limit for key, limit in given.items() if key in ("at_most", "below")), default=math.inf)
    strict = low in (given.get("above"), given.get("other_than")) or high in (
        given.get("below"),
        given.get("other_than"),
    )
    if low > high or (low == high and strict):
        raise InvalidInput("has limits that no number keeps", where=document.at(where), fix="mend or swap them")


def given_of(bounds: Any) -> Iterator[tuple[str, float]]:
    return ((key, getattr(bounds, key)) for key in HOLDS if getattr(bounds, key) is not None)


def checks_of(
    bounds: Bounds, query: Query | None, name: str, unit: str, value_of: Callable[[Answer, int], float | None]
) -> Iterator[ContractCheck]:
    """A check for each limit. unit: what the value is counted in, such as `rows` or `%`."""
    for key, limit in given_of(bounds):
        yield ContractCheck(query, _judge(name, key, limit, unit, value_of))


def _judge(
    name: str, key: str, limit: float, unit: str, value_of: Callable[[Answer, int], float | None]
) -> Callable[[Answer, int], CheckResult]:
    words, holds = HOLDS[key]

    def judge(answer: Answer, rows: int) -> CheckResult:
        value = value_of(answer, rows)
        detail = "no value to look at" if value is None else ""
        rule = f"{words} {limit:g} {unit}".rstrip()
        return result(name, rule, answer.n, value, limit, examples=answer.examples, detail=detail, holds=holds)

    return judge
