"""Whether every value of a column is one of those that are listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from modelway.config.document import Document, Where
from modelway.config.keys import Scalar, Section
from modelway.config.kinds import described
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.queries import NotAllowed
from modelway.data.values import READABLE, ValueType, in_words, parsed_bound, shortened
from modelway.errors import InvalidInput

ORDER, LEVEL = 40, "column"
RULE_LIMIT = 120


class AllowedKeys(Section, frozen=True):
    allowed: tuple[Scalar, ...] = ()


KEYS = AllowedKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    place = (*where, "allowed")
    if values_are_sound(document, place, keys.type, keys.allowed):
        for key, keeps in (("range", _within), ("length", _as_long)):
            if getattr(keys, key) and not any(keeps(keys, value) for value in keys.allowed):
                what = f"names no value that {key} lets through: no data could pass"
                raise InvalidInput(
                    what, where=document.at(place), fix=f"mend allowed or {key}, or leave one of them out"
                )


def _within(keys: Any, value: Scalar) -> bool:
    low, high = (None if bound is None else parsed_bound(keys.type, bound) for bound in keys.range)
    bound = parsed_bound(keys.type, value)
    return (low is None or low <= bound) and (high is None or bound <= high)


def _as_long(keys: Any, value: Scalar) -> bool:
    fewest, most = keys.length
    return (fewest or 0) <= len(str(value)) <= (most if most is not None else len(str(value)))


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if keys.allowed and around.columns[name].stored in READABLE[keys.type]:
        allowed = tuple(dict.fromkeys(parsed_bound(keys.type, value) for value in keys.allowed))
        rule = shortened(", ".join(map(in_words, allowed)), RULE_LIMIT)
        query = NotAllowed(name, keys.type, allowed)
        yield no_violation(query, f"{name} among allowed", rule, may_be_empty(keys))


def values_are_sound(document: Document, where: Where, kind: ValueType | None, values: Sequence[Any]) -> bool:
    """Whether the key is there. InvalidInput where it is empty, the column has no type, or a value is not of it."""
    if not document.has(where):
        return False
    if not values:
        raise InvalidInput("is empty", where=document.at(where), fix="give the values, or leave the key out")
    if kind is None:
        fix = f"add `type:`, one of {', '.join(get_args(ValueType))}"
        raise InvalidInput("needs the column's type", where=document.at(where), fix=fix)
    for index, value in enumerate(values):
        if value is not None:
            _fits(document, (*where, index), kind, value)
    return True


def _fits(document: Document, where: Where, kind: ValueType, value: Scalar) -> None:
    try:
        parsed_bound(kind, value)
    except ValueError as wanted:
        raise InvalidInput(
            f"is {described(value)}, not {wanted}",
            where=document.at(where),
            fix=f"the column's type is {kind}: give {wanted}",
        ) from None
