"""The sketch of a model's training data: the columns that the model is asked with, each read as its signature has it.

The cells are those of the version before wherever they still fit, so that its days go on to be the history of this one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from modelway.data.cells import CellKind, ColumnCells
from modelway.data.contract import Contract
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.data.drift.sketching import DataReading, OpenedCells, can_be_read, open_cells
from modelway.data.sources import find_source

FEWEST_ROWS = 5
"""Of a text that is kept by its name: a rarer one may be somebody's own."""
LEAST_SHARE = 0.01
"""Of the rows: where no text has so many, each row may have its own, and none is kept."""


MORE_BEYOND = 0.01
MORE_IN_ONE = 3.0
LEAST_IN_ONE = 0.15
PREDICTED_NUMBER, PREDICTED_CLASS = "(predicted number)", "(predicted class)"
"""As the model server calls them (modelway.serving.cells)."""
PREDICTED = (PREDICTED_NUMBER, PREDICTED_CLASS)
PROBABILITIES = tuple(step / 20 for step in range(1, 20))
MOST_CLASSES = 50
"""Cells of before fit while texts without one are at most so much more of the rows, and no cell of numbers has both so many
times what the fullest had, and so much of the rows."""


@dataclass(frozen=True)
class TrainingSketch:
    """unfit: columns for which the cells of the version before do not do any more, so that all have new ones."""

    sketch: DataSketch
    unfit: tuple[str, ...] = ()


def training_sketch(
    path: Path,
    name: str,
    contract: Contract,
    columns: Mapping[str, CellKind],
    before: DataSketch | None = None,
    label: str = "",
    memory_mb: int = 1024,
) -> TrainingSketch:
    """columns: those of the signature, and the kind of each. Left out are those that the data has not, or that cannot be read
    so, and what is sensitive. before: of the version before. label: whose values predictions are like. InvalidInput where the
    data cannot be read."""
    hidden = {column for column, asked in contract.columns.items() if asked.sensitive is True}
    reading = DataReading(contract=contract, columns=tuple(columns), memory_mb=memory_mb)
    with open_cells(find_source(path, name), reading) as rows:
        there = {
            column: kind
            for column, kind in columns.items()
            if column in rows.stored and can_be_read(rows.stored[column], kind) and column not in hidden
        }
        rows.reading = dataclasses.replace(reading, columns=tuple(there))
        unfit: tuple[str, ...] = ()
        if before is not None:
            known = [column for column in before.columns if column.name not in PREDICTED]
            kinds = {column.name: column.cells.kind for column in known}
            unread = {name for name in there if name not in kinds and not _is_read(_alone(rows, name, there))}
            wanted = {name: kind for name, kind in there.items() if name not in unread}
            unfit = tuple(sorted(name for name in {*kinds, *wanted} if kinds.get(name) != wanted.get(name)))
            if not unfit:
                again = rows.sketch([column.cells for column in known], own=False)
                pairs = zip(known, again.columns, strict=True)
                unfit = tuple(new.name for old, new in pairs if not (_is_read(new) and _fits(old, new)))
                if not unfit:
                    of = [column.cells for column in before.columns if column.name in PREDICTED]
                    return TrainingSketch(_with_predictions(again, again.columns, of))
        cells, _ = rows.cells(there)
        sketch = rows.sketch(cells, own=True)
        predicted = _prediction_cells(rows, "" if label in hidden else label)
    kept = tuple(map(_discreet, filter(_is_read, sketch.columns)))
    return TrainingSketch(_with_predictions(sketch, kept, predicted), unfit)


def _prediction_cells(rows: OpenedCells, label: str) -> list[ColumnCells]:
    """Of what the model says: numbers as probabilities, or, where the label has others, as its values; classes as those of
    the label."""
    edges, values = PROBABILITIES, tuple[str, ...]()
    stored = rows.stored.get(label)
    if stored is not None:
        rows.reading = dataclasses.replace(rows.reading, columns=(label,))
        if can_be_read(stored, "category"):
            [cells], _ = rows.cells({label: "category"})
            values = _discreet(rows.sketch([cells], own=True).columns[0]).cells.values[:MOST_CLASSES]
        if can_be_read(stored, "number"):
            [cells], _ = rows.cells({label: "number"})
            column = rows.sketch([cells], own=True).columns[0]
            beyond = any(not 0 <= end <= 1 for end in (column.low, column.high) if end is not None)
            edges = cells.edges if beyond and _is_read(column) else edges
    return [
        ColumnCells(name=PREDICTED_CLASS, kind="category", values=values),
        ColumnCells(name=PREDICTED_NUMBER, kind="number", edges=edges),
    ]


def _with_predictions(sketch: DataSketch, columns: Iterable[SketchColumn], cells: Sequence[ColumnCells]) -> DataSketch:
    """Nobody knows yet what the model will say: the servers count it."""
    none = [SketchColumn(cells=one, missing=sketch.rows, unreadable=0, counts=(0,) * one.size) for one in cells]
    every = sorted([*columns, *none], key=lambda column: column.name)
    return msgspec.structs.replace(sketch, columns=tuple(every), others=())


def _alone(rows: OpenedCells, name: str, kinds: Mapping[str, CellKind]) -> SketchColumn:
    none = ColumnCells(name=name, kind=kinds[name], edges=(0.0,) if kinds[name] != "category" else ())
    return rows.sketch([none], own=False).columns[0]


def _is_read(column: SketchColumn) -> bool:
    """A text of CSV may be read as anything, and be nothing of it."""
    return column.unreadable <= column.readable


def _fits(old: SketchColumn, new: SketchColumn) -> bool:
    """Whether the cells of old rows tell new ones apart."""
    if new.cells.kind == "category":
        return _share(new.beyond, new) <= _share(old.beyond, old) + MORE_BEYOND
    if new.cells.kind != "number":
        return True
    fullest = _share(max(new.counts, default=0), new)
    return fullest <= max(LEAST_IN_ONE, MORE_IN_ONE * _share(max(old.counts, default=0), old))


def _share(count: int, column: SketchColumn) -> float:
    return count / column.readable if column.readable else 0.0


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
