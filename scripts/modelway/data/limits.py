"""Limits of a column's values as ODCS (`logicalTypeOptions`) and JSON Schema write them, which are the same words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from modelway.config.document import Where
from modelway.data.expressions import as_literal, quoted
from modelway.data.forms import Draft
from modelway.data.values import ORDERED, parsed_bound
from modelway.errors import InvalidInput

BITS = {f"{sign}{bits}": (sign, bits) for sign in "iu" for bits in (8, 16, 32, 64)}
"""Formats of whole numbers."""
DAY_FORMATS = ("yyyy-MM-dd", "date", "ISO8601")
TIME_FORMATS = ("yyyy-MM-ddTHH:mm:ssZ", "yyyy-MM-dd'T'HH:mm:ssZ", "yyyy-MM-dd HH:mm:ss", "date-time", "ISO8601")
"""Formats that the types date and timestamp ask for anyway."""
SIDES = {
    "minimum": (0, ">=", 0),
    "exclusiveMinimum": (0, ">", 1),
    "maximum": (1, "<=", 0),
    "exclusiveMaximum": (1, "<", -1),
}
"""The side of a range, the sign of a rule, and how far the last allowed whole number or day is from it."""


def hold_limits(draft: Draft, name: str, column: dict[str, Any], given: Mapping[str, Any], where: Where) -> None:
    """What is given of a column, as keys of ours; whatever has none is said."""
    range_: list[Any] = [None, None]
    length: list[Any] = [None, None]
    for key, value in given.items():
        place = (*where, key)
        if key in SIDES:
            _hold_side(draft, name, column, range_, key, value, place)
        elif key in ("minLength", "maxLength"):
            length[key == "maxLength"] = value
        elif key == "pattern" and isinstance(value, str):
            column["pattern"] = value
        elif key == "format" and value in BITS and column.get("type") == "integer":
            sign, bits = BITS[value]
            lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if sign == "i" else (0, (1 << bits) - 1)
            range_[0] = lowest if range_[0] is None else max(range_[0], lowest)
            range_[1] = highest if range_[1] is None else min(range_[1], highest)
        elif key == "format" and value in (DAY_FORMATS if column.get("type") == "date" else TIME_FORMATS):
            continue
        else:
            draft.is_not_held(f"{name}: {key} {value!r}"[:200], place)
    found = {"range": range_, "length": length}
    column |= {key: sides for key, sides in found.items() if any(side is not None for side in sides)}


def _hold_side(
    draft: Draft, name: str, column: dict[str, Any], range_: list[Any], key: str, value: Any, where: Where
) -> None:
    side, sign, step = SIDES[key]
    kind = column.get("type")
    if kind not in ORDERED:
        draft.is_not_held(f"{name}: {key} goes with {', '.join(ORDERED)}", where)
        return
    try:
        bound = parsed_bound(kind, value)
    except ValueError as wanted:
        raise InvalidInput(f"is no {kind}", where=draft.source.at(where), fix=f"give {wanted}") from None
    if step and kind in ("number", "timestamp"):
        draft.append("rules", f"{quoted(name)} {sign} {as_literal(bound)}", where)
        return
    if not step and range_[side] is None:
        range_[side] = value
        return
    if step:
        bound = bound + timedelta(days=step) if kind == "date" else bound + step
    if kind in ("date", "timestamp"):
        bound = bound.isoformat()
    there = range_[side]
    tighter = max if side == 0 else min
    range_[side] = bound if there is None else tighter(there, bound, key=lambda one: parsed_bound(kind, one))
