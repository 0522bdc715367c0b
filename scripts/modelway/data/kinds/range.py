"""Whether every value of a column lies between two limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Scalar, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.kinds.allowed import values_are_sound
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.queries import Outside
from modelway.data.values import ORDERED, READABLE, Bound, in_words, parsed_bound
from modelway.errors import InvalidInput

ORDER, LEVEL = 30, "column"


class RangeKeys(Section, frozen=True):
    range: tuple[Scalar | None, ...] = ()
    """[lowest, highest], both allowed; null leaves a side open. Dates and times as ISO 8601 text."""


KEYS = RangeKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    where = (*where, "range")
    if not values_are_sound(document, where, keys.type, keys.range):
        return
    if keys.type not in ORDERED:
        raise InvalidInput(
            f"does not go with the type {keys.type}",
            where=document.at(where),
            fix=f"use it with {', '.join(ORDERED)}, or use `allowed:`",
        )
    if len(keys.range) != 2 or all(bound is None for bound in keys.range):
        raise InvalidInput("is not [lowest, highest]", where=document.at(where), fix="give both, null for an open side")
    low, high = _limits(keys)
    if low is not None and high is not None and low > high:
        raise InvalidInput("has its lowest value above its highest", where=document.at(where), fix="swap them")


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if keys.range and around.columns[name].stored in READABLE[keys.type]:
        low, high = _limits(keys)
        query = Outside(name, keys.type, low, high)
        yield no_violation(query, f"{name} in range", _in_words(low, high), may_be_empty(keys))


def _limits(keys: Any) -> tuple[Any, Any]:
    low, high = (None if bound is None else parsed_bound(keys.type, bound) for bound in keys.range)
    return low, high


def _in_words(low: Bound | None, high: Bound | None) -> str:
    if low is None or high is None:
        return f"at most {in_words(high)}" if low is None else f"at least {in_words(low)}"
    return f"from {in_words(low)} to {in_words(high)}"
