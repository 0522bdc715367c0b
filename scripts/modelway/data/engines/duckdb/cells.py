"""DuckDB's answers about cells: counts of numbers by its aggregate `histogram`, counts of texts by grouping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
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
from modelway.data.engines.duckdb.sql import Statement, evenly, in_batches, reading
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
        self._frequencies: dict[str, tuple[dict[str, int], int]] = {}
        """Of columns of text: the rows of each value that was listed, and of all values."""

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
        least, listed, total = 1, 0, 0
        for n, values in self._rows(Statement("SELECT n, count(*) FROM frequencies GROUP BY n ORDER BY n DESC")):
            listed, total = listed + values, total + n * values
            if listed > most and least == 1:
                least = int(n) + 1
        found = self._rows(Statement(f"SELECT v, n FROM frequencies WHERE n >= {least:d} ORDER BY n DESC, v"))
        self._frequencies[name] = dict(found), total
        return Frequent(tuple(value for value, _ in found), least)

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
        values = [self._cell_value(column) for column in batch]
        statement, wanted = Statement(), list[str]()
        for at, column in enumerate(batch):
            histogram = f"[count(v{at})]"
            if column.edges:
                histogram = f"map_values(histogram(v{at}, {statement.bind(list(column.edges))}::DOUBLE[]))"
            wanted.append(f"{histogram}, min(v{at}), max(v{at})")
        answers = self._apart(statement, wanted, values, by)
        counts = {
            (key, column.name): [*map(int, found[3 * at] or ()), *[0] * column.size][: column.size]
            for key, (_, *found) in answers.items()
            for at, column in enumerate(batch)
        }
        short = {name for (key, name), there in counts.items() if sum(there) < answers[key][0]}
        present = self._present([column for column in batch if column.name in short], by)
        for key, (rows, *found) in answers.items():
            for at, column in enumerate(batch):
                there = counts[key, column.name]
                readable, low, high = sum(there), *found[3 * at + 1 : 3 * at + 3]
                seen = present.get((key, column.name), readable)
                yield key, column.name, CellCounts(rows - seen, seen - readable, tuple(there), low=low, high=high)

    def _present(self, columns: Sequence[ColumnCells], by: Grouping) -> dict[tuple[Key, str], int]:
        """Of the columns whose values may be there and not readable: how many are there."""
        reads = {column.name: self._reading(column.name, column.kind) for column in columns if column.kind != "other"}
        wanted = [f"counted_if(v{at})" for at in range(len(reads))]
        answers = self._apart(Statement(), wanted, [read.present for read in reads.values()], by) if reads else {}
        return {
            (key, name): int(count)
            for key, (_, *counts) in answers.items()
            for name, count in zip(reads, counts, strict=True)
        }

    def _apart(
        self, statement: Statement, wanted: Sequence[str], values: Sequence[str], by: Grouping
    ) -> dict[Key, list[Any]]:
        """The rows of each group, and what is wanted of v0, v1, ...: the values."""
        apart = by != Grouping()  # to group by nothing takes twice as long as not to group
        keys = self._keys(by) if apart else "NULL AS g, NULL AS k"
        named = "".join(f", {value} AS v{at}" for at, value in enumerate(values))
        statement.add(f"SELECT {'g, k' if apart else 'NULL, NULL'}, count(*), {', '.join(wanted)}")
        statement.add(f" FROM (SELECT {keys}{named} FROM ").then(self._table.relation)
        found = self._rows(statement.add(") GROUP BY g, k" if apart else ")"))
        return {(g, k): answers for g, k, *answers in found}

    def _texts(self, column: ColumnCells, by: Grouping) -> dict[Key, CellCounts]:
        """Rows by value first, then the few values by cell."""
        known, total = self._frequencies.get(column.name, (None, 0))
        if known is not None and by == Grouping() and known.keys() == set(column.values):
            counts = tuple(known[value] for value in column.values)
            return {(None, None): CellCounts(self._all - total, 0, counts, beyond=total - sum(counts))}
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
        """The condition that picks about so many rows, in runs of `width` rows."""
        width = min(width, max(1, rows // 64))  # some 64 runs at least
        return evenly(f"({self._table.row_number} // {width:d})", rows, self._all)

    @cached_property
    def _all(self) -> int:
        """The number of rows."""
        return int(self._rows(Statement("SELECT count(*) FROM ").then(self._table.relation))[0][0])

    def _in_order(self) -> str:
        return " ORDER BY rowid" if self._table.has_rowid else f" ORDER BY file_index, {ROW_OF_FILE}"

    def _rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._table.rows(statement)


def cells_of(table: DuckDBTable) -> DuckDBCells:
    """The table that `open_table` gave, as one whose cells can be counted."""
    return DuckDBCells(table)
