"""Columns and data sets for the tests of drift: sketches made of counts, and tables of known populations as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from modelway.config.drift import Drift
from modelway.data.cells import CellCounts, ColumnCells, GroupCounts
from modelway.data.contract import Contract
from modelway.data.drift.detection import DriftFound, detect
from modelway.data.drift.sides import open_side
from modelway.data.drift.sketch import DataSketch, Shape, SketchColumn, sketch_of
from modelway.data.drift.sketching import DataReading


def numbers(counts: Sequence[int], edges: Sequence[float] = (), low: float = 0.0, high: float = 1.0) -> SketchColumn:
    """A column of numbers with these counts; edges: evenly from low to high where none are given."""
    upper = tuple(edges) or tuple(low + (high - low) * (at + 1) / len(counts) for at in range(len(counts) - 1))
    cells = ColumnCells(name="x", kind="number", edges=upper)
    return single(cells, CellCounts(0, 0, tuple(int(n) for n in counts), low=low, high=high))


def texts(counts: Sequence[int], beyond: int = 0, *, own: bool = False) -> SketchColumn:
    cells = ColumnCells(name="x", kind="category", values=tuple(f"t{at}" for at in range(len(counts))))
    return single(cells, CellCounts(0, 0, tuple(int(n) for n in counts), beyond=beyond), own=own)


def single(cells: ColumnCells, counted: CellCounts, *, own: bool = False) -> SketchColumn:
    return whole({cells.name: (cells, counted)}, own=own).columns[0]


def whole(columns: Mapping[str, tuple[ColumnCells, CellCounts]], *, own: bool = False) -> DataSketch:
    counted = next(iter(columns.values()))[1]
    rows = sum(counted.counts) + counted.beyond + counted.missing + counted.unreadable
    group = GroupCounts(rows, {name: counts for name, (_, counts) in columns.items()})
    return sketch_of([cells for cells, _ in columns.values()], [group], Shape(), own=own, clustered=False)


def parquet(path: Path, columns: Mapping[str, Any]) -> Path:
    """columns: arrays of numpy, one for each column."""
    data = dict(columns)
    with duckdb.connect() as connection:
        connection.register("data", data)
        connection.execute(f"COPY data TO '{path}' (FORMAT parquet)")
    return path


def population(rows: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    """Six columns, as they come: normal, skewed, mostly zero, of few values, truth values, text. shift: in standard deviations
    of the normal one; the share of every other thing moves with it."""
    draw = np.random.default_rng(seed)
    return {
        "normal": draw.normal(shift, 1, rows),
        "skewed": np.exp(draw.normal(shift, 1, rows)),
        "spiked": np.where(draw.random(rows) < 0.6 - shift / 2, 0.0, draw.exponential(1, rows)),
        "hour": draw.integers(0, 24, rows),
        "flag": draw.random(rows) < 0.3 + shift / 2,
        "place": np.array(["north", "south", "east", "west"], dtype=object)[
            np.minimum(draw.integers(0, 4, rows) + (draw.random(rows) < shift / 2), 3)
        ],
    }


def found(reference: Path, current: Path, settings: Drift | None = None, **reading: Any) -> DriftFound:
    """What comes of two data sets; reading: of sketching.DataReading."""
    how = DataReading(reading.pop("contract", Contract()), **reading)
    with open_side(reference, reference.name, how) as one, open_side(current, current.name, how) as other:
        return detect(one, other, settings or Drift(), lambda line: None)


def outcomes(result: DriftFound) -> dict[str, str]:
    return {column.name: column.outcome for column in result.report.columns}
