"""DuckDB's answers about cells: counts of numbers by its aggregate `histogram`, counts of texts by grouping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelway.data.cells import (
    LONGEST_VALUE,
    READ_AS,
    CellCounts,
    CellKind,
    ColumnCells,
    Frequent,
    GroupCounts,
    Grouping,
    Key,
)
from modelway.data.engines.duckdb.kept import BATCH
from modelway.data.engines.duckdb.sql import Statement, in_batches, reading
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.queries import StoredColumn

VECTOR = 2048
"""Rows that DuckDB decodes at once: to take or to leave whole ones is quicker than to take single rows."""
JSON_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"
ROW_OF_FILE = "file_row_number"
"""A column that DuckDB makes for each file of Parquet; one of this name in the file is a c0, c1, ... to us."""


class DuckDBCells:
    """See modelway.data.cells.CellTable."""

    def __init__(self, table: DuckDBTable) -> None:
        self._table = table
        self._position = {column.name: at for at, column in enumerate(table.columns)}
        self._total: int | None = None

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._table.columns

    def hold(self) -> None:
        if self._table.is_csv:
            self._table.keep([])

    def inferred(self, names: Sequence[str]) -> dict[str, CellKind]:
        found: dict[str, CellKind] = {}
        for batch in in_batches(names, BATCH):
            asked = []
            for name in batch:
                at = f"c{self._position[name]}"
                asked.append(f"count({at}), counted_if(lower({at}) IN ('true', 'false'))")
                number = f"isfinite(TRY_CAST({at} AS DOUBLE)) AND regexp_full_match({at}, '{JSON_NUMBER}')"
                asked.append(f"coalesce(bool_and(coalesce({number}, false)) FILTER (WHERE {at} IS NOT NULL), false)")
            (row,) = self._rows(Statement(f"SELECT {', '.join(asked)} FROM ").then(self._table.relation))
            for name, n, truths, numbers in zip(batch, row[::3], row[1::3], row[2::3], strict=True):
                found[name] = "boolean" if 0 < n == truths else "number" if numbers else "category"
        return found

    def quantiles(
        self, kinds: Mapping[str, CellKind], shares: Sequence[float], rows: int
    ) -> dict[str, tuple[float, ...]]:
        found: dict[str, tuple[float, ...]] = {}
        at_shares = ", ".join(repr(float(share)) for share in shares)
        where = self._evenly(rows)
        for batch in in_batches(list(kinds), BATCH):
            projected = ", ".join(f"{self._value(name, kinds[name])} AS v{at}" for at, name in enumerate(batch))
            asked = ", ".join(f"quantile_disc(v{at}, [{at_shares}])" for at in range(len(batch)))
            statement = Statement(f"SELECT {asked} FROM (SELECT {projected} FROM ").then(self._table.relation)
            (row,) = self._rows(statement.add(f" WHERE {where})"))
            found |= {name: tuple(map(float, values or ())) for name, values in zip(batch, row, strict=True)}
        return found

    def frequent(self, name: str, most: int) -> Frequent:
        self._rows(
            Statement("CREATE OR REPLACE TEMP TABLE frequencies AS SELECT v, count(*) AS n FROM (SELECT ")
            .add(f"{self._text(name)} AS v FROM ")
            .then(self._table.relation)
            .add(") WHERE v IS NOT NULL GROUP BY v")
        )
        least, listed = 1, 0
        for n, values in self._rows(Statement("SELECT n, count(*) FROM frequencies GROUP BY n ORDER BY n DESC")):
            listed += values
            if listed > most:
                least = int(n) + 1
                break
        values = self._rows(Statement(f"SELECT v FROM frequencies WHERE n >= {least:d} ORDER BY n DESC, v"))
        return Frequent(tuple(row[0] for row in values), least)

    def counted(self, cells: Sequence[ColumnCells], by: Grouping) -> dict[Key, GroupCounts]:
        found: dict[Key, GroupCounts] = {key: GroupCounts(rows, {}) for key, rows in self._groups(by)}
        numbers = [column for column in cells if column.kind != "category"]
        for group in found.values():  # where there are no rows, grouping them says nothing of any column
            group.columns.update({column.name: CellCounts(0, 0, (0,) * column.size) for column in numbers})
        for batch in in_batches(numbers, BATCH):
            for key, column, counts in self._numbers(batch, by):
                found[key].columns[column] = counts
        for text in cells:
            if text.kind == "category":
                made = self._texts(text, by)
                for key, group in found.items():
                    group.columns[text.name] = made.get(key) or CellCounts(0, 0, (0,) * text.size)
        return found

    def sampled(
        self, cells: Sequence[ColumnCells], rows: int, cluster: str | None
    ) -> list[tuple[str | None, tuple[float | str | None, ...]]]:
        made: list[list[Any]] = []
        clusters: list[str | None] = []
        for batch in in_batches(cells, BATCH):
            values = [self._cell_value(column) for column in batch]
            keyed = f"c{self._position[cluster]}::VARCHAR" if cluster else "NULL"
            statement = Statement(f"SELECT {keyed}, {', '.join(values)} FROM ").then(self._table.relation)
            found = self._rows(statement.add(f" WHERE {self._evenly(rows, 1)}{self._in_order()}"))
            clusters = [row[0] for row in found]
            made += [[row[at] for row in found] for at in range(1, len(batch) + 1)]
        return list(zip(clusters, zip(*made, strict=True), strict=True)) if made else []

    def _groups(self, by: Grouping) -> Iterator[tuple[Key, int]]:
        statement = Statement(f"SELECT g, k, count(*) FROM (SELECT {self._keys(by)} FROM ").then(self._table.relation)
        found = self._rows(statement.add(") GROUP BY g, k ORDER BY g, k"))
        return (((g, k), int(n)) for g, k, n in found or [(None, None, 0)])

    def _numbers(self, batch: Sequence[ColumnCells], by: Grouping) -> Iterator[tuple[Key, str, CellCounts]]:
        apart = by != Grouping()  # to group by nothing takes twice as long as not to group
        statement = Statement(f"SELECT {'g, k' if apart else 'NULL, NULL'}, count(*)")
        projected = [self._keys(by)]
        for at, column in enumerate(batch):
            read = self._reading(column.name, column.kind)
            projected.append(f"{read.present} AS p{at}, {self._cell_value(column)} AS v{at}")
            histogram = f"[count(v{at})]"
            if column.edges:
                histogram = f"map_values(histogram(v{at}, {statement.bind(list(column.edges))}::DOUBLE[]))"
            statement.add(f", counted_if(p{at}), count(v{at}), {histogram}, min(v{at}), max(v{at})")
        statement.add(f" FROM (SELECT {', '.join(projected)} FROM ").then(self._table.relation)
        for g, k, rows, *answers in self._rows(statement.add(") GROUP BY g, k" if apart else ")")):
            for at, column in enumerate(batch):
                present, valid, counts, low, high = answers[5 * at : 5 * at + 5]
                there = [*map(int, counts or ()), *[0] * column.size][: column.size]
                unreadable = present - valid if column.kind != "other" else 0
                yield (g, k), column.name, CellCounts(rows - present, unreadable, tuple(there), low=low, high=high)

    def _texts(self, column: ColumnCells, by: Grouping) -> dict[Key, CellCounts]:
        """Rows by value first, then the few values by cell."""
        statement = Statement(
            f"SELECT g, k, CASE WHEN v IS NULL THEN -1 ELSE coalesce(place, {column.size:d}) END, sum(n)::BIGINT"
        )
        statement.add(
            f" FROM (SELECT g, k, v, count(*) AS n FROM (SELECT {self._keys(by)}, {self._text(column.name)} AS v FROM "
        )
        statement.then(self._table.relation).add(") GROUP BY g, k, v) LEFT JOIN (SELECT unnest(listed) AS listed,")
        statement.add(
            f" generate_subscripts(listed, 1) - 1 AS place FROM (SELECT {statement.bind(list(column.values))}::VARCHAR[]"
        )
        statement.add(" AS listed)) ON v = listed GROUP BY 1, 2, 3")
        cells: dict[Key, list[int]] = {}
        for g, k, at, n in self._rows(statement):
            cells.setdefault((g, k), [0] * (column.size + 2))[at] = int(n)
        return {key: CellCounts(found[-1], 0, tuple(found[:-2]), beyond=found[-2]) for key, found in cells.items()}

    def _keys(self, by: Grouping) -> str:
        group = "NULL"
        if by.group:
            group = f"{self._text(by.group)}"
        elif by.time:
            read = self._reading(by.time, "time")
            moment = f"CASE WHEN {read.present} AND {read.valid} THEN {read.value} END"
            width = f"{by.width_us:d}::BIGINT"  # `//` and `%` round towards 0, and windows before 1970 do not
            group = f"(({moment}) - (({moment}) % {width} + {width}) % {width})::VARCHAR"
        cluster = f"{self._text(by.cluster)}" if by.cluster else "NULL"
        return f"{group} AS g, {cluster} AS k"

    def _cell_value(self, column: ColumnCells) -> str:
        return self._text(column.name) if column.kind == "category" else self._value(column.name, column.kind)

    def _value(self, name: str, kind: CellKind) -> str:
        """A number; null where it is missing or cannot be read. (histogram counts NaN in a cell of its own choice.)"""
        read = self._reading(name, kind)
        if kind == "other":
            return f"CASE WHEN {read.present} THEN 0::DOUBLE END"
        return f"CASE WHEN {read.present} AND {read.valid} THEN ({read.value})::DOUBLE END"

    def _text(self, name: str) -> str:
        text = f"c{self._position[name]}::VARCHAR"
        cut = f"left({text}, {LONGEST_VALUE // 2}) || '…' || md5({text})"
        long = f"strlen({text}) > {LONGEST_VALUE} AND length({text}) > {LONGEST_VALUE}"  # its bytes need no counting
        return f"CASE WHEN {long} THEN {cut} ELSE {text} END"

    def _reading(self, name: str, kind: CellKind) -> Any:
        at = self._position[name]
        return reading(at, self._table.columns[at], READ_AS[kind])

    def _evenly(self, rows: int, width: int = VECTOR) -> str:
        """The condition that picks about so many rows, in runs of `width` rows. By a hash of their place: every hundredth row
        would be of the same hour wherever rows come in a fixed order."""
        if self._total is None:
            self._total = int(self._rows(Statement("SELECT count(*) FROM ").then(self._table.relation))[0][0])
        every = max(1, self._total // max(rows, 1))
        width = min(width, max(1, self._total // (64 * every)))  # some 64 runs at least
        place = "rowid" if self._table.has_rowid else f"{ROW_OF_FILE}"
        file = "0" if self._table.has_rowid else "file_index"
        return f"hash({file}, {place} // {width:d}) % {every:d} = 0"

    def _in_order(self) -> str:
        return " ORDER BY rowid" if self._table.has_rowid else f" ORDER BY file_index, {ROW_OF_FILE}"

    def _rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._table.rows(statement)


def cells_of(table: DuckDBTable) -> DuckDBCells:
    """The table that `open_table` gave, as one whose cells can be counted."""
    return DuckDBCells(table)
