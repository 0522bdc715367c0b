"""memory://data: a table of this process (of pandas, pyarrow, polars or DuckDB), handed to an action called from Python. It is
written as Parquet once, and read as any other data is."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from modelway.data.schemes import Say
from modelway.errors import InvalidInput, OutsideFailure

_held: ContextVar[Mapping[str, Path]] = ContextVar("held", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def held(tables: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Meanwhile each table, by the name of its input, has the address that is given back."""
    with tempfile.TemporaryDirectory(prefix="modelway-memory-") as folder:
        paths = {name: _written(table, name, Path(folder, f"{name}.parquet")) for name, table in tables.items()}
        token = _held.set({**_held.get(), **paths})
        try:
            yield {name: f"memory://{name}" for name in paths}
        finally:
            _held.reset(token)


def brought(address: SplitResult, say: Say) -> Path:
    path = _held.get().get(address.netloc)
    if path is None:
        raise InvalidInput("is no table of this call", where=address.geturl()[:200], fix="pass the table itself")
    return path


def _written(table: Any, name: str, path: Path) -> Path:
    import duckdb

    where = f"input {name}"
    names = [str(column) for column in _columns(table, where)]
    for text, what in (
        (names, "two columns are named"),
        ([one.lower() for one in names], "two columns differ in case only:"),
    ):
        twice = next((one for one, count in Counter(text).items() if count > 1), None)
        if twice is not None:
            raise InvalidInput(f"{what} {twice[:100]!r}", where=where, fix="give each column a name of its own")
    if not names:
        raise InvalidInput("has no columns", where=where, fix="pass a table with columns and rows")
    try:
        if hasattr(table, "write_parquet"):  # of polars, and of a DuckDB that has it alone
            table.write_parquet(str(path))
            return path
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute(
                "SET pandas_analyze_sample = 9223372036854775807"
            )  # of a sample, 2.5 among 1s would be 2
            try:
                _copied(connection, _in_full(table), path)
            except UnicodeError:
                raise
            except (duckdb.NotImplementedException, duckdb.InvalidInputException, ValueError, TypeError):
                _refuse_unreadable_column(connection, table, names, where)
                raise
    except duckdb.IOException as error:
        raise OutsideFailure(f"cannot be written: {_line(error)}", where=where, fix="free some space") from None
    except UnicodeError:
        fix = "replace what is no character in its texts, such as half a surrogate pair"
        raise InvalidInput("holds text that is not Unicode", where=where, fix=fix) from None
    except (duckdb.Error, ImportError, ValueError, TypeError) as error:
        fix = "give every column values of one kind, or write the table to a file and name that"
        raise InvalidInput(f"cannot be read as a table: {_line(error)}", where=where, fix=fix) from None
    return path


def _copied(connection: Any, table: Any, path: Path) -> None:
    """As Parquet; durations in microseconds, as pandas itself would write them."""
    connection.register("held", table)
    read = connection.sql("SELECT * FROM held")
    durations = [
        name.replace('"', '""') for name, kind in zip(read.columns, read.types, strict=True) if kind == "INTERVAL"
    ]
    if durations:
        figures = ", ".join(f'epoch_us("{name}") AS "{name}"' for name in durations)
        read = connection.sql(f"SELECT * REPLACE ({figures}) FROM held")  # noqa: S608 - the table's own names, quoted
    read.write_parquet(str(path))


def _in_full(table: Any) -> Any:
    """Of pandas, columns of Python's own objects: whole numbers of more than 64 bits as text and a Decimal that is NaN as a
    missing one. DuckDB would read both, and all beside them, in floating point."""
    if not hasattr(table, "iloc"):
        return table
    for at, kind in enumerate(table.dtypes):
        if str(kind) != "object":
            continue
        column = table.iloc[:, at]
        if any(type(value) is int and not -(2**63) <= value < 2**64 for value in column):
            column = column.map(lambda value: str(value) if type(value) is int else value)
        elif any(isinstance(value, Decimal) and value.is_nan() for value in column):
            column = column.map(lambda value: None if isinstance(value, Decimal) and value.is_nan() else value)
        else:
            continue
        table = table.copy(deep=False)
        table.isetitem(at, column)
    return table


def _refuse_unreadable_column(connection: Any, table: Any, names: list[str], where: str) -> None:
    """The first one that cannot be read by itself, where there is one."""
    import duckdb

    for at, name in enumerate(names):
        try:
            connection.register("alone", table.iloc[:, at : at + 1] if hasattr(table, "iloc") else table.select([name]))
            connection.execute("SELECT count(c) FROM (SELECT * FROM alone) AS alone(c)").fetchall()
        except (duckdb.Error, ImportError, ValueError, TypeError) as error:
            fix = "convert it, such as by astype(str), or leave it out"
            raise InvalidInput(f"column {name[:100]!r} cannot be read: {_line(error)}", where=where, fix=fix) from None


def _columns(table: Any, where: str) -> list[Any]:
    for attribute in ("column_names", "columns"):  # of pyarrow its columns are the values
        if hasattr(table, attribute):
            return list(getattr(table, attribute))
    if hasattr(table, "schema"):
        return list(table.schema.names)
    raise InvalidInput(
        f"is {type(table).__name__}, and no table",
        where=where,
        fix="pass a table of columns, such as series.to_frame()",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
