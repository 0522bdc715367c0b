"""The sketch of a model's training data: the columns that the model is asked with, each read as its signature has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import msgspec

from modelway.data.cells import CellKind
from modelway.data.contract import Contract
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.data.drift.sketching import DataReading, can_be_read, open_cells
from modelway.data.sources import find_source

FEWEST_ROWS = 5
"""Of a text that is kept by its name: a rarer one may be somebody's own."""
LEAST_SHARE = 0.01
"""Of the rows: where no text has so many, each row may have its own, and none is kept."""


def training_sketch(
    path: Path, name: str, contract: Contract, columns: Mapping[str, CellKind], memory_mb: int = 1024
) -> DataSketch:
    """columns: those of the signature, and the kind of each. Left out are those that the data has not, or that cannot be read
    so. InvalidInput where the data cannot be read."""
    reading = DataReading(contract=contract, columns=tuple(columns), memory_mb=memory_mb)
    with open_cells(find_source(path, name), reading) as rows:
        there = {
            column: kind
            for column, kind in columns.items()
            if column in rows.stored and can_be_read(rows.stored[column], kind)
        }
        rows.reading = dataclasses.replace(reading, columns=tuple(there))
        cells, _ = rows.cells(there)
        sketch = rows.sketch(cells, own=True)
    return msgspec.structs.replace(sketch, columns=tuple(map(_discreet, sketch.columns)))


def _discreet(column: SketchColumn) -> SketchColumn:
    """Without the texts that few rows have: the sketch travels with the model."""
    if column.cells.kind != "category":
        return column
    common = max(column.counts, default=0) >= LEAST_SHARE * column.readable
    kept = {
        value: n for value, n in zip(column.cells.values, column.counts, strict=True) if common and n >= FEWEST_ROWS
    }
    least = max(column.cells.least, FEWEST_ROWS)
    cells = msgspec.structs.replace(column.cells, values=tuple(kept), least=least)
    return msgspec.structs.replace(
        column,
        cells=cells,
        counts=tuple(kept.values()),
        beyond=column.readable - sum(kept.values()),
        borderline=sum(n for n in kept.values() if n == least),
    )
