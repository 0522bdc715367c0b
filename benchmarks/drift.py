"""Drift of rows against as many others, all default tests: beside scans of the files and evidently's DataDriftPreset.

Usage: python benchmarks/drift.py [ROWS [COLUMNS]]     1,000,000 rows of 18 columns where nothing is given
       python benchmarks/drift.py --columns            300,000 rows of 10, 100 and 1,000 columns
       python benchmarks/drift.py --sketch [ROWS COLUMNS]   against the sketch of a tenth as many: 3,000,000 of 1,000

Two thirds of the columns are numbers, the rest text of 50 values. evidently runs by its defaults, once, up to 100 columns. See
measuring.py for what is measured.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from data_rows import duckdb_scan, made, pyarrow_stream
from measuring import SCRIPTS, measured, run_one

MOST_COLUMNS_OF_EVIDENTLY = 100


def modelway(folder: Path) -> Callable[[], None]:
    return compared(folder, "reference.parquet", 256)


def against_sketch(folder: Path) -> Callable[[], None]:
    """As monitor-model has it: of the reference there are its counts alone."""
    return compared(folder, "reference.json", 1024)


def compared(folder: Path, known: str, memory_mb: int) -> Callable[[], None]:
    """known: the reference's file."""
    from modelway.config.drift import Drift
    from modelway.data.contract import Contract
    from modelway.data.drift.detection import detect
    from modelway.data.drift.sides import open_side
    from modelway.data.drift.sketching import DataReading

    def work() -> None:
        reading = DataReading(Contract(), memory_mb=memory_mb)
        with (
            open_side(folder / known, "reference", reading) as reference,
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


def current_alone(folder: Path) -> Callable[[], None]:
    return pyarrow_stream(folder / "current.parquet")


WAYS = {
    "pyarrow": pyarrow_stream,
    "duckdb": duckdb_scan,
    "modelway": modelway,
    "evidently": evidently,
    "current": current_alone,
    "sketch": against_sketch,
}


def against_a_sketch(rows: int, columns: int) -> None:
    sys.path.insert(0, str(SCRIPTS))
    from modelway.data.contract import Contract
    from modelway.data.drift.sides import open_side
    from modelway.data.drift.sketch import written
    from modelway.data.drift.sketching import DataReading

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made("make_side", folder / "reference.parquet", rows // 10, columns, 0)
        with open_side(folder / "reference.parquet", "reference", DataReading(Contract())) as side:
            assert side.rows is not None
            cells, _ = side.rows.cells({})
            (folder / "reference.json").write_text(written(side.rows.sketch(cells, own=True)))
        (folder / "reference.parquet").unlink()
        made("make_side", folder / "current.parquet", rows, columns, 1_000_003)
        size = (folder / "current.parquet").stat().st_size / 2**30
        title = f"{rows:,} rows x {columns:,} columns ({size:.1f} GiB of parquet) against a sketch"
        measured(__file__, title, [("current", "evidently", 1), ("sketch", "", 1)], folder)


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "--sketch" in sys.argv:
        against_a_sketch(*(numbers or (3_000_000, 1000)))
        return
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
