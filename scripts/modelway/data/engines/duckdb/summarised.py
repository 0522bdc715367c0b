"""Opened data that tells what its columns hold; see modelway.data.summaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from modelway.data.engines.duckdb.kept import KeptTable, parts_of
from modelway.data.engines.duckdb.sql import EPOCH, Reading, Statement, reading
from modelway.data.values import Bound, ValueType

FIRST_ROWS = 10_000
"""A column with many different values among these has no few in all; the others are looked at whole."""


class SummarisedTable(KeptTable):
    def extents(self, wanted: Mapping[str, ValueType]) -> dict[str, tuple[Bound, Bound] | None]:
        found: dict[str, tuple[Bound, Bound] | None] = {}
        for part in parts_of(wanted):
            sides = []
            for name, kind in part.items():
                read = self._read(name, kind)
                sides += [f"{side}({read.value}) FILTER (WHERE {_valid(read)})" for side in ("min", "max")]
            row = self.rows(Statement(f"SELECT {', '.join(sides)} FROM ").then(self._relation))[0]
            for at, (name, kind) in enumerate(part.items()):
                low, high = row[2 * at : 2 * at + 2]
                found[name] = None if low is None else (_plain(low, kind), _plain(high, kind))
        return found

    def few_values(self, wanted: Mapping[str, ValueType], most: int) -> dict[str, tuple[Bound, ...] | None]:
        found: dict[str, tuple[Bound, ...] | None] = {}
        for part in parts_of(wanted):
            counts = ", ".join(f"count(DISTINCT c{self._position[name]})" for name in part)
            first = Statement(f"SELECT {counts} FROM (SELECT * FROM ").then(self._relation).add(f" LIMIT {FIRST_ROWS})")
            for (name, kind), count in zip(part.items(), self.rows(first)[0], strict=True):
                found[name] = self._values(name, kind, most) if count <= most else None
        return found

    def _values(self, name: str, kind: ValueType, most: int) -> tuple[Bound, ...] | None:
        read = self._read(name, kind)
        different = Statement(f"SELECT DISTINCT {read.value} AS v FROM ").then(self._relation)
        rows = self.rows(different.add(f" WHERE {_valid(read)} LIMIT {most + 1:d}"))
        return None if len(rows) > most else tuple(sorted(_plain(row[0], kind) for row in rows))

    def _read(self, name: str, kind: ValueType) -> Reading:
        at = self._position[name]
        return reading(at, self._columns[at], kind)


def _valid(read: Reading) -> str:
    return f"{read.present} AND coalesce({read.valid}, false)"


def _plain(value: Any, kind: ValueType) -> Any:
    if kind == "timestamp":
        moment: datetime = EPOCH + timedelta(microseconds=value)
        return moment
    if kind == "integer":
        return int(value)
    return float(value) if kind == "number" else value
