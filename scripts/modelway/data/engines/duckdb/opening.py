"""How DuckDB is set up, and how a source is handed to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from modelway import progress
from modelway.data.csv_text import has_odd_numbers, read_header, refuse_long_line, refuse_longer_rows
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.connecting import connected, percent_done
from modelway.data.engines.duckdb.csv_files import CsvFiles, names_of
from modelway.data.engines.duckdb.failures import in_one_line
from modelway.data.engines.duckdb.json_lines import open_lines
from modelway.data.engines.duckdb.kept import OpenedFiles
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.links import linked
from modelway.data.engines.duckdb.relations import OtherData, TableColumns
from modelway.data.engines.duckdb.sql import FILE, Statement, stored_as
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.queries import StoredColumn
from modelway.data.sources import Source, refuse_other_columns, refuse_twins
from modelway.errors import InvalidInput
from modelway.records import digest_of_json

T = TypeVar("T")

MEMORY_MB_OF_A_THREAD = 64
"""With 32, whether two threads had enough depended on which was quicker: each reads a row group of its own."""

ZONED_NANOSECONDS = "TIMESTAMPTZ_NS"
PLACE = ", file_index, file_row_number"
"""Of a row of Parquet: columns that DuckDB makes."""


@contextmanager
def open_table(source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int) -> Iterator[DuckDBTable]:
    """The source as a `Table`. scratch: an empty folder for links and for what spills; the caller removes it."""
    links = linked(source, scratch / "data", dialect)
    threads = max(1, min(os.cpu_count() or 1, 8, memory_mb // MEMORY_MB_OF_A_THREAD))
    with (
        in_one_line(source, links, dialect, memory_mb),
        connected(scratch / "spill", memory_mb, threads) as connection,
        progress.told(source.name, lambda: percent_done(connection)),
    ):
        connection.execute("CREATE MACRO counted_if(condition) AS coalesce(count_if(condition), 0)")  # null of no rows
        connection.execute("SET parquet_metadata_cache = true")  # a wide file's is long, and each statement needs it
        failures = partial(in_one_line, source, links, dialect, memory_mb)
        opened = replace(_opened(source, dialect, connection, links), failures=failures)
        others: dict[str, tuple[OtherData, dict[str, Path]]] = {}

        def with_other(other: Source, its: CsvDialect, work: Callable[[OtherData], T]) -> T:
            key = digest_of_json([str(other.path), its.delimiter, its.quote, its.encoding])[:16]
            if key not in others:
                others[key] = _other(other, its, connection, scratch / f"other-{key}", memory_mb)
            data, its_links = others[key]
            with in_one_line(other, its_links, its, memory_mb):
                return work(data)

        table = DuckDBTable(opened, memory_mb, scratch, with_other)
        try:
            yield table
        finally:
            table.close()


def _other(
    source: Source, dialect: CsvDialect, connection: duckdb.DuckDBPyConnection, folder: Path, memory_mb: int
) -> tuple[OtherData, dict[str, Path]]:
    """Another data set, beside the first in the same connection, and its links."""
    links = linked(source, folder, dialect)
    with in_one_line(source, links, dialect, memory_mb):
        opened = _opened(source, dialect, connection, links)
    position = {column.name: at for at, column in enumerate(opened.columns)}
    return OtherData(TableColumns(opened.columns, position), opened.relation, source.name), links


def _opened(
    source: Source, dialect: CsvDialect, connection: duckdb.DuckDBPyConnection, links: dict[str, Path]
) -> OpenedFiles:
    csv = None
    if source.format == "csv":
        columns, csv = _csv(source, dialect, links)
        relation = csv.relation()
    elif source.format == "jsonl":
        columns, relation = open_lines(source, connection, links)
    else:
        columns, relation = _parquet(source, connection, links)
    with_parts, relation = _with_partitions(source, columns, relation)
    alone = csv if with_parts == columns else None
    return OpenedFiles(source, dialect, connection, links, with_parts, relation, alone)


def _csv(source: Source, dialect: CsvDialect, links: dict[str, Path]) -> tuple[tuple[StoredColumn, ...], CsvFiles]:
    for link, file in links.items():
        refuse_long_line(Path(link), source.label(file))
    headers = [read_header(Path(link), source.label(file), dialect) for link, file in links.items()]
    odd = [has_odd_numbers(Path(link), source.label(file)) for link, file in links.items()]
    tables = [tuple(StoredColumn(name, "text", "text") for name in header) for header in headers]
    for file, columns in zip(source.files, tables, strict=True):
        refuse_other_columns(tables[0], columns, source.label(file), source.label(source.files[0]))
    files = CsvFiles(tuple(links), dialect, len(tables[0]), any(odd))
    if dialect.null_values and not files.told_after:
        for link, file in links.items():
            refuse_longer_rows(Path(link), source.label(file), dialect)
    return tables[0], files


def _parquet(
    source: Source, connection: duckdb.DuckDBPyConnection, links: dict[str, Path]
) -> tuple[tuple[StoredColumn, ...], Statement]:
    schemas = [_parquet_schema(connection, link, source.label(file)) for link, file in links.items()]
    for file, schema in zip(source.files, schemas, strict=True):
        refuse_other_columns(schemas[0], schema, source.label(file), source.label(source.files[0]))
    if source.table and {column.name for column in schemas[0]} != set(source.table.columns):
        raise InvalidInput(
            "has files from before a column was renamed, added or removed",
            where=source.name,
            fix="write a copy of the table as it is now",
        )
    taken = {column.name.lower() for column in schemas[0]}
    file_column = next(name for extra in range(len(taken) + 1) if (name := FILE + "_" * extra) not in taken)
    relation = Statement("read_parquet(")
    # Most writers leave NaN out of a column's lowest and highest value, by which DuckDB would else take it for one without.
    options = f"hive_partitioning = false, union_by_name = false, can_have_nan = true, filename = '{file_column}'"
    relation.add(f"{relation.bind(list(links))}, {options})")
    return _with_whole_microseconds(schemas[0], relation.add(names_of(len(schemas[0]))))


def _with_whole_microseconds(
    columns: tuple[StoredColumn, ...], relation: Statement
) -> tuple[tuple[StoredColumn, ...], Statement]:
    """Times in nanoseconds with a zone, as pandas writes them, are a type that DuckDB's functions of time do not take."""
    if all(column.physical != ZONED_NANOSECONDS for column in columns):
        return columns, relation
    read, known = list[str](), list[StoredColumn]()
    for at, column in enumerate(columns):
        is_one = column.physical == ZONED_NANOSECONDS
        read.append(f"c{at}::TIMESTAMPTZ AS c{at}" if is_one else f"c{at}")
        known.append(StoredColumn(column.name, "timestamp", "TIMESTAMP WITH TIME ZONE") if is_one else column)
    statement = Statement(f"(SELECT {', '.join(read)}, {FILE}{PLACE} FROM ")
    return tuple(known), statement.then(relation).add(")")


def _parquet_schema(connection: duckdb.DuckDBPyConnection, link: str, label: str) -> tuple[StoredColumn, ...]:
    """The columns as the file names them: DuckDB itself renames names that differ in case only."""
    tree = connection.execute("SELECT name, num_children FROM parquet_schema($file)", {"file": link}).fetchall()
    names, to_skip = [], 0
    for name, children in tree[1:]:
        if to_skip == 0:
            names.append(str(name))
        to_skip = max(0, to_skip - 1) + (children or 0)
    refuse_twins(names, label)
    described = connection.execute(
        "DESCRIBE SELECT * FROM read_parquet($file, hive_partitioning = false)", {"file": link}
    )
    types = [str(row[1]) for row in described.fetchall()]
    return tuple(StoredColumn(name, stored_as(kind), kind) for name, kind in zip(names, types, strict=True))


def _with_partitions(
    source: Source, columns: tuple[StoredColumn, ...], relation: Statement
) -> tuple[tuple[StoredColumn, ...], Statement]:
    """The columns of the folders' names too, as text; where the files have one of that name, it is theirs."""
    there = {column.name for column in columns}
    more = {name: values for name, values in source.partitions.items() if name not in there}
    if not more:
        return columns, relation
    place = f"CAST(regexp_extract({FILE}, '([0-9]+)[.][a-z]+$', 1) AS INTEGER) + 1"  # of a link that `linked` names
    statement = Statement(f"(SELECT {', '.join(f'c{at}' for at in range(len(columns)))}")
    for at, values in enumerate(more.values(), len(columns)):
        statement.add(f", list_extract({statement.bind(list(values))}::VARCHAR[], {place}) AS c{at}")
    own = {"csv": "", "jsonl": ", rowid"}.get(source.format, PLACE)  # see KeptTable.has_rowid
    statement.add(f", {FILE}{own} FROM ").then(relation)
    return columns + tuple(StoredColumn(name, "text", "VARCHAR") for name in more), statement.add(")")
