"""Rows that are compared by themselves: of each value of a column, and of each window of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelway.config.drift import Drift
from modelway.data.cells import ColumnCells, Grouping
from modelway.data.drift.sides import DriftSide
from modelway.data.drift.sketch import DataSketch
from modelway.data.drift.sketching import OpenedCells
from modelway.errors import InvalidInput

FEWEST_ROWS = 100
"""Of a slice or a window, in each data set: with fewer it is shown, and not judged."""
MOST_SLICES = 50
"""Of one column: those with the most rows of the reference."""
MICROSECONDS_OF_HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ComparedRows:
    """A slice or a window, before it is judged: its rows of the reference, and the current ones."""

    name: str
    before: DataSketch
    after: DataSketch

    @property
    def enough(self) -> bool:
        return min(self.before.rows, self.after.rows) >= FEWEST_ROWS


def _rows_of(side: DriftSide, what: str) -> OpenedCells:
    if side.rows is None:
        raise InvalidInput(f"is a sketch, and {what} need rows", where=side.name, fix=f"give rows, or no {what}")
    return side.rows


def slices_of(
    name: str, cells: Sequence[ColumnCells], reference: DriftSide, current: DriftSide, settings: Drift, notes: list[str]
) -> list[ComparedRows]:
    """The rows of each value of a column, against those of the same value in the reference."""
    others = [column for column in cells if column.name != name]
    by = Grouping(group=name, cluster=settings.cluster)
    before = _rows_of(reference, "slices").groups(others, by, own=False)
    after = _rows_of(current, "slices").groups(others, by, own=False)
    common = sorted(before.keys() & after.keys(), key=lambda value: (-before[value].rows, value or ""))
    if len(common) > MOST_SLICES:
        notes.append(
            f"of the {len(common)} values of {name}, the {MOST_SLICES} with the most rows were looked at as slices"
        )
    return [
        ComparedRows(f"{name} = {'(missing)' if value is None else value}", before[value], after[value])
        for value in common[:MOST_SLICES]
    ]


def windows_of(
    cells: Sequence[ColumnCells], before: DataSketch, current: DriftSide, settings: Drift
) -> list[ComparedRows]:
    """The current rows window by window, each against all of the reference."""
    if settings.window_hours is None:
        return []
    if settings.time_column is None:
        raise InvalidInput(
            "is given without a column of times", where="drift.window-hours", fix="set drift.time-column too"
        )
    rows = _rows_of(current, "windows")
    width = max(1, round(settings.window_hours * MICROSECONDS_OF_HOUR))
    rows.require_times(settings.time_column)
    by = Grouping(time=settings.time_column, width_us=width, cluster=settings.cluster)
    found = rows.groups(cells, by, own=False)
    if not any(found):
        raise InvalidInput(
            f"column {settings.time_column[:100]!r} has no time in any row",
            where=current.name,
            fix="write times as ISO 8601, such as 2026-11-21T08:30:00Z, or name another column as drift.time-column",
        )
    order = sorted(found, key=lambda start: (start is None, int(start or 0)))
    return [ComparedRows(_moment(start), before, found[start]) for start in order]


def _moment(start: str | None) -> str:
    """A window's beginning, as ISO 8601 in UTC."""
    if start is None:
        return "(without a time)"
    try:
        return (EPOCH + timedelta(microseconds=int(start))).isoformat().replace("+00:00", "Z")
    except OverflowError:  # a year that Python has not
        return f"{start} us since 1970"
