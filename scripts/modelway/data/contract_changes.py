"""What changed between two contracts, and whether it breaks whoever relies on the earlier one.

A contract is what its producer promises. A change is breaking where data that keeps the new contract may break the earlier
one: a wider range, a new allowed value, a column that may be missing. It is compatible where the new one promises as much or
more. Columns are read by name, so a further column breaks nobody. What cannot be decided (another pattern) is breaking.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from modelway.data.compact import compact
from modelway.data.contract import Contract
from modelway.data.values import ValueType, parsed_bound, printable
from modelway.data.yaml_text import flow

Effect = Literal["compatible", "breaking"]
LOOSER_TYPES: dict[ValueType, tuple[ValueType, ...]] = {"number": ("integer",)}
"""Type -> others of which every value is of it too."""
LISTS = ("rules", "increasing", "references", "groups", "counts", "sql")
LIMITS = ("at-least", "at-most", "above", "below", "other-than")
WRITTEN_BY = ("null-values", "delimiter", "quote", "encoding")
SHOWN = 120


class ContractChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """where: the key, such as `columns.price.range`. before, after: as the contract has them; empty where there is nothing."""

    where: str
    before: str
    after: str
    effect: Effect
    why: str


def contract_changes(old: Contract, new: Contract) -> tuple[ContractChange, ...]:
    """Every change from the one to the other: of the columns, in the order of the earlier contract, then of the table."""
    before, after = compact(old), compact(new)
    return (*_columns(before["columns"], after["columns"]), *_table(before, after))


def worst(changes: tuple[ContractChange, ...]) -> Literal["same", "compatible", "breaking"]:
    if any(change.effect == "breaking" for change in changes):
        return "breaking"
    return "compatible" if changes else "same"


def _change(where: str, before: Any, after: Any, breaks: bool, why: str) -> ContractChange:
    def shown(value: Any) -> str:
        text = "" if value is None else printable(flow(value))
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

    return ContractChange(
        where=printable(where),
        before=shown(before),
        after=shown(after),
        effect="breaking" if breaks else "compatible",
        why=why,
    )


def _columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ContractChange]:
    for name, old in before.items():
        if name not in after:
            yield _change(f"columns.{name}", old, None, True, "the column need not be there any more")
        else:
            yield from _column(f"columns.{name}", old, after[name])
    for name, new in after.items():
        if name not in before:
            yield _change(f"columns.{name}", None, new, False, "one more column; columns are read by name")


def _column(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
    kinds = old.get("type"), new.get("type")
    if kinds[0] != kinds[1]:
        breaks = kinds[0] is not None and kinds[1] not in LOOSER_TYPES.get(kinds[0], ())
        why = "values may be of another type" if breaks else "each value is still of the earlier type"
        yield _change(f"{where}.type", *kinds, breaks, why)
    nulls = _most_nulls(old), _most_nulls(new)
    if nulls[0] != nulls[1]:
        more = nulls[1] > nulls[0]
        key = "nullable" if 0 in nulls else "max-null-percent"
        why = "more values may be missing" if more else "fewer values may be missing"
        yield _change(f"{where}.{key}", f"up to {nulls[0]:g} %", f"up to {nulls[1]:g} %", more, why)
    for key in ("range", "length"):
        if old.get(key) != new.get(key) and (kinds[0] == kinds[1] or {*kinds} == {"integer", "number"}):
            numbers = key == "length" or kinds[0] != kinds[1]
            looser = _is_wider(old.get(key), new.get(key), "number" if numbers else kinds[0])
            if looser is not None:
                yield _change(f"{where}.{key}", old.get(key), new.get(key), looser, _wider(looser))
    if old.get("allowed") != new.get("allowed"):
        yield from _allowed(f"{where}.allowed", old.get("allowed"), new.get("allowed"))
    if old.get("pattern") != new.get("pattern"):
        breaks = old.get("pattern") is not None
        why = "texts may be of another form" if breaks else "texts have a form"
        yield _change(f"{where}.pattern", old.get("pattern"), new.get("pattern"), breaks, why)
    if old.get("unique", False) != new.get("unique", False):
        breaks = bool(old.get("unique"))
        why = "values may repeat" if breaks else "no value repeats"
        yield _change(f"{where}.unique", old.get("unique"), new.get("unique"), breaks, why)
    for key in ("sensitive", "description"):
        if old.get(key) != new.get(key):
            yield _change(f"{where}.{key}", old.get(key), new.get(key), False, "it promises nothing of the values")


def _most_nulls(column: Mapping[str, Any]) -> float:
    """A hair below 100 where nothing is said: a column without a single value then has nothing to look at, and fails."""
    return 0 if not column.get("nullable", True) else float(column.get("max-null-percent", math.nextafter(100, 0)))


def _is_wider(old: Any, new: Any, kind: ValueType | None) -> bool | None:
    """None where they are the same."""

    def side(bounds: Any, at: int) -> Any:
        return None if bounds is None or bounds[at] is None else parsed_bound(kind or "number", bounds[at])

    low, high = (side(old, 0), side(new, 0)), (side(old, 1), side(new, 1))
    if low[0] == low[1] and high[0] == high[1]:
        return None
    lower = low[0] is not None and (low[1] is None or low[1] < low[0])
    higher = high[0] is not None and (high[1] is None or high[1] > high[0])
    return bool(lower or higher)


def _wider(looser: bool) -> str:
    return "values may lie outside the earlier limits" if looser else "the limits are as tight or tighter"


def _allowed(where: str, old: Any, new: Any) -> Iterator[ContractChange]:
    if old is None or new is None:
        breaks = new is None
        yield _change(where, old, new, breaks, "any value may be there" if breaks else "values are listed")
        return
    more = [value for value in new if value not in old]
    fewer = [value for value in old if value not in new]
    if more:
        yield _change(where, None, more, True, "values that were not allowed")
    if fewer:
        yield _change(where, fewer, None, False, "values that are there no more")


def _table(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ContractChange]:
    rows = before.get("rows", {}), after.get("rows", {})
    bounds = [[given.get("at-least", 1), given.get("at-most")] for given in rows]
    looser = _is_wider(bounds[0], bounds[1], "integer")
    if looser is not None:
        why = "there may be fewer or more rows" if looser else "the limits are as tight or tighter"
        yield _change("rows", rows[0] or None, rows[1] or None, looser, why)
    yield from _freshness(before.get("freshness"), after.get("freshness"))
    old_keys, new_keys = ([sorted(key) for key in given.get("unique", ())] for given in (before, after))
    yield from (_change("unique", key, None, True, "rows may repeat it") for key in old_keys if key not in new_keys)
    yield from (_change("unique", None, key, False, "no row repeats it") for key in new_keys if key not in old_keys)
    for key in LISTS:
        yield from _list(key, before.get(key, ()), after.get(key, ()))
    for key in WRITTEN_BY:
        if before.get(key) != after.get(key):
            yield _change(key, before.get(key), after.get(key), True, "files are read in another way")
    if before.get("unlisted-columns") != after.get("unlisted-columns"):
        values = before.get("unlisted-columns"), after.get("unlisted-columns")
        yield _change("unlisted-columns", *values, False, "columns are read by name")


def _freshness(old: Any, new: Any) -> Iterator[ContractChange]:
    if old == new:
        return
    if old is None:
        yield _change("freshness", old, new, False, "the newest row has a limit")
        return
    same = new is not None and new["column"] == old["column"] and new["at-most-hours"] <= old["at-most-hours"]
    yield _change("freshness", old, new, not same, "rows may be older" if not same else "rows are fresher")


def _list(key: str, old: Any, new: Any) -> Iterator[ContractChange]:
    """Checks are the same where all but their limits are; a check that has no limits is there or not."""
    before, after = _by_identity(old), _by_identity(new)
    for identity, item in before.items():
        if identity not in after:
            yield _change(key, item, None, True, "the check is gone, or another")
        elif item != after[identity]:
            looser = _is_looser(item, after[identity])
            yield _change(key, item, after[identity], looser, _wider(looser))
    for identity, item in after.items():
        if identity not in before:
            yield _change(key, None, item, False, "one more check")


def _by_identity(items: Any) -> dict[str, Any]:
    """(Their names are for people.)"""
    found: dict[str, Any] = {}
    for item in items:
        plain = {"rule": item} if isinstance(item, str) else dict(item)
        identity = flow({name: value for name, value in sorted(plain.items()) if name not in (*LIMITS, "name")})
        while identity in found:
            identity += "+"
        found[identity] = {name: value for name, value in plain.items() if name != "name"}
    return found


def _is_looser(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a number that keeps the new limits may break the earlier ones."""

    def low(item: Mapping[str, Any]) -> tuple[float, bool]:
        return max((item.get("at-least", -math.inf), False), (item.get("above", -math.inf), True))

    def high(item: Mapping[str, Any]) -> tuple[float, bool]:
        return min((item.get("at-most", math.inf), True), (item.get("below", math.inf), False))

    other = old.get("other-than")
    may_be_other = other is not None and new.get("other-than") != other and low(new)[0] <= other <= high(new)[0]
    return low(new) < low(old) or high(new) > high(old) or may_be_other
