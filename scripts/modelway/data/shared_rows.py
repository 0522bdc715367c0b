"""How many rows of one data set stand in another too: by a hash of every row, in one pass over each, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelway.data.contract import Contract
from modelway.data.engines import duckdb as engine
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.sources import Source, find_source
from modelway.data.validation import MEMORY_MB


@dataclass(frozen=True)
class SharedRows:
    """rows: of the first data set; shared: those of them that the second has too. others: rows of the second; repeated:
    those of them that it has had before."""

    rows: int
    shared: int
    others: int
    repeated: int


def count_shared(
    first: Path, second: Path, contract: Contract, *, names: tuple[str, str], memory_mb: int = MEMORY_MB
) -> SharedRows | None:
    """A row is the same when it is in every column that both have; None where they have none. names: what messages call
    the two. Data that cannot be read is InvalidInput."""
    sources = [find_source(path, name) for path, name in zip((first, second), names, strict=True)]
    with tempfile.TemporaryDirectory(prefix="modelway-shared-") as scratch:
        kinds = []
        for source in sources:
            with _opened(source, contract, scratch, memory_mb) as table:
                kinds.append({column.name: column.physical for column in table.columns})
        alike = {name: kind == kinds[1][name] for name, kind in kinds[0].items() if name in kinds[1]}
        if not alike:
            return None
        hashes = [Path(scratch, name) for name in ("first.parquet", "second.parquet")]
        for source, file in zip(sources, hashes, strict=True):
            with _opened(source, contract, scratch, memory_mb) as table:
                table.write_hashes(list(alike), file, by_number=not all(alike.values()))
        return SharedRows(*engine.count_common(hashes[0], hashes[1], Path(scratch), memory_mb))


@contextmanager
def _opened(source: Source, contract: Contract, scratch: str, memory_mb: int) -> Iterator[DuckDBTable]:
    with (
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        engine.open_table(source, contract.dialect, Path(folder), memory_mb) as table,
    ):
        yield table
