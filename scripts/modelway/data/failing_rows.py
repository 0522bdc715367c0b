"""The rows that break a contract, with the checks that each breaks: for whoever mends the data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelway.data.queries import PlacedTable, Query

LEADING = ("modelway_data", "modelway_file", "modelway_row", "modelway_checks")
"""The columns before those of the data."""


@dataclass(frozen=True)
class FailingRow:
    """file, row: as in a report's example. cells: column -> its value as text, None where it is missing."""

    data: str
    file: str
    row: int
    checks: tuple[str, ...]
    cells: Mapping[str, str | None]


def failing_rows(
    table: PlacedTable, data: str, broken: Mapping[Query, Sequence[str]], most: int, hidden: Mapping[str, str]
) -> tuple[FailingRow, ...]:
    """The first `most` rows that break a check, in the order of files and rows. broken: query -> the names of its failing
    checks. hidden: column -> what stands in the place of its values. (Of groups of rows, and of SQL, no single row breaks a
    check.)"""
    if most < 1:
        return ()
    names: dict[int, list[str]] = {}
    queries = tuple(broken)
    for query, places in zip(queries, table.places(queries, most), strict=True):
        for place in places:
            names.setdefault(place, []).extend(broken[query])
    first = sorted(names)[:most]
    columns = [column.name for column in table.columns]
    found = []
    for place, row in zip(first, table.rows_at(first), strict=True):
        cells = {
            name: hidden.get(name, cell) if cell is not None else None
            for name, cell in zip(columns, row.cells, strict=True)
        }
        found.append(FailingRow(data, row.file, row.row, tuple(names[place]), cells))
    return tuple(found)


def as_csv(rows: Iterable[FailingRow]) -> str:
    """With a header; a missing value is an empty cell."""
    rows = tuple(rows)
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*LEADING, *columns))
    for row in rows:
        writer.writerow(
            (row.data, row.file, row.row, "; ".join(row.checks), *(row.cells.get(name) for name in columns))
        )
    return text.getvalue()
