"""What a model predicted, among the days of what it was asked: nothing of it is known from training, so that its history is
what it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from modelway.data.drift.sketch import DataSketch, SketchColumn, merged
from modelway.data.drift.training import PREDICTED


def with_predictions(
    reference: DataSketch, days: Mapping[str, DataSketch], history_days: int
) -> tuple[DataSketch, dict[str, DataSketch]]:
    """The reference with the shares of the first days in it; a column of predictions that none of them has any of is left out
    of all."""
    first = [days[day] for day in sorted(days)[:history_days]]
    known = merged(first, list(map(str, range(len(first))))).by_name if first else {}
    columns, without = list[SketchColumn](), set[str]()
    for column in reference.columns:
        if column.name not in PREDICTED:
            columns.append(column)
        elif column.name in known and known[column.name].readable:
            columns.append(_as_many(known[column.name], reference.rows))
        else:
            without.add(column.name)
    kept = {
        day: msgspec.structs.replace(one, columns=tuple(c for c in one.columns if c.name not in without))
        for day, one in days.items()
    }
    return msgspec.structs.replace(reference, columns=tuple(columns)), kept


def _as_many(column: SketchColumn, rows: int) -> SketchColumn:
    """The same shares of the rows that the reference has; what was there at all is there still."""
    room = max(rows - column.cells.size, 0)
    counts: Sequence[int] = [-(-n * room // column.readable) for n in column.counts]
    return msgspec.structs.replace(
        column, counts=tuple(counts), beyond=0, unreadable=0, missing=max(rows - sum(counts), 0)
    )
