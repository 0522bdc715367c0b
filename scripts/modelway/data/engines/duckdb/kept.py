"""Opened data whose rows are handed over; see modelway.data.queries.RowTable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from modelway.data.csv_text import line_of
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.conditions import EXAMPLE_CUT
from modelway.data.engines.duckdb.csv_files import CsvFiles
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.sql import FILE, Statement, handed_over, in_batches, reading
from modelway.data.queries import StoredColumn, Wanted, Wrong
from modelway.data.sources import Source

TEXT_IN_MEMORY = 3
"""Times its size in a file; measured, of short cells."""
W = TypeVar("W")
BATCH = 50
"""Columns of one statement: DuckDB's time for one grows with the square of its columns."""


@dataclass(frozen=True)
class OpenedFiles:
    """links: what the engine reads -> the file that it stands for. relation: the rows, as c0, c1, ... and FILE. csv: the
    files, where the relation is all that is in them. failures: what DuckDB says while something is asked of these files
    becomes a line about them there: where two data sets are open, whoever opened the second would take it for its own."""

    source: Source
    dialect: CsvDialect
    connection: duckdb.DuckDBPyConnection
    links: dict[str, Path]
    columns: tuple[StoredColumn, ...]
    relation: Statement
    csv: CsvFiles | None = None
    failures: Callable[[], AbstractContextManager[None]] = nullcontext


class KeptTable:
    def __init__(self, opened: OpenedFiles) -> None:
        self._source, self._dialect = opened.source, opened.dialect
        self._connection, self._links, self._failures = opened.connection, opened.links, opened.failures
        self._columns, self._relation, self._kept = opened.columns, opened.relation, False
        self._position = {column.name: position for position, column in enumerate(opened.columns)}

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._columns

    @property
    def links(self) -> Mapping[str, Path]:
        """What the engine reads -> the file that it stands for."""
        return self._links

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
    def row_number(self) -> str:
        """A row's number in the relation, from 1: an expression over it. A window would number rows too, in one thread."""
        if self._kept or self._source.format == "jsonl":
            return "(rowid + 1)"
        if self.is_csv:
            return "(row_number() OVER ())"
        if len(self._links) == 1:
            return "(file_row_number + 1)"
        return f"({list(self.rows_before)}[(file_index + 1)::BIGINT] + file_row_number + 1)"

    @cached_property
    def rows_before(self) -> tuple[int, ...]:
        """Of each file of Parquet: the rows of those before it; and of all."""
        statement = Statement("SELECT file_name, num_rows FROM parquet_file_metadata(")
        rows = dict(self.rows(statement.add(f"{statement.bind(list(self._links))})")))
        return (0, *accumulate(rows[link] for link in self._links))

    @property
    def is_csv(self) -> bool:
        return self._source.format == "csv"

    def keep(self, names: Sequence[str]) -> None:
        """Of CSV all columns: bytes that are no text are only found in columns that are read."""
        kept = [f"c{self._position[name]}" for name in names] or ["c0"]
        if self.is_csv:
            kept = [f"c{at}" for at in range(len(self._columns))]
        statement = Statement(f"CREATE TEMP TABLE kept AS SELECT {', '.join(kept)}, {FILE} FROM ")
        self.rows(statement.then(self._relation))
        self._relation, self._kept = Statement("kept"), True

    def first_wrong(self, wanted: Mapping[str, Wanted]) -> Wrong | None:
        for batch in parts_of(wanted):
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
        for batch in parts_of(wanted):
            with self._failures():
                fetched = self._connection.execute(self._selected(batch)).fetchnumpy()
            made |= {name: fetched[f"v{at}"] for at, name in enumerate(batch)}
        return made

    def lists(self, wanted: Mapping[str, Wanted]) -> dict[str, list[Any]]:
        made: dict[str, list[Any]] = {}
        for batch in parts_of(wanted):
            rows = self.rows(Statement(self._selected(batch)))
            made |= {name: [row[at] for row in rows] for at, name in enumerate(batch)}
        return made

    def array(self, statement: Statement) -> Any:
        """The column `v` that a statement selects, none of which is null."""
        with self._failures():
            return self._connection.execute(statement.text, statement.parameters).fetchnumpy()["v"]

    def write_hashes(self, names: Sequence[str], file: Path, *, by_number: bool) -> None:
        """A Parquet file with the hash of these columns of every row. by_number: numbers are compared by their value,
        since the two data sets that are to be compared write them differently."""
        keys = [f"c{self._position[name]}" for name in names]
        if by_number:
            keys = [f"coalesce(try_cast({key} AS DOUBLE)::VARCHAR, {key}::VARCHAR)" for key in keys]
        self.write(Statement(f"SELECT hash({', '.join(keys)}) AS h FROM ").then(self._relation), file)

    def write(self, statement: Statement, file: Path) -> None:
        """What a statement selects, as a Parquet file."""
        copied = statement.copied_to(file)
        with self._failures():
            self._connection.execute(copied.text, copied.parameters)

    def short(self, link: str) -> str:
        """The name in reports of what stands in FILE."""
        return self._source.short(self._links[link])

    def fits(self, memory_mb: int) -> bool:
        """Whether so much memory holds all of it."""
        return TEXT_IN_MEMORY * sum(Path(link).stat().st_size for link in self._links) <= memory_mb << 20

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
        if not self.is_csv:
            return Wrong(column, value, f"{label}, row {number}")
        return Wrong(column, value, f"{label}:{line_of(Path(file), number, self._dialect)}")

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        with self._failures():
            return self._rows_or_error(statement)

    def _rows_or_error(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement.text, statement.parameters).fetchall()


def parts_of(wanted: Mapping[str, W]) -> Iterator[dict[str, W]]:
    """Some columns at a time."""
    return map(dict, in_batches(list(wanted.items()), BATCH))
