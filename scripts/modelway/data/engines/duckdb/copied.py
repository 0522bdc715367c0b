"""A copy of wide text as Parquet files of some columns each: no statement has to read, or hold, all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from modelway.data.engines.duckdb.library import duckdb
from modelway.data.engines.duckdb.sql import FILE, Statement

COLUMNS_OF_A_MEGABYTE = 2
"""Columns that a Parquet file is written of at once: each has buffers of its own."""
FEWEST = 50


def columns_at_once(memory_mb: int) -> int:
    """Columns of text that one statement may read."""
    return max(FEWEST, COLUMNS_OF_A_MEGABYTE * memory_mb)


@dataclass(frozen=True)
class ParquetCopy:
    """files: each of `width` columns, in their order, the last of what is left; every one has FILE too."""

    files: tuple[Path, ...]
    width: int

    def relation(self, names: Iterable[str] | None = None) -> Statement:
        """The rows, with these columns (None: all) and FILE; read from no more files than they are in."""
        wanted = range(len(self.files)) if names is None else sorted({int(name[1:]) // self.width for name in names})
        first, *others = list(wanted) or [0]
        statement = Statement("(SELECT * FROM ").then(self._file(first))
        for other in others:  # rows of one place belong together
            statement.add(f" POSITIONAL JOIN (SELECT * EXCLUDE ({FILE}) FROM ").then(self._file(other)).add(")")
        return statement.add(")")

    def _file(self, at: int) -> Statement:
        statement = Statement("read_parquet(")
        return statement.add(f"{statement.bind(str(self.files[at]))})")


def written_copy(
    connection: duckdb.DuckDBPyConnection, relation: Statement, columns: int, folder: Path, memory_mb: int
) -> ParquetCopy:
    """All columns: bytes that are no text are only found in columns that are read."""
    width = columns_at_once(memory_mb)
    files = []
    for start in range(0, columns, width):
        names = ", ".join(f"c{at}" for at in range(start, min(start + width, columns)))
        files.append(folder / f"copy-{start:06d}.parquet")
        statement = Statement(f"SELECT {names}, {FILE} FROM ").then(relation).copied_to(files[-1])
        connection.execute(statement.text, statement.parameters)
    return ParquetCopy(tuple(files), width)
