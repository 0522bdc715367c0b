"""Hashes of rows, compared: two Parquet files of one column `h` each, or of a column for each part of a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelway.data.engines.duckdb.connecting import connected
from modelway.data.engines.duckdb.library import duckdb
from modelway.errors import OutsideFailure

COUNT = """
SELECT
    (SELECT count(*) FROM read_parquet($first)),
    (SELECT count(*) FROM read_parquet($first) WHERE h IN (SELECT h FROM read_parquet($second))),
    (SELECT count(*) FROM read_parquet($second)),
    (SELECT count(*) - count(DISTINCT h) FROM read_parquet($second))
"""


def count_common(first: Path, second: Path, spill: Path, memory_mb: int) -> tuple[int, int, int, int]:
    """Rows of the first, those of them that the second has too, rows of the second, and those of them that repeat."""
    with _opened(spill, memory_mb) as connection:
        row = connection.execute(COUNT, {"first": str(first), "second": str(second)}).fetchall()[0]
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])


def count_near(first: Path, second: Path, parts: int, spill: Path, memory_mb: int) -> tuple[int, int, list[float]]:
    """Of two files with the columns p0, p1, ... of so many parts: rows of the first; those of them that are in the second in
    all parts but one at least; and for each part, the chance that two rows of the second are alike in it."""
    with _opened(spill, memory_mb) as connection:
        connection.execute("CREATE TEMP TABLE near (r BIGINT)")
        both = {"first": str(first), "second": str(second)}
        numbered = "(SELECT *, row_number() OVER () AS r FROM read_parquet($first))"
        for left_out in range(parts):  # one at a time: memory holds the keys of one
            key = _key([at for at in range(parts) if at != left_out])
            among = f"{key} IN (SELECT {key} FROM read_parquet($second))"
            connection.execute(f"INSERT INTO near SELECT r FROM {numbered} WHERE {among}", both)
        [[n]] = connection.execute("SELECT count(*) FROM read_parquet($first)", {"first": str(first)}).fetchall()
        [[near]] = connection.execute("SELECT count(DISTINCT r) FROM near").fetchall()
        alike = []
        for at in range(parts):
            pairs = "SELECT coalesce(sum(k::HUGEINT * k), 0)::HUGEINT, coalesce(sum(k), 1)::HUGEINT FROM (SELECT count(*) AS k"
            counted = connection.execute(f"{pairs} FROM read_parquet($second) GROUP BY p{at})", {"second": str(second)})
            [[same, rows]] = counted.fetchall()
            alike.append(same / rows**2)
    return n, near, alike


def _key(parts: Iterable[int]) -> str:
    """One number of several parts of a row."""
    key = "0::UBIGINT"
    for at in parts:
        key = f"xor({key}, hash(p{at}, {at}))"
    return key


@contextmanager
def _opened(spill: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with connected(spill / "spill", memory_mb, threads=2) as connection:
            yield connection
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:200]
        raise OutsideFailure(f"rows could not be compared: {reason}", fix="free space for temporary files") from None
