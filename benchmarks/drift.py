"""Drift of a million rows of 18 columns against another million: beside a bare scan of the files (the floor) and evidently.

Usage: python benchmarks/drift.py [ROWS [COLUMNS]]     (needs requirements/data.txt; evidently, pyarrow where they are there)

Each runs in a process of its own, in turn; printed are medians of wall time, ratios and peak memory. Two thirds of the columns
are numbers, the rest text of 50 values. evidently runs its DataDriftPreset by its defaults, once; its time is without its
import, and with reading the files, which the others do too. With 100 columns or more it is left out.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
RUNS = 3
MOST_COLUMNS_OF_EVIDENTLY = 100


def make(path: Path, rows: int, columns: int, seed: int) -> None:
    import duckdb

    asked = []
    for at in range(columns):
        number = f"hash(range * {2 * at + 31} + {seed}) % 1000000"
        asked.append(f"({number} / 1000.0)::DOUBLE AS x{at}" if at % 3 else f"'value-' || {number} % 50 AS s{at}")
    duckdb.execute(f"COPY (SELECT {', '.join(asked)} FROM range({rows})) TO '{path}' (FORMAT parquet)")


def floor(folder: Path) -> None:
    """Every value decoded by DuckDB, nothing asked of it."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "256MB"}) as connection:
        for name in ("reference", "current"):
            path = folder / f"{name}.parquet"
            names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{path}'").fetchall()]
            for first in range(0, len(names), 100):
                hashes = ", ".join(f'bit_xor(hash("{name}"))' for name in names[first : first + 100])
                connection.execute(f"SELECT {hashes} FROM '{path}'").fetchall()


def pyarrow(folder: Path) -> None:
    """The same by pyarrow, batch by batch."""
    import pyarrow.parquet as parquet

    for name in ("reference", "current"):
        for batch in parquet.ParquetFile(folder / f"{name}.parquet").iter_batches(1 << 16):
            assert batch.num_rows


def modelway(folder: Path) -> None:
    sys.path.insert(0, str(SCRIPTS))
    from modelway.config.drift import Drift
    from modelway.data.contract import Contract
    from modelway.data.drift.detection import detect
    from modelway.data.drift.sides import open_side
    from modelway.data.drift.sketching import DataReading

    reading = DataReading(Contract(), memory_mb=256)
    with (
        open_side(folder / "reference.parquet", "reference", reading) as reference,
        open_side(folder / "current.parquet", "current", reading) as current,
    ):
        found = detect(reference, current, Drift(), lambda line: None)
    assert found.report.outcome == "no drift", found.report.of("drift")


def evidently(folder: Path) -> None:
    import pandas as pd
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    global began
    began = time.perf_counter()
    data = [Dataset.from_pandas(pd.read_parquet(folder / f"{name}.parquet")) for name in ("current", "reference")]
    Report([DataDriftPreset()]).run(*data).dict()


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    columns = int(sys.argv[2]) if len(sys.argv) > 2 else 18
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, file in enumerate(("reference", "current")):
            arguments = [str(folder / f"{file}.parquet"), str(rows), str(columns), str(seed * 1_000_003)]
            subprocess.run([sys.executable, __file__, "make", *arguments], check=True)  # its memory is nobody's peak
        print(f"{rows:,} rows x {columns} columns against as many; medians of {RUNS} runs")
        seconds: dict[str, list[float]] = {}
        peaks: dict[str, int] = {}
        for turn in range(RUNS):
            for way in WAYS:
                if way == "evidently" and (turn or columns >= MOST_COLUMNS_OF_EVIDENTLY):
                    continue  # once is enough: it takes a minute
                done = subprocess.run([sys.executable, __file__, way, str(folder)], capture_output=True, text=True)
                if done.returncode:
                    print(f"{way}: left out: {done.stderr.strip().splitlines()[-1]}")
                    continue
                took, peak = json.loads(done.stdout.splitlines()[-1])
                seconds.setdefault(way, []).append(took)
                peaks[way] = max(peaks.get(way, 0), peak)
        base = statistics.median(seconds["floor"])
        for way, times in seconds.items():
            middle = statistics.median(times)
            print(f"{way:10} {middle:7.2f} s  {middle / base:6.2f} x floor  peak {peaks[way]} MB")


began = 0.0

WAYS = {"floor": floor, "pyarrow": pyarrow, "modelway": modelway, "evidently": evidently}

if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "make":
        make(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    elif len(sys.argv) == 3 and sys.argv[1] in WAYS:
        began = time.perf_counter()
        WAYS[sys.argv[1]](Path(sys.argv[2]))
        took = time.perf_counter() - began
        print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10]))
    else:
        main()
