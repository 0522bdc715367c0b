"""The PostgreSQL engine: a table is counted in its server, which only tells counts and the values that reports show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from modelway.data import workers
from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.library import duckdb
from modelway.data.queries import Table
from modelway.data.schemes.postgresql import SETTINGS, server_and_table
from modelway.data.served import AddressTable
from modelway.data.sources import Source
from modelway.errors import InvalidInput

SCHEMES = ("postgresql", "postgres")


def open_table(source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int) -> AbstractContextManager[Table]:
    raise InvalidInput(
        "the engine postgresql counts tables of its server, and not files",
        where=source.name,
        fix="name it as postgresql://user@host/database?table=schema.table, or use the engine duckdb",
    )


@contextmanager
def open_address(address: str, name: str) -> Iterator[AddressTable]:
    server, table = server_and_table(urlsplit(address), name)
    fix = "try again, or look at the server's address"
    with workers.session("postgresql", name, lambda _: None, SETTINGS, fix) as ask:
        columns = ask({"server": server, "table": table})
        with duckdb.connect(":memory:") as connection:
            yield AddressTable(name, columns, ask, connection)
