"""memory://data: a table of this process (of pandas, pyarrow, polars or DuckDB), handed to an action called from Python. It is
written as Parquet once, and read as any other data is."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
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
            connection.register("held", table)
            connection.sql("SELECT * FROM held").write_parquet(str(path))
    except duckdb.IOException as error:
        raise OutsideFailure(f"cannot be written: {_line(error)}", where=where, fix="free some space") from None
    except UnicodeError:
        fix = "replace what is no character in its texts, such as half a surrogate pair"
        raise InvalidInput("holds text that is not Unicode", where=where, fix=fix) from None
    except (duckdb.Error, ImportError, ValueError, TypeError) as error:
        fix = "give every column values of one kind, or write the table to a file and name that"
        raise InvalidInput(f"cannot be read as a table: {_line(error)}", where=where, fix=fix) from None
    return path


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
