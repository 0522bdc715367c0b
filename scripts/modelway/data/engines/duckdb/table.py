"""Opened data, and how DuckDB answers the queries about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from modelway.data.csv_text import line_of
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.sql import (
    EPOCH,
    FILE,
    ROW,
    Reading,
    Statement,
    count_of,
    handed_over,
    reading,
    violation,
)
from modelway.data.queries import (
    Answer,
    Missing,
    Newest,
    Query,
    Repeated,
    Sighting,
    StoredColumn,
    ValueQuery,
    Wanted,
    Wrong,
)
from modelway.data.sources import Source
from modelway.data.values import ValueType

EXAMPLE_CUT = 200
"""Characters of a value that are fetched; reports cut further."""


BATCH = 100
"""Columns of one statement: DuckDB's time for one grows with the square of its columns."""

MOST_COLUMNS = 400
"""Of one statement over CSV that memory does not hold: to write it down first would take longer than the statement."""

TEXT_IN_MEMORY = 3
"""Times its size in a file; measured, of short cells."""


class DuckDBTable:
    """Opened data; see modelway.data.queries.Table."""

    def __init__(
        self,
        source: Source,
        dialect: CsvDialect,
        connection: duckdb.DuckDBPyConnection,
        links: dict[str, Path],
        columns: tuple[StoredColumn, ...],
        relation: Statement,
        memory_mb: int,
    ) -> None:
        self._source, self._dialect, self._connection, self._links = source, dialect, connection, links
        self._columns, self._relation, self._kept = columns, relation, False
        self._fits = TEXT_IN_MEMORY * sum(Path(link).stat().st_size for link in links) <= memory_mb << 20
        self._position = {column.name: position for position, column in enumerate(columns)}

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._columns

    @property
    def relation(self) -> Statement:
        """What stands behind FROM: columns c0, c1, ..., and the file's name."""
        return self._relation

    @property
    def has_rowid(self) -> bool:
        """Whether a row's place in the relation is its `rowid`, as in a table (of CSV, once it is kept); else it is
        `file_index` and `file_row_number`, as in Parquet."""
        return self._source.format in ("csv", "jsonl")

    @property
    def is_csv(self) -> bool:
        return self._source.format == "csv"

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer, ...]]:
        of_values = [query for query in queries if not isinstance(query, Repeated)]
        rows, counted = self._count(of_values)
        broken = [query for query in of_values if counted[query].count]
        if broken and examples:
            for batch in _batches(broken, BATCH if self._kept else MOST_COLUMNS):
                for query, seen in self._examples(batch, examples).items():
                    counted[query] = replace(counted[query], examples=seen)
        return rows, tuple(
            self._repeated(query, rows, examples) if isinstance(query, Repeated) else counted[query]
            for query in queries
        )

    def write_hashes(self, names: Sequence[str], file: Path, *, by_number: bool) -> None:
        """A Parquet file with the hash of these columns of every row. by_number: numbers are compared by their value,
        since the two data sets that are to be compared write them differently."""
        keys = [f"c{self._position[name]}" for name in names]
        if by_number:
            keys = [f"coalesce(try_cast({key} AS DOUBLE)::VARCHAR, {key}::VARCHAR)" for key in keys]
        statement = Statement(f"SELECT hash({', '.join(keys)}) AS h FROM ").then(self._relation)
        self._connection.sql(statement.text, params=statement.parameters).write_parquet(str(file))

    def _count(self, queries: Sequence[ValueQuery]) -> tuple[int, dict[ValueQuery, Answer]]:
        """All queries about single values, in one pass; where they are about many columns, some of these at a time, and
        CSV is read into a table first."""
        csv = self._source.format == "csv"
        batches = _batches(queries, MOST_COLUMNS if csv and not self._fits else BATCH)
        if len(batches) > 1 and csv:
            self.keep([])
        rows = 0
        found: dict[ValueQuery, Answer] = {}
        for batch in batches:
            rows, answered = self._count_batch(batch)
            found |= answered
        return rows, found

    def _count_batch(self, queries: Sequence[ValueQuery]) -> tuple[int, dict[ValueQuery, Answer]]:
        """(A FILTER would copy every row that it lets through.)"""
        statement = Statement()
        readings = self._readings(queries)
        wanted: dict[str, int] = {"count(*)": 0}
        places: list[tuple[int, int]] = []
        for query in queries:
            read = readings[query.column]
            n = read.looked_at(query)
            value = (
                f"max({read.value_name}) FILTER (WHERE {read.valid_name})"
                if isinstance(query, Newest)
                else count_of(violation(query, read, statement))
            )
            places.append((wanted.setdefault(n, len(wanted)), wanted.setdefault(value, len(wanted))))
        unread: list[str] = []
        if self._source.format == "csv" and not self._kept:  # bytes that are no text are only found in what is read
            unread = [f"c{at}" for at, column in enumerate(self._columns) if column.name not in readings]
        wanted |= {f"count({name})": len(wanted) + at for at, name in enumerate(unread)}
        statement.add(f"SELECT {', '.join(wanted)} FROM (SELECT {_projection(readings, unread)} FROM ")
        row = self.rows(statement.then(self._relation).add(")"))[0]
        found: dict[ValueQuery, Answer] = {}
        for query, (n_at, value_at) in zip(queries, places, strict=True):
            if isinstance(query, Newest):
                found[query] = Answer(row[n_at], newest=_moment(row[value_at]))
            else:
                found[query] = Answer(row[n_at], row[value_at])
        return int(row[0]), found

    def _repeated(self, query: Repeated, rows: int, examples: int) -> Answer:
        """First by the key's hash, which takes little memory; equal hashes are then compared in full."""
        names = [f"c{self._position[name]}" for name in query.columns]
        key = ", ".join(names)
        suspects = (
            Statement(f"SELECT hash({key}) AS h FROM ").then(self._relation).add(" GROUP BY h HAVING count(*) > 1")
        )
        if not self.rows(Statement("SELECT 1 FROM (").then(suspects).add(") LIMIT 1")):
            return Answer(rows)
        self.rows(
            Statement(f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {key}, count(*) AS n FROM ")
            .then(self._relation)
            .add(f" WHERE hash({key}) IN (")
            .then(suspects)
            .add(") GROUP BY ALL HAVING n > 1")
        )
        count = self.rows(Statement("SELECT coalesce(sum(n - 1), 0)::BIGINT FROM repeated"))[0][0]
        shown = ", ".join(f"left({name}::VARCHAR, {EXAMPLE_CUT}) AS k{at}" for at, name in enumerate(names))
        order = ", ".join(f"k{at}" for at in range(len(names)))
        seen = self.rows(Statement(f"SELECT n, {shown} FROM repeated ORDER BY n DESC, {order} LIMIT {examples:d}"))
        return Answer(rows, int(count), examples=tuple(Sighting(_key_in_words(query.columns, row)) for row in seen))

    def _examples(self, queries: Sequence[ValueQuery], examples: int) -> dict[ValueQuery, tuple[Sighting, ...]]:
        """The first violating values of every query that has some, in one more pass."""
        statement = Statement()
        readings = self._readings(queries)
        wanted = []
        for query in queries:
            read = readings[query.column]
            seen = f"struct_pack(r := {ROW}, v := {read.shown(query, EXAMPLE_CUT)})"
            where = violation(query, read, statement)
            wanted.append(f"arg_min({seen}, {ROW}, {examples:d}) FILTER (WHERE {where})")
        statement.add(
            f"SELECT {FILE}, min({ROW}), {', '.join(wanted)} FROM (SELECT {_projection(readings)}, {FILE}, {ROW}"
        )
        statement.add(f" FROM (SELECT *, row_number() OVER () AS {ROW} FROM ").then(self._relation)
        by_file = self.rows(statement.add(f")) GROUP BY {FILE} ORDER BY 2"))
        return {
            query: tuple(
                Sighting(seen["v"], seen["r"] - first + 1, self._source.short(self._links[file]))
                for file, first, *found in by_file
                for seen in found[at] or ()
            )[:examples]
            for at, query in enumerate(queries)
        }

    def _readings(self, queries: Sequence[ValueQuery]) -> dict[str, Reading]:
        """How each column is read: it has one type in a contract, so one reading serves all queries about it."""
        kinds: dict[str, ValueType | None] = {}
        for query in queries:
            kind = None if isinstance(query, Missing) else query.type
            kinds[query.column] = kind or kinds.get(query.column)
        return {name: reading(at := self._position[name], self._columns[at], kind) for name, kind in kinds.items()}

    def keep(self, names: Sequence[str]) -> None:
        """Of CSV all columns: bytes that are no text are only found in columns that are read."""
        kept = [f"c{self._position[name]}" for name in names] or ["c0"]
        if self._source.format == "csv":
            kept = [f"c{at}" for at in range(len(self._columns))]
        statement = Statement(f"CREATE TEMP TABLE kept AS SELECT {', '.join(kept)}, {FILE} FROM ")
        self.rows(statement.then(self._relation))
        self._relation, self._kept = Statement("kept"), True

    def first_wrong(self, wanted: Mapping[str, Wanted]) -> Wrong | None:
        for batch in _parts(wanted):
            # a row's id in kept is its place
            wrong = ", ".join(f"min(rowid) FILTER (WHERE {wrong})" for _, _, wrong in self._handed_over(batch))
            found = self.rows(Statement(f"SELECT {wrong} FROM kept"))[0]
            seen = [(row, name) for row, name in zip(found, batch, strict=True) if row is not None]
            if seen:
                row, column = min(seen)
                return self._wrong(column, row)
        return None

    def arrays(self, wanted: Mapping[str, Wanted]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for batch in _parts(wanted):
            fetched = self._connection.execute(self._selected(batch)).fetchnumpy()
            made |= {name: fetched[f"v{at}"] for at, name in enumerate(batch)}
        return made

    def lists(self, wanted: Mapping[str, Wanted]) -> dict[str, list[Any]]:
        made: dict[str, list[Any]] = {}
        for batch in _parts(wanted):
            rows = self._connection.execute(self._selected(batch)).fetchall()
            made |= {name: [row[at] for row in rows] for at, name in enumerate(batch)}
        return made

    def _selected(self, batch: Mapping[str, Wanted]) -> str:
        values = ", ".join(f"{value} AS v{at}" for at, (_, value, _) in enumerate(self._handed_over(batch)))
        return f"SELECT {values} FROM kept"

    def _handed_over(self, batch: Mapping[str, Wanted]) -> Iterator[tuple[str, str, str]]:
        for name, wanted in batch.items():
            at = self._position[name]
            column = self._columns[at]
            yield name, *handed_over(column, reading(at, column, wanted.type), wanted)

    def _wrong(self, column: str, row: int) -> Wrong:
        at = self._position[column]
        read = reading(at, self._columns[at], None)
        value = f"CASE WHEN {read.present} THEN left({read.column}::VARCHAR, {EXAMPLE_CUT}) END"
        first = f"SELECT min(rowid) FROM kept AS first WHERE first.{FILE} = kept.{FILE}"
        statement = Statement(f"SELECT {value}, {FILE}, ({first}) FROM kept WHERE rowid = {row:d}")
        value, file, start = self.rows(statement)[0]
        label, number = self._source.label(self._links[file]), row - start + 1
        if self._source.format != "csv":
            return Wrong(column, value, f"{label}, row {number}")
        return Wrong(column, value, f"{label}:{line_of(Path(file), number, self._dialect)}")

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement.text, statement.parameters).fetchall()


def _batches(queries: Sequence[ValueQuery], columns: int) -> list[list[ValueQuery]]:
    """All queries about a column in one batch; one batch at least, which counts the rows."""
    of_column: dict[str, list[ValueQuery]] = {}
    for query in queries:
        of_column.setdefault(query.column, []).append(query)
    groups = list(of_column.values())
    return [list(chain(*groups[at : at + columns])) for at in range(0, len(groups), columns)] or [[]]


def _parts(wanted: Mapping[str, Wanted]) -> Iterator[dict[str, Wanted]]:
    names = list(wanted)
    return ({name: wanted[name] for name in names[at : at + BATCH]} for at in range(0, len(names), BATCH))


def _projection(readings: dict[str, Reading], unread: Sequence[str] = ()) -> str:
    return ", ".join([*(read.projection for read in readings.values()), *unread]) or "1"


def _moment(newest: int | date | None) -> datetime | None:
    """From what is selected for a type: microseconds for a timestamp, a date (its first moment)."""
    if isinstance(newest, date):
        return datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
    return None if newest is None else EPOCH + timedelta(microseconds=newest)


def _key_in_words(columns: Sequence[str], row: tuple[Any, ...]) -> str:
    times, *values = row
    cells = (f"{name}={'null' if value is None else value}" for name, value in zip(columns, values, strict=True))
    return f"{times} times {', '.join(cells)}"
