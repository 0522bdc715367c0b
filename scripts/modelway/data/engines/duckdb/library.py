"""DuckDB without what its package adds in Python: to import its relations and expressions takes longer than to hold ten
thousand rows against a contract, and statements need neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.errors import InvalidInput

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:  # not there at all, or a build that has the engine elsewhere
        import duckdb

__all__ = ["duckdb"]

OLDEST = 2
"""Older ones know neither all of the statements nor all of the settings."""

if int(duckdb.__version__.partition(".")[0]) < OLDEST:
    raise InvalidInput(
        f"DuckDB {duckdb.__version__} is installed, which is older than {OLDEST}.0", fix="pip install 'modelway[data]'"
    )
