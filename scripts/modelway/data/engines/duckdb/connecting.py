"""A database of our own, within bounds."""

from __future__ import annotations

from pathlib import Path

from modelway.data.engines.duckdb.library import duckdb


def connected(spill: Path, memory_mb: int, threads: int) -> duckdb.DuckDBPyConnection:
    """In memory; what does not fit goes into the folder `spill`. It fetches no extension."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(spill),
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB 2.0 has the reader of CSV cast for a TRY_CAST, which then is an error where it should be null (its issue 23818)
    connection.execute("SET disabled_optimizers = 'type_pushdown'")
    connection.execute("SET enable_progress_bar = true")  # to be asked for, see percent_done
    connection.execute("SET enable_progress_bar_print = false")  # it would be drawn into the log
    return connection


def percent_done(connection: duckdb.DuckDBPyConnection) -> float | None:
    """Of the statement that runs; None where none does, or DuckDB cannot tell."""
    percent = connection.query_progress()
    return percent if percent >= 0 else None
