"""A data set as counts in cells: all that a comparison needs of it, without its rows.

A sketch is whole numbers, apart from the edges of cells and the least and greatest values, so that sketches with the same
cells are merged by addition: in any order, to the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

import msgspec

from modelway.data.cells import CellCounts, ColumnCells, GroupCounts
from modelway.errors import InvalidInput

SCHEMA: Literal["modelway/data-sketch/1"] = "modelway/data-sketch/1"


class Sums(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one count x_c in each cluster c, among n_c rows: what the variance of its share needs. squares: the sum of x_c^2.
    products: the sum of x_c n_c."""

    squares: int
    products: int


class ColumnSums(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over clusters. rows, readable: the sums of the squares of their rows, and of those with a value of the kind. shares: of
    each cell's count, and for cells between edges of the count of all up to it, among the readable. missing, unreadable:
    among the rows. beyond: among the readable."""

    rows: int
    readable: int
    missing: Sums
    unreadable: Sums
    beyond: Sums
    shares: tuple[Sums, ...]


class SketchColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows of one column by cell."""

    cells: ColumnCells
    missing: int
    unreadable: int
    counts: tuple[int, ...]
    beyond: int = 0
    """Texts that have no cell."""
    borderline: int = 0
    """In the rows that the cells were made of: those whose text has the fewest rows that have a cell, `cells.least`."""
    low: float | None = None
    high: float | None = None
    sums: ColumnSums | None = None
    """None where no cluster was named."""

    @property
    def name(self) -> str:
        return self.cells.name

    @property
    def readable(self) -> int:
        """Rows with a value of the column's kind."""
        return sum(self.counts) + self.beyond


class DataSketch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """columns, by name. absent: columns with cells that the data has not. unlike: those of them that it stores as something
    that their kind cannot be read from, and as what. others: its columns without cells. clusters: 0 where none was named."""

    schema: Literal["modelway/data-sketch/1"] = SCHEMA
    rows: int
    clusters: int = 0
    columns: tuple[SketchColumn, ...]
    absent: tuple[ColumnCells, ...] = ()
    unlike: dict[str, str] = {}
    others: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[ColumnCells, ...]:
        return tuple(sorted([*(column.cells for column in self.columns), *self.absent], key=lambda item: item.name))

    @property
    def by_name(self) -> dict[str, SketchColumn]:
        return {column.name: column for column in self.columns}


@dataclass(frozen=True)
class Shape:
    """What a data set has beside the columns that were counted; see DataSketch."""

    absent: tuple[ColumnCells, ...] = ()
    unlike: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()


def sketch_of(
    cells: Sequence[ColumnCells], groups: Sequence[GroupCounts], shape: Shape, *, own: bool, clustered: bool
) -> DataSketch:
    """The rows of all groups together. own: the cells were made of these rows. clustered: each group is a cluster."""
    columns = tuple(
        _column(column, [(group.rows, group.columns[column.name]) for group in groups], own, clustered)
        for column in sorted(cells, key=lambda item: item.name)
    )
    return DataSketch(
        rows=sum(group.rows for group in groups),
        clusters=len(groups) if clustered else 0,
        columns=columns,
        absent=tuple(sorted(shape.absent, key=lambda item: item.name)),
        unlike=dict(sorted(shape.unlike)),
        others=tuple(sorted(shape.others)),
    )


def _column(cells: ColumnCells, counted: Sequence[tuple[int, CellCounts]], own: bool, clustered: bool) -> SketchColumn:
    parts = [part for _, part in counted]
    counts = tuple(map(sum, zip(*(part.counts for part in parts), strict=True))) if parts else (0,) * cells.size
    return SketchColumn(
        cells=cells,
        missing=sum(part.missing for part in parts),
        unreadable=sum(part.unreadable for part in parts),
        counts=counts,
        beyond=sum(part.beyond for part in parts),
        borderline=sum(n for n in counts if n == cells.least) if own and cells.kind == "category" else 0,
        low=_end(min, [part.low for part in parts]),
        high=_end(max, [part.high for part in parts]),
        sums=_sums(cells, counted) if clustered else None,
    )


def _end(of: Callable[[Iterable[float]], float], ends: Iterable[float | None]) -> float | None:
    """-0.0 as 0: which of the two is the lesser would be told by their order."""
    there = [end + 0.0 for end in ends if end is not None]
    return of(there) if there else None


def _sums(cells: ColumnCells, counted: Sequence[tuple[int, CellCounts]]) -> ColumnSums:
    rows = [n for n, _ in counted]
    readable = [sum(part.counts) + part.beyond for _, part in counted]
    by_cell = [part.counts if cells.kind == "category" else tuple(accumulate(part.counts)) for _, part in counted]
    return ColumnSums(
        rows=sum(n * n for n in rows),
        readable=sum(n * n for n in readable),
        missing=_sum([part.missing for _, part in counted], rows),
        unreadable=_sum([part.unreadable for _, part in counted], rows),
        beyond=_sum([part.beyond for _, part in counted], readable),
        shares=tuple(_sum(cell, readable) for cell in zip(*by_cell, strict=True)),
    )


def _sum(hits: Iterable[int], n: Sequence[int]) -> Sums:
    hits = tuple(hits)
    return Sums(sum(x * x for x in hits), sum(x * y for x, y in zip(hits, n, strict=True)))


def merged(sketches: Sequence[DataSketch], names: Sequence[str]) -> DataSketch:
    """All rows of the sketches. names: what messages call them. InvalidInput where their cells differ."""
    first, *rest = sketches
    for name, other in zip(names[1:], rest, strict=True):
        if other.cells != first.cells or [c.name for c in other.columns] != [c.name for c in first.columns]:
            raise InvalidInput(
                f"has other columns or cells than {names[0]}", where=name, fix="make both sketches with one reference"
            )
        if bool(other.clusters) != bool(first.clusters):
            raise InvalidInput(
                f"counts clusters, and {names[0]} does not, or the other way round",
                where=name,
                fix="name `cluster` for both",
            )
    for other in rest:
        first = _both(first, other)
    return first


def _both(one: DataSketch, other: DataSketch) -> DataSketch:
    return DataSketch(
        rows=one.rows + other.rows,
        clusters=one.clusters + other.clusters,
        columns=tuple(_added(a, b) for a, b in zip(one.columns, other.columns, strict=True)),
        absent=one.absent,
        unlike=dict(sorted({**one.unlike, **other.unlike}.items())),
        others=tuple(sorted({*one.others, *other.others})),
    )


def _added(one: SketchColumn, other: SketchColumn) -> SketchColumn:
    return SketchColumn(
        cells=one.cells,
        missing=one.missing + other.missing,
        unreadable=one.unreadable + other.unreadable,
        counts=tuple(a + b for a, b in zip(one.counts, other.counts, strict=True)),
        beyond=one.beyond + other.beyond,
        borderline=one.borderline + other.borderline,
        low=_end(min, [one.low, other.low]),
        high=_end(max, [one.high, other.high]),
        sums=_added_sums(one.sums, other.sums) if one.sums and other.sums else None,
    )


def _added_sums(one: ColumnSums, other: ColumnSums) -> ColumnSums:
    def both(a: Sums, b: Sums) -> Sums:
        return Sums(a.squares + b.squares, a.products + b.products)

    return ColumnSums(
        rows=one.rows + other.rows,
        readable=one.readable + other.readable,
        missing=both(one.missing, other.missing),
        unreadable=both(one.unreadable, other.unreadable),
        beyond=both(one.beyond, other.beyond),
        shares=tuple(both(a, b) for a, b in zip(one.shares, other.shares, strict=True)),
    )


def written(sketch: DataSketch) -> str:
    """The sketch as JSON. Equal sketches are equal bytes."""
    return msgspec.json.encode(sketch).decode() + "\n"


def begins_as_sketch(file: Path) -> bool:
    """Whether it is a JSON object whose first key is a sketch's schema, of any version."""
    try:
        with file.open("rb") as stream:
            return bool(re.match(rb'(\xef\xbb\xbf)?\s*\{\s*"schema"\s*:\s*"modelway/data-sketch/', stream.read(4096)))
    except OSError:
        return False  # whoever reads it says why it cannot be read


def read_sketch(path: Path, name: str) -> DataSketch:
    """InvalidInput where the file is no sketch, or one that does not add up."""
    try:
        sketch = msgspec.json.decode(path.read_bytes(), type=DataSketch)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=name, fix="name an existing sketch") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidInput(
            f"is no sketch of data: {reason}",
            where=name,
            fix="give a file that detect-drift wrote as a sketch, or rows of JSON as *.jsonl",
        ) from None
    for fault in _faults(sketch):
        raise InvalidInput(f"is no sound sketch: {fault}", where=name, fix="write it again with detect-drift")
    return sketch


def _faults(sketch: DataSketch) -> Iterable[str]:
    names = [cells.name for cells in sketch.cells]
    if len(set(names)) < len(names) or [c.name for c in sketch.columns] != sorted(c.name for c in sketch.columns):
        yield "its columns are not in order, each once"
    for column in sketch.columns:
        cells = column.cells
        counts: Mapping[str, int] = {
            "missing": column.missing,
            "unreadable": column.unreadable,
            "beyond": column.beyond,
        }
        if len(column.counts) != cells.size or min((*column.counts, *counts.values()), default=0) < 0:
            yield f"column {cells.name[:60]!r} has counts that do not belong to its cells"
        elif column.missing + column.unreadable + column.readable != sketch.rows:
            yield f"the counts of column {cells.name[:60]!r} are not those of {sketch.rows} rows"
        if list(cells.edges) != sorted(set(cells.edges)) or len(set(cells.values)) < len(cells.values):
            yield f"the cells of column {cells.name[:60]!r} are not in order"
        if (column.sums is None) != (sketch.clusters == 0) or (column.sums and len(column.sums.shares) != cells.size):
            yield f"the clusters of column {cells.name[:60]!r} are not counted"
