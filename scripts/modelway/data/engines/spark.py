"""The Spark engine: Parquet is counted by Spark, on this machine or in a cluster of its own kind (spark://host:7077).

Which files there are, their columns and how many rows each has, DuckDB reads from the files' ends, as for its own engine; so
the report is the same. Spark reads the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from modelway import progress
from modelway.data import workers
from modelway.data.dialect import CsvDialect
from modelway.data.engines import duckdb
from modelway.data.engines.duckdb.connecting import connected
from modelway.data.engines.duckdb.sql import Statement
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.queries import Answer, Query
from modelway.data.served import ServedTable
from modelway.data.sources import CALLED, Source
from modelway.errors import InvalidInput, OutsideFailure

LOCAL = "local[*]"
LEAST_MB = 512
"""With which Spark starts."""
MASTER = re.compile(r"spark://[^\s/@,]+:\d+(,[^\s/@,]+:\d+)*")
NOT_BY_NAME = re.compile(r"[*?\[\]{}\\]|/[._][^/]*$")
"""Paths that Spark takes for a pattern, and names of files that it leaves out."""
FIX = "look at the cluster and its log, or use the engine duckdb"


def open_table(
    source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int
) -> AbstractContextManager[SparkTable]:
    return SparkAt(LOCAL).open_table(source, dialect, scratch, memory_mb)


def at(address: str) -> SparkAt:
    """The engine in a cluster. InvalidInput where it is no address of one."""
    if not MASTER.fullmatch(address):
        raise InvalidInput(
            f"{address[:100]!r} is no address of a Spark master",
            where="data.engine",
            fix="write spark://host:7077, or spark alone for this machine",
        )
    return SparkAt(address)


@dataclass(frozen=True)
class SparkAt:
    master: str

    @contextmanager
    def open_table(self, source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int) -> Iterator[SparkTable]:
        """See modelway.data.engines.Engine."""
        if source.format != "parquet":
            raise InvalidInput(
                f"the engine spark counts Parquet, and not {CALLED[source.format]}",
                where=source.name,
                fix="write it as Parquet, or use the engine duckdb",
            )
        if memory_mb < LEAST_MB:
            raise InvalidInput(
                f"the engine spark needs {LEAST_MB} MB of memory at least, and may use {memory_mb}",
                where=source.name,
                fix="set the input memory-mb higher, or use the engine duckdb",
            )
        work = scratch / "spark"
        work.mkdir()
        settings = {"master": self.master, "memory_mb": memory_mb, "folder": str(work)}
        with duckdb.open_table(source, dialect, scratch, memory_mb) as described:
            asked = {**settings, **self._data(source, described)}
            with (
                connected(scratch / "none", LEAST_MB, 1) as connection,
                workers.session("spark", source.name, lambda _: None, {}, FIX) as ask,
                progress.told(source.name, lambda: None, "counted in Spark"),
            ):
                ask(asked)
                yield SparkTable(source, described, ask, connection)

    def _data(self, source: Source, described: DuckDBTable) -> dict[str, Any]:
        """files: each its path, its name in answers and the rows before it. columns: those of the files, (name, type); after
        them parts, those of folders' names: of each a value for every file."""
        [[own]] = described.rows(_bound("SELECT num_children FROM parquet_schema(", str(next(iter(described.links)))))
        partitions = source.partitions
        columns = described.columns
        return {
            "files": [
                [self._path(source, link, file), link, before]
                for (link, file), before in zip(described.links.items(), described.rows_before, strict=False)
            ],
            "columns": [[column.name, column.physical] for column in columns[:own]],
            "parts": [list(partitions[column.name]) for column in columns[own:]],
        }

    def _path(self, source: Source, link: str, file: Path) -> str:
        """This machine's Spark reads the link, whose name means nothing to it."""
        if self.master == LOCAL:
            return link
        path = str(file.resolve())
        if NOT_BY_NAME.search(path):
            raise InvalidInput(
                "has a name that Spark takes for a pattern, or leaves out",
                where=source.label(file),
                fix="give it a name without * ? [ ] { } \\ that does not start with . or _",
            )
        return path


class SparkTable(ServedTable):
    def __init__(self, source: Source, described: DuckDBTable, ask: workers.Ask, connection: Any) -> None:
        super().__init__(source, described.links, described.columns, ask, connection)
        self._before = described.rows_before

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer | None, ...]]:  # type: ignore[override]
        rows, answers = super().answers(queries, examples)
        if rows != self._before[-1]:
            what = f"Spark reads {rows:,} rows, and the files have {self._before[-1]:,}"
            raise OutsideFailure(what, where=self._source.name, fix="check that all of its machines see the same files")
        return rows, answers

    @property
    def row_number(self) -> str:
        return "modelway_nth"

    @cached_property
    def _first_rows(self) -> dict[str, int]:
        return {link: before + 1 for link, before in zip(self._links, self._before, strict=False)}


def _bound(text: str, value: str) -> Statement:
    statement = Statement(text)
    return statement.add(f"{statement.bind(value)}) LIMIT 1")
