"""A contract over rows of 20 columns: beside scans of the same file, a usual script of pandas, Great Expectations and pandera.

Usage: python benchmarks/validate_data.py [ROWS ...]    10,000 and 1,000,000 where none are given; 10 million takes minutes
       python benchmarks/validate_data.py --wide        10,000 rows of 2,000 columns
       python benchmarks/validate_data.py --grow        1 to 100 million rows of Parquet beside the floors; 8 GB of disk

All ask the same of the same data: 20 types, 20 null checks, 12 ranges, 2 sets of allowed values, one key unique. See
measuring.py for what is measured, and for the peers' environments.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from data_rows import ALLOWED, NUMBERS, WORDS, duckdb_scan, made, pyarrow_stream
from measuring import measured, run_one

ONCE_FROM = 5_000_000
"""Rows: from here on the peers, which take a minute or more, run once."""
SLOW = (("pandas", "gx"), ("gx", "gx"), ("pandera", "pandera"))


def modelway(path: Path) -> Callable[[], None]:
    from datetime import UTC, datetime

    from modelway.data import load_contract, validate

    contract = Path(f"{path}.contract.yml")
    contract.write_text(json.dumps(wide_contract() if path.stem == "wide" else contract_of()))

    def work() -> None:
        report = validate(load_contract(contract), path, datetime.now(UTC))
        assert report.outcome == "pass", report.failing

    return work


def contract_of() -> dict[str, object]:
    columns: dict[str, object] = {"id": {"type": "integer", "nullable": False}}
    columns |= {name: {"type": "number", "nullable": False, "range": [0, 1000]} for name in NUMBERS}
    columns |= {name: {"type": "string", "nullable": False} for name in WORDS}
    columns |= {name: {"type": "string", "nullable": False, "allowed": ALLOWED} for name in WORDS[:2]}
    columns |= {"flag": {"type": "boolean", "nullable": False}, "seen": {"type": "timestamp", "nullable": False}}
    return {"unique": [["id"]], "unlisted-columns": "refuse", "columns": columns}


def wide_contract() -> dict[str, object]:
    number, text = {"type": "number", "nullable": False, "range": [0, 1000]}, {"type": "string", "nullable": False}
    return {"columns": {f"x{at}": number if at % 4 else text for at in range(1999)}}


def read(path: Path):  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, parse_dates=["seen"])


def pandas(path: Path) -> Callable[[], None]:
    import pandas as pd
    from pandas.api import types

    def work() -> None:
        rows = read(path)
        assert list(rows) == ["id", *NUMBERS, *WORDS, "flag", "seen"]
        assert all(types.is_float_dtype(rows[name]) for name in NUMBERS) and types.is_integer_dtype(rows["id"])
        assert all(isinstance(rows[name].dtype, pd.StringDtype) for name in WORDS)
        assert not rows.isna().any().any()
        assert all(rows[name].between(0, 1000).all() for name in NUMBERS)
        assert all(rows[name].isin(ALLOWED).all() for name in WORDS[:2])
        assert not rows["id"].duplicated().any()

    return work


def gx(path: Path) -> Callable[[], None]:
    """As its guide to checkpoints over a DataFrame has it."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import great_expectations.expectations as gxe

    def work() -> None:
        context = gx.get_context(mode="ephemeral")
        asset = context.data_sources.add_pandas("rows").add_dataframe_asset(name="rows")
        batch = asset.add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name="contract"))
        kinds = {"id": "int64", **dict.fromkeys(NUMBERS, "float64"), **dict.fromkeys(WORDS, "str")}
        for name, kind in {**kinds, "flag": "bool", "seen": "datetime64"}.items():
            suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column=name))
            if kind in ("int64", "float64", "bool"):
                suite.add_expectation(gxe.ExpectColumnValuesToBeOfType(column=name, type_=kind))
        for name in NUMBERS:
            suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0, max_value=1000))
        for name in WORDS[:2]:
            suite.add_expectation(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=ALLOWED))
        suite.add_expectation(gxe.ExpectColumnValuesToBeUnique(column="id"))
        asked = context.validation_definitions.add(gx.ValidationDefinition(name="all", data=batch, suite=suite))
        found = context.checkpoints.add(gx.Checkpoint(name="all", validation_definitions=[asked]))
        assert found.run(batch_parameters={"dataframe": read(path)}).success

    return work


def pandera(path: Path) -> Callable[[], None]:
    import pandera.pandas as pa

    def work() -> None:
        checks = {"id": pa.Column("int64", unique=True)}
        checks |= {name: pa.Column("float64", pa.Check.in_range(0, 1000)) for name in NUMBERS}
        checks |= {name: pa.Column(str, pa.Check.isin(ALLOWED) if name in WORDS[:2] else None) for name in WORDS}
        checks |= {"flag": pa.Column(bool), "seen": pa.Column("datetime64[us]")}
        pa.DataFrameSchema(checks, strict=True).validate(read(path), lazy=True)

    return work


WAYS = {
    "pyarrow": pyarrow_stream,
    "duckdb": duckdb_scan,
    "modelway": modelway,
    "pandas": pandas,
    "gx": gx,
    "pandera": pandera,
}


def told(rows: int, path: Path) -> str:
    return f"{rows:,} rows x 20 columns, {path.suffix[1:]}, {path.stat().st_size >> 20} MB"


def main() -> None:
    sizes = [int(rows) for rows in sys.argv[1:] if rows.isdigit()] or [10_000, 1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        if "--wide" in sys.argv:
            wide = Path(folder) / "wide.parquet"
            made("make_wide", wide)
            measured(__file__, "10,000 rows x 2,000 columns, parquet", [("duckdb", "", 3), ("modelway", "", 3)], wide)
            return
        if "--grow" in sys.argv:
            for rows in (1_000_000, 10_000_000, 100_000_000):
                path = Path(folder) / "rows.parquet"
                made("make", path, rows)
                asked = [("pyarrow", "gx", 2), ("duckdb", "", 2), ("modelway", "", 2)]
                measured(__file__, told(rows, path), asked, path)
            return
        for rows in sizes:
            for suffix, floors in (
                ("parquet", (("pyarrow", "gx"), ("duckdb", ""))),
                ("csv", (("duckdb", ""), ("pyarrow", "gx"))),
            ):
                path = Path(folder) / f"rows.{suffix}"
                made("make", path, rows)
                often = 3 if rows >= ONCE_FROM else 5
                asked = [(*one, often) for one in (*floors, ("modelway", ""))]
                if suffix == "parquet" or rows < ONCE_FROM:
                    asked += [(*one, 1 if rows >= ONCE_FROM else 3) for one in SLOW]
                measured(__file__, told(rows, path), asked, path)
                path.unlink()


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in WAYS:
        run_one(WAYS, sys.argv[1], Path(sys.argv[2]))
    else:
        main()
