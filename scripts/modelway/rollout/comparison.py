"""Rows that a shadow and stable were both asked to predict: how many predictions differ, and what is to be made of that.

Only counts are kept, never a row. The interval holds whenever one looks (`distributions.rate_at_any_look`), so every look
may decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec

from modelway.distributions import Interval, rate_at_any_look

CONFIDENCE = 0.95
MOST_NAMES = 50
"""Of slices of a column, and of pairs of classes: a column may hold a different value in every row."""
OTHER = "(other)"
Key = TypeVar("Key")


class RowsPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is compared, fixed before the start."""

    most: int
    """So many rows at most."""
    task: Literal["binary", "multiclass", "regression"]
    threshold: float
    """A score at or above it is the positive class (binary)."""
    tolerance: float
    """Two numbers further apart than this times max(1, the larger one) differ (regression)."""
    slices: tuple[str, ...] = ()
    """The columns whose values are told apart."""
    differ_at_most: float | None = None
    """The share of rows that may differ; None: nothing is decided by it."""


class ClassPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of which stable says the one class and the new release the other, or the same."""

    stable: str
    new: str
    rows: int


class SliceRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that have this value in this column."""

    column: str
    value: str
    compared: int
    differ: int

    @property
    def name(self) -> str:
        return f"{self.column} = {self.value}"

    @property
    def interval(self) -> Interval:
        """Of the rate at which predictions differ."""
        return rate_at_any_look(self.differ, self.compared, CONFIDENCE)


class RowCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was compared. failed: times that a row, or the sample of them, could not be had; why: the last time. Of these
    nothing is taken for agreement."""

    compared: int = 0
    differ: int = 0
    classes: tuple[ClassPair, ...] = ()
    slices: tuple[SliceRows, ...] = ()
    failed: int = 0
    why: str = ""

    @property
    def interval(self) -> Interval:
        """Of the rate at which predictions differ."""
        return rate_at_any_look(self.differ, self.compared, CONFIDENCE)


def together(counts: Iterable[RowCounts]) -> RowCounts:
    """Summed. Beyond MOST_NAMES, what comes later is one with the others."""
    compared = differ = failed = 0
    why = ""
    pairs: dict[tuple[str, str], int] = {}
    slices: dict[str, dict[str, tuple[int, int]]] = {}
    for part in counts:
        compared, differ, failed = compared + part.compared, differ + part.differ, failed + part.failed
        why = part.why or why
        for pair in part.classes:
            names = _known(pairs, (pair.stable, pair.new), (OTHER, OTHER))
            pairs[names] = pairs.get(names, 0) + pair.rows
        for item in part.slices:
            values = slices.setdefault(item.column, {})
            value = _known(values, item.value, OTHER)
            n, differing = values.get(value, (0, 0))
            values[value] = n + item.compared, differing + item.differ
    return RowCounts(
        compared=compared,
        differ=differ,
        classes=tuple(ClassPair(*names, rows) for names, rows in pairs.items()),
        slices=tuple(SliceRows(name, value, *n) for name, values in slices.items() for value, n in values.items()),
        failed=failed,
        why=why,
    )


def _known(seen: dict[Key, int] | dict[Key, tuple[int, int]], name: Key, other: Key) -> Key:
    return name if name in seen or len(seen) < MOST_NAMES else other


def worst_slice(counts: RowCounts) -> SliceRows | None:
    """Where predictions surely differ most: the slice whose interval begins highest. None where nothing differs."""
    return max((item for item in counts.slices if item.differ), key=lambda item: item.interval[0], default=None)


def decide(plan: RowsPlan, counts: RowCounts) -> Literal["fail", "pass", "inconclusive"]:
    """Whether more than the share that may differ does, or surely less. Where nothing was asked for, pass."""
    if plan.differ_at_most is None:
        return "pass"
    low, high = counts.interval
    return "fail" if low > plan.differ_at_most else "pass" if high < plan.differ_at_most else "inconclusive"


def rows_needed(differ_at_most: float) -> int:
    """How many rows, none of which differs, show that at most this share does."""
    needed = 1
    while rate_at_any_look(0, needed, CONFIDENCE)[1] >= differ_at_most:
        needed += 1 + needed // 100
    return needed


def rate_said(compared: int, differ: int) -> str:
    """Such as 2.10 % [0.91, 4.22] of 512."""
    if not compared:
        return "no rows"
    low, high = rate_at_any_look(differ, compared, CONFIDENCE)
    return f"{differ / compared:.2%} [{100 * low:.2f}, {100 * high:.2f}] of {compared:,}"


def said(plan: RowsPlan, counts: RowCounts) -> str:
    """In one line, for a person."""
    if not counts.compared:
        return f"predictions: no rows were compared{f' ({counts.why})' if counts.why else ''}"
    text = f"predictions: {rate_said(counts.compared, counts.differ)} rows differ from stable's"
    if worst := worst_slice(counts):
        text += f", most where {worst.name}: {rate_said(worst.compared, worst.differ)}"
    if plan.differ_at_most is not None:
        text += f"; at most {100 * plan.differ_at_most:.3g} % may"
    return text + (f"; {counts.failed:,} times there was nothing to compare ({counts.why})" if counts.failed else "")
