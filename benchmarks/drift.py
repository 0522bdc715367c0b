"""Drift of rows against as many others, all default tests: beside scans of the files and evidently's DataDriftPreset.

Usage: python benchmarks/drift.py [ROWS [COLUMNS]]     1,000,000 rows of 18 columns where nothing is given
       python benchmarks/drift.py --columns            300,000 rows of 10, 100 and 1,000 columns

Two thirds of the columns are numbers, the rest text of 50 values. evidently runs by its defaults, once, up to 100 columns. See
measuring.py for what is measured.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from data_rows import duckdb_scan, made, pyarrow_stream
from measuring import measured, run_one

MOST_COLUMNS_OF_EVIDENTLY = 100


def modelway(folder: Path) -> Callable[[], None]:
    from modelway.config.drift import Drift
    from modelway.data.contract import Contract
    from modelway.data.drift.detection import detect
    from modelway.data.drift.sides import open_side
    from modelway.data.drift.sketching import DataReading

    def work() -> None:
        reading = DataReading(Contract(), memory_mb=256)
        with (
            open_side(folder / "reference.parquet", "reference", reading) as reference,
            open_side(folder / "current.parquet", "current", reading) as current,
        ):
            found = detect(reference, current, Drift(), lambda line: None)
        assert found.report.outcome == "no drift", found.report.of("drift")

    return work


def evidently(folder: Path) -> Callable[[], None]:
    import pandas as pd
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    def work() -> None:
        data = [Dataset.from_pandas(pd.read_parquet(folder / f"{name}.parquet")) for name in ("current", "reference")]
        Report([DataDriftPreset()]).run(*data).dict()

    return work


WAYS = {"pyarrow": pyarrow_stream, "duckdb": duckdb_scan, "modelway": modelway, "evidently": evidently}


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    rows, columns = (*numbers, 1_000_000, 18)[:2] if len(numbers) != 1 else (numbers[0], 18)
    for wide in (10, 100, 1000) if "--columns" in sys.argv else (columns,):
        rows = 300_000 if "--columns" in sys.argv else rows
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for seed, file in enumerate(("reference", "current")):
                made("make_side", folder / f"{file}.parquet", rows, wide, seed * 1_000_003)
            asked = [("pyarrow", "evidently", 3), ("duckdb", "", 3), ("modelway", "", 3)]
            asked += [("evidently", "evidently", 1)] * (wide <= MOST_COLUMNS_OF_EVIDENTLY)
            measured(__file__, f"{rows:,} rows x {wide:,} columns against as many, parquet", asked, folder)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in WAYS:
        run_one(WAYS, sys.argv[1], Path(sys.argv[2]))
    else:
        main()
