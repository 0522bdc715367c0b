"""About ten groups of the cells of a column: what the usual distances are taken over, and what a person is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import SketchColumn
from modelway.data.values import shortened

GROUPS = 10
LONGEST_LABEL = 40
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DriftBar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of cells: what is in it, and its rows in both data sets."""

    label: str
    reference: int
    current: int


def bars(reference: SketchColumn, current: SketchColumn) -> tuple[DriftBar, ...]:
    """Numbers in groups of about a tenth of the reference each, fewer where values repeat; the ten most frequent texts, and
    all others together. Every readable value is in one."""
    if reference.cells.kind == "category":
        return _of_texts(reference, current)
    groups: list[DriftBar] = []
    first = 0
    for last in group_ends(reference):
        cells = slice(first, last + 1)
        label = _label(reference.cells, first, last)
        groups.append(DriftBar(label, sum(reference.counts[cells]), sum(current.counts[cells])))
        first = last + 1
    return tuple(groups)


def _of_texts(reference: SketchColumn, current: SketchColumn) -> tuple[DriftBar, ...]:
    order = sorted(range(len(reference.counts)), key=lambda at: (-reference.counts[at], at))[:GROUPS]
    texts = [
        DriftBar(shortened(reference.cells.values[at], LONGEST_LABEL), reference.counts[at], current.counts[at])
        for at in order
    ]
    others = [column.readable - sum(column.counts[at] for at in order) for column in (reference, current)]
    return (*texts, DriftBar("(others)", *others)) if any(others) else tuple(texts)


def group_ends(reference: SketchColumn) -> list[int]:
    """The last cell of each group of a column of numbers."""
    enough, ends, inside = reference.readable / GROUPS, [], 0
    for at, count in enumerate(reference.counts):
        if inside and count >= enough:  # a value that many rows share has a group of its own
            ends.append(at - 1)
            inside = 0
        inside += count
        if inside >= enough and inside:
            ends.append(at)
            inside = 0
    if not ends or ends[-1] != len(reference.counts) - 1:
        ends.append(len(reference.counts) - 1)
    return ends


def _label(cells: ColumnCells, first: int, last: int) -> str:
    if cells.kind == "boolean":
        return "false" if last == 0 else "true"
    edges = cells.edges
    if last >= len(edges):
        return f"above {_shown(cells, edges[first - 1])}" if first else "any"
    if 0 < first == last and edges[first - 1] == math.nextafter(edges[last], -math.inf):
        return _shown(cells, edges[last])
    if last + 1 < len(edges) and edges[last] == math.nextafter(edges[last + 1], -math.inf):
        return f"below {_shown(cells, edges[last + 1])}"
    return f"to {_shown(cells, edges[last])}"


def _shown(cells: ColumnCells, edge: float) -> str:
    if cells.kind == "time":
        try:
            return (EPOCH + timedelta(microseconds=edge)).isoformat(timespec="seconds").replace("+00:00", "Z")
        except OverflowError:
            return f"{edge:.0f} us since 1970"
    return f"{edge:.6g}"


def counts_of(found: Sequence[DriftBar]) -> tuple[list[int], list[int]]:
    """Of the reference and of the current data."""
    return [bar.reference for bar in found], [bar.current for bar in found]
