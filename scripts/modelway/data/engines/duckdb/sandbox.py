"""A contract's own SQL: one SELECT over the data alone, which can reach and change nothing else, within bounds."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from modelway.data.engines.duckdb.connecting import connected
from modelway.data.engines.duckdb.relations import TableColumns
from modelway.data.engines.duckdb.sql import INTEGERS, Reading, Statement
from modelway.data.queries import Answer, Sighting
from modelway.data.rule_queries import Returned
from modelway.data.values import ValueType
from modelway.errors import InvalidInput

THREADS = 2
SHOWN_CELLS = 12
"""Columns of a returned row that an example shows."""


class Sandbox:
    """A database of its own with one view, `data`, over a Parquet file. No file but that, no network, no extension, no
    variable of Python's and no setting can be reached from it, and its settings are locked."""

    def __init__(self, file: Path, spill: Path, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._connection = connected(spill, memory_mb, THREADS)
        run = self._connection.execute
        run("SET python_enable_replacements = false")
        self._connection.read_parquet(str(file)).create_view("data")
        run("SET allowed_paths = $paths", {"paths": [str(file)]})
        run("SET enable_external_access = false")
        run("SET lock_configuration = true")

    def answer(self, query: Returned, rows: int, examples: int, where: str) -> Answer:
        """InvalidInput where the statement is not one SELECT, fails, takes too long or too much memory; where: its key."""
        with _within(self._connection, query.seconds, where, self._memory_mb):
            statements = self._connection.extract_statements(query.sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InvalidInput(
                    "is not one SELECT statement", where=where, fix="write one SELECT over the table data"
                )
            found = self._connection.sql(statements[0].query)
            if query.number:
                return Answer(rows, number=_one_number(found, where))
            count = found.aggregate("count(*)").fetchall()[0][0]
            seen = found.limit(examples).fetchall() if count and examples else []
            names = found.columns
        return Answer(rows, int(count), examples=tuple(Sighting(_in_words(names, row)) for row in seen))

    def close(self) -> None:
        self._connection.close()


def _one_number(found: duckdb.DuckDBPyRelation, where: str) -> float | None:
    rows = found.limit(2).fetchall()
    if len(rows) != 1 or len(rows[0]) != 1:
        what = (
            f"returns {'several' if len(rows) > 1 else len(rows)} rows of {len(found.columns)} columns, not one number"
        )
        raise InvalidInput(what, where=where, fix="select one number, such as count(*)")
    try:
        value = None if rows[0][0] is None else float(rows[0][0])
    except (TypeError, ValueError):
        raise InvalidInput("returns something that is no number", where=where, fix="select one number") from None
    return value if value is not None and math.isfinite(value) else None


def _in_words(names: list[str], row: tuple[Any, ...]) -> str:
    cells = [f"{name}={'null' if value is None else value}" for name, value in zip(names, row, strict=True)]
    return ", ".join(cells[:SHOWN_CELLS]) + (", …" if len(cells) > SHOWN_CELLS else "")


@contextmanager
def _within(connection: duckdb.DuckDBPyConnection, seconds: float, where: str, memory_mb: int) -> Iterator[None]:
    late = threading.Event()

    def stop() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise InvalidInput(
            f"needs more than {memory_mb} MB of memory", where=where, fix="allow the check more memory, or ask for less"
        ) from None
    except (duckdb.Error, RuntimeError, OverflowError) as error:
        if late.is_set():
            raise InvalidInput(
                f"takes longer than {seconds:g} s", where=where, fix="make it simpler, or raise at-most-seconds"
            ) from None
        if isinstance(error, RuntimeError) and "interrupted" not in str(error).lower():
            raise
        if isinstance(error, duckdb.InterruptException | RuntimeError):
            raise KeyboardInterrupt from None  # what DuckDB makes of SIGINT during a query
        if isinstance(error, duckdb.ConversionException):  # its message holds a value, which may be sensitive
            raise InvalidInput(
                "cannot convert a value", where=where, fix="use try_cast, or give the column its type"
            ) from None
        said = next(iter(line for line in str(error).splitlines() if line.strip()), "it fails")[:200]
        raise InvalidInput(f"cannot be run: {said}", where=where, fix="mend the statement") from None
    finally:
        timer.cancel()


def write_for_sql(
    connection: duckdb.DuckDBPyConnection,
    relation: Statement,
    columns: TableColumns,
    query: Returned,
    file: Path,
    name: str,
) -> None:
    """The data as a Parquet file whose columns have their own names and types. InvalidInput where SQL would take two of them
    for one, or has no whole numbers of that length; name: what messages call the data."""
    folded: dict[str, str] = {}
    for column in columns.stored:
        twin = folded.setdefault(column.name.lower(), column.name)
        if twin != column.name:
            raise InvalidInput(
                f"has columns {twin[:80]!r} and {column.name[:80]!r}, which are one in SQL",
                where=name,
                fix="rename one of them, or leave out `sql:`",
            )
    kinds = {column.name: column.type for column in query.columns}
    reads = [
        (columns.reading(column.name, kinds.get(column.name)), kinds.get(column.name)) for column in columns.stored
    ]
    _refuse_long_numbers(connection, relation, columns, reads, name)
    values = ", ".join(f"{_for_sql(read, kind)} AS {read.column}" for read, kind in reads)
    statement = Statement(f"SELECT {values} FROM ").then(relation)
    typed = connection.sql(statement.text, params=statement.parameters)
    own = [duckdb.ColumnExpression(f"c{at}").alias(column.name) for at, column in enumerate(columns.stored)]
    typed.select(*own).write_parquet(str(file))


def _for_sql(read: Reading, kind: ValueType | None) -> str:
    if kind is None:
        return f"CASE WHEN {read.present} THEN {read.column} END"
    value = {"timestamp": f"make_timestamp({read.value})", "integer": f"TRY_CAST({read.value} AS BIGINT)"}
    return f"CASE WHEN {_valid(read)} THEN {value.get(kind, read.value)} END"


def _valid(read: Reading) -> str:
    return f"{read.present} AND coalesce({read.valid}, false)"


def _refuse_long_numbers(
    connection: duckdb.DuckDBPyConnection,
    relation: Statement,
    columns: TableColumns,
    reads: list[tuple[Reading, ValueType | None]],
    name: str,
) -> None:
    longer = {
        column.name: f"counted_if({_valid(read)} AND TRY_CAST({read.value} AS BIGINT) IS NULL)"
        for column, (read, kind) in zip(columns.stored, reads, strict=True)
        if kind == "integer" and read.physical not in INTEGERS[:4]
    }
    if not longer:
        return
    statement = Statement(f"SELECT {', '.join(longer.values())} FROM ").then(relation)
    counts = connection.execute(statement.text, statement.parameters).fetchall()[0]
    for column, count in zip(longer, counts, strict=True):
        if count:
            raise InvalidInput(
                f"column {column[:80]!r} has {count} whole numbers of more than 64 bits, which SQL would not see",
                where=name,
                fix="give the column the type number or string, or leave out `sql:`",
            )
