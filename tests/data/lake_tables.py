"""How the tables of tests/data/lake were written, by the writers of each format: run once, below /warehouse, with deltalake,
pyiceberg, pyarrow and sqlalchemy installed. So the Iceberg table has been moved since."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

HOME = Path("/warehouse")
ROWS = pa.table({"a": [1, 2, 3], "city": ["Oslo", "New York", None]})


def main() -> None:
    """In each table three rows are written, one of them is deleted, and one more is written."""
    more = pa.table({"a": [4], "city": ["Oslo"]})
    table = str(HOME / "delta")
    write_deltalake(table, ROWS, partition_by=["city"])
    DeltaTable(table).delete("a = 1")
    write_deltalake(table, more, mode="append")
    catalog = SqlCatalog("one", uri=f"sqlite:///{HOME}/catalog.db", warehouse=f"file://{HOME}")
    catalog.create_namespace("shop")
    for name in ("iceberg", "renamed"):
        made = catalog.create_table(f"shop.{name}", schema=ROWS.schema, location=f"file://{HOME}/{name}")
        made.append(ROWS)
        made.delete("a == 1")
        made.append(more)
    with catalog.load_table("shop.renamed").update_schema() as change:
        change.rename_column("city", "town")
    for name in ("delta", "iceberg", "renamed"):
        shutil.copytree(HOME / name, Path(__file__).parent / "lake" / name)


if __name__ == "__main__":
    main()
