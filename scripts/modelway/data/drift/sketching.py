"""Data as a sketch: which columns, in which cells, and their counts. It is read once for cells, and once for counts."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from modelway.config.document import suggestion
from modelway.data import engines
from modelway.data.cells import READ_AS, CellKind, CellTable, ColumnCells, Grouping
from modelway.data.contract import Contract
from modelway.data.drift.sketch import DataSketch, Shape, sketch_of
from modelway.data.queries import StoredColumn
from modelway.data.sources import Source
from modelway.data.values import READABLE, Stored, ValueType
from modelway.errors import InvalidInput

SHARES = (0.001, 0.005, 0.01, *(step / 40 for step in range(1, 40)), 0.99, 0.995, 0.999)
"""Of the reference's rows: where numbers have their edges."""
SAMPLE_ROWS = 20_000
"""That edges are chosen from."""
MOST_VALUES = 1000
"""Texts of one column with a cell of their own."""
MOST_CLUSTERS = 100_000
MOST_GROUPS = 1000

OF_TYPE: Mapping[ValueType, CellKind] = {
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "string": "category",
    "date": "time",
    "timestamp": "time",
}
OF_STORED: Mapping[Stored, CellKind] = {
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "date": "time",
    "timestamp": "time",
    "text": "category",
    "other": "other",
}


@dataclass(frozen=True)
class DataReading:
    """How data is read. columns: those to look at; None: all that are not left out."""

    contract: Contract
    columns: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    memory_mb: int = 1024
    engine: str = engines.DEFAULT

    def wants(self, name: str) -> bool:
        return name not in self.leave_out and (self.columns is None or name in self.columns)


class OpenedCells:
    """A data set whose cells can be counted."""

    def __init__(self, table: CellTable, reading: DataReading, name: str) -> None:
        self.table, self.reading, self.name = table, reading, name
        self.stored = {column.name: column for column in table.columns}
        self.no_text: frozenset[str] = frozenset()
        """Columns that the data beside stores as something else than text, by no contract: as text they are another type."""

    @property
    def typed(self) -> frozenset[str]:
        """Columns that are stored as something else than text, and that no contract gives a type."""
        asked = self.reading.contract.columns
        return frozenset(
            column.name
            for column in self.table.columns
            if column.stored != "text" and not (column.name in asked and asked[column.name].type)
        )

    def require(self, names: Collection[str]) -> None:
        for name in names:
            if name not in self.stored:
                raise InvalidInput(f"has no column {name[:100]!r}", where=self.name, fix=suggestion(name, self.stored))

    def require_times(self, name: str, key: str = "drift.time-column") -> None:
        """That the column is there, and holds times or text. key: where it is named."""
        self.require([name])
        if not can_be_read(self.stored[name], "time"):
            raise InvalidInput(
                f"column {name[:100]!r} is stored as {self.stored[name].physical[:100]}, and not as a time",
                where=self.name,
                fix=f"name a column with times as {key}",
            )

    def cells(self, known: Mapping[str, CellKind]) -> tuple[tuple[ColumnCells, ...], tuple[str, ...]]:
        """The cells that fit these rows, of every column that is wanted; and the columns whose kind their values told.
        known: kinds that are settled elsewhere."""
        kinds, inferred = self._kinds(known)
        numbers = {name: kind for name, kind in kinds.items() if kind in ("number", "time")}
        found = self.table.quantiles(numbers, SHARES, SAMPLE_ROWS)
        made = []
        for name, kind in kinds.items():
            if kind == "category":
                frequent = self.table.frequent(name, MOST_VALUES)
                made.append(ColumnCells(name=name, kind=kind, values=frequent.values, least=frequent.least))
            else:
                edges = (0.0,) if kind == "boolean" else edges_of(found.get(name, ()))
                made.append(ColumnCells(name=name, kind=kind, edges=edges))
        return tuple(made), inferred

    def _kinds(self, known: Mapping[str, CellKind]) -> tuple[dict[str, CellKind], tuple[str, ...]]:
        kinds: dict[str, CellKind] = {}
        open_ones = []
        for column in self.table.columns:
            if not self.reading.wants(column.name):
                continue
            asked = self.reading.contract.columns.get(column.name)
            if column.name in known:
                kinds[column.name] = known[column.name]
            elif asked and asked.type:
                kinds[column.name] = OF_TYPE[asked.type]
            else:
                kinds[column.name] = OF_STORED[column.stored]
                if column.physical == "text":
                    open_ones.append(column.name)
            if not can_be_read(column, kinds[column.name]):
                raise InvalidInput(
                    f"column {column.name[:100]!r} is stored as {column.physical[:100]}, not as the contract has it",
                    where=self.name,
                    fix="correct its type in the contract, or leave the column out",
                )
        kinds |= self.table.inferred(open_ones)
        return kinds, tuple(open_ones)

    def countable(self, cells: Sequence[ColumnCells]) -> tuple[list[ColumnCells], Shape]:
        """Those of the cells that these rows can be counted in, and what is different about the others."""
        counted, absent, unlike = [], [], []
        for column in cells:
            stored = self.stored.get(column.name)
            if stored is None:
                absent.append(column)
            elif not can_be_read(stored, column.kind) or (stored.name in self.no_text and _is_kept_as_text(stored)):
                absent.append(column)
                unlike.append((column.name, stored.physical[:100]))
            else:
                counted.append(column)
        known = {column.name for column in cells}
        others = [name for name in self.stored if name not in known and self.reading.wants(name)]
        return counted, Shape(tuple(absent), tuple(unlike), tuple(others))

    def sketch(self, cells: Sequence[ColumnCells], *, own: bool, cluster: str | None = None) -> DataSketch:
        """All rows in these cells. own: the cells were made of these rows."""
        return self.groups(cells, Grouping(cluster=cluster), own=own)[None]

    def groups(
        self, cells: Sequence[ColumnCells], by: Grouping, *, own: bool, most: int = MOST_GROUPS
    ) -> dict[str | None, DataSketch]:
        """A sketch of each group of rows. InvalidInput where they are more than `most`."""
        self.require([name for name in (by.group, by.time, by.cluster) if name])
        counted, shape = self.countable(cells)
        found = self.table.counted(counted, by)
        if by.cluster and len({cluster for _, cluster in found}) > MOST_CLUSTERS:
            raise InvalidInput(
                f"column {by.cluster[:100]!r} has more than {MOST_CLUSTERS:,} values",
                where=self.name,
                fix="name a column as cluster whose rows belong together, such as the day",
            )
        groups: dict[str | None, list[str | None]] = {}
        for group, cluster in found:
            groups.setdefault(group, []).append(cluster)
        if len(groups) > most:
            what = f"column {by.group[:100]!r} has more than" if by.group else "the windows are more than"
            fix = "make window-hours larger"
            if by.group:
                fix = "name a column with fewer values as slices, or derive one that groups them"
            raise InvalidInput(f"{what} {most:,}{' values' if by.group else ''}", where=self.name, fix=fix)
        return {
            group: sketch_of(
                counted,
                [found[group, cluster] for cluster in clusters],
                shape,
                own=own and not by.group and not by.time,
                clustered=by.cluster is not None,
            )
            for group, clusters in groups.items()
        }


def _is_kept_as_text(column: StoredColumn) -> bool:
    """By choice: in CSV all is text."""
    return column.stored == "text" and column.physical != "text"


def can_be_read(column: StoredColumn, kind: CellKind) -> bool:
    if kind == "other" or (kind == "time" and column.stored == "date"):
        return True
    type_ = READ_AS[kind]
    return type_ is not None and column.stored in READABLE[type_]


def edges_of(quantiles: Sequence[float]) -> tuple[float, ...]:
    """The edges at these values. One that repeats is a value that many rows share: it gets a cell of its own, between the
    number just below it and itself."""
    edges: set[float] = set()
    for value, after in pairwise(quantiles):
        if value == after:
            edges.add(math.nextafter(value, -math.inf))
    edges.update(quantiles)
    return tuple(sorted(edge + 0.0 for edge in edges))


@contextmanager
def open_cells(source: Source, reading: DataReading) -> Iterator[OpenedCells]:
    """InvalidInput where it cannot be read, or the engine counts no cells."""
    engine = engines.cell_engine(reading.engine)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-drift-") as folder,
        engine.open_table(source, reading.contract.dialect, Path(folder), reading.memory_mb) as table,
    ):
        cells = engine.cells_of(table)
        cells.hold()
        yield OpenedCells(cells, reading, source.name)
