"""The DuckDB engine: one pass over the data for all checks of values; uniqueness spills to disk.

No name or value from outside is ever part of a statement: columns are c0, c1, ..., files are links with names of our
own, and everything else is bound as a parameter.

Names are loaded on first use: what holds data against a contract needs a part of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.lazy import names_of

if TYPE_CHECKING:
    from modelway.data.engines.duckdb.cells import cells_of
    from modelway.data.engines.duckdb.hashes import count_common, count_near
    from modelway.data.engines.duckdb.labelled import labels_of
    from modelway.data.engines.duckdb.opening import open_table
    from modelway.data.engines.duckdb.profiles import open_quality_table

__all__ = ["cells_of", "count_common", "count_near", "labels_of", "open_quality_table", "open_table"]
_HOMES = {
    "cells_of": "cells",
    "count_common": "hashes",
    "count_near": "hashes",
    "labels_of": "labelled",
    "open_quality_table": "profiles",
    "open_table": "opening",
}
__getattr__ = names_of(__name__, _HOMES)
