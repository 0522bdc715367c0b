"""Hashes of rows, compared: two Parquet files of one column `h` each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

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
    config: dict[str, Any] = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(spill / "spill"), "threads": 2}
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("SET enable_progress_bar = false")  # it would be drawn into the log
            row = connection.execute(COUNT, {"first": str(first), "second": str(second)}).fetchall()[0]
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:200]
        raise OutsideFailure(f"rows could not be compared: {reason}", fix="free space for temporary files") from None
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])
