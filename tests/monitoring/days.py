"""Days of a model's requests, drawn with a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.monitoring.watching import WatchedDay

START = date(2026, 1, 5)
EDGES = tuple(step / 4 for step in range(-10, 11))
TEXTS = ("a", "b", "c")


def cells_of(number: int) -> ColumnCells:
    if number % 3 == 2:
        return ColumnCells(name=f"c{number}", kind="category", values=TEXTS)
    return ColumnCells(name=f"c{number}", kind="number", edges=EDGES)


def sketch(chance: random.Random, rows: int, columns: int, shift: float = 0.0, missing: float = 0.01) -> DataSketch:
    """Two of three columns are normal numbers, the third one of three texts. shift, missing: of the first."""
    made = []
    for number in range(columns):
        cells = cells_of(number)
        counts, gone = [0] * cells.size, 0
        for _ in range(rows):
            if chance.random() < (missing if number == 0 else 0.01):
                gone += 1
            elif cells.kind == "category":
                counts[min(int(3 * chance.random() ** 2), 2)] += 1
            else:
                value = chance.gauss(shift if number == 0 else 0.0, 1)
                counts[sum(value > edge for edge in EDGES)] += 1
        made.append(SketchColumn(cells=cells, missing=gone, unreadable=0, counts=tuple(counts)))
    return DataSketch(rows=rows, columns=tuple(made))


def days(
    count: int, of: Callable[[int], dict[str, float]] = lambda day: {}, columns: int = 3, rows: int = 400, seed: int = 1
) -> list[WatchedDay]:
    """of: what is different on the day of this number."""
    chance = random.Random(seed)
    return [WatchedDay(START + timedelta(days=day), sketch(chance, rows, columns, **of(day))) for day in range(count)]
