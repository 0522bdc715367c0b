"""The gate's reading of wide data, beside pandas and beside DuckDB's own bare scan of the same file into typed columns.

Usage: python benchmarks/read_rows.py [COLUMNS ...]     (400, 1000 and 2000 where left out)

1,300 rows of CSV, every column a double of the model's signature, one label. Each in a process of its own, in turn, three
times; printed are medians of CPU time (user and system, without imports) and ratios. Linear: the last column.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
ROWS = 1300
RUNS = 3


def make(path: Path, columns: int) -> None:
    import duckdb

    values = ", ".join(f"((hash(range * 31 + {at}) % 1000000) / 1000.0)::DOUBLE AS f{at}" for at in range(columns))
    duckdb.execute(f"COPY (SELECT {values}, range % 2 AS y FROM range({ROWS})) TO '{path}' (FORMAT csv, HEADER)")


def gate(path: Path, columns: int) -> float:
    sys.path.insert(0, str(SCRIPTS))
    from modelway.data.contract import Contract
    from modelway.data.engines import duckdb as engine
    from modelway.stages.steps.rows import read_held_out

    assert engine
    types = {f"f{at}": "double" for at in range(columns)}
    began = time.process_time()
    read = read_held_out(path, path.name, Contract(), ("y",), types, types)
    took = time.process_time() - began
    assert read.candidate.count == ROWS
    assert len(read.candidate.columns) == columns
    return took


def scan(path: Path, columns: int) -> float:
    """The floor: the types are given, nothing is checked."""
    import duckdb
    import numpy as np

    assert np
    began = time.process_time()
    types = ", ".join(f"'f{at}': 'DOUBLE'" for at in range(columns))
    with duckdb.connect() as connection:
        sql = f"SELECT * FROM read_csv('{path}', header = true, auto_detect = false, columns = {{{types}, 'y': 'BIGINT'}})"
        found = connection.execute(sql).fetchnumpy()
    assert len(found) == columns + 1
    return time.process_time() - began


def pandas(path: Path, columns: int) -> float:
    import pandas as pd

    began = time.process_time()
    assert pd.read_csv(path).shape == (ROWS, columns + 1)
    return time.process_time() - began


READERS = {"scan": scan, "pandas": pandas, "gate": gate}


def main() -> None:
    widths = [int(text) for text in sys.argv[1:]] or [400, 1000, 2000]
    per_column: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for columns in widths:
            path = Path(folder) / f"{columns}.csv"
            make(path, columns)
            seconds: dict[str, list[float]] = {}
            for _ in range(RUNS):
                for name in READERS:
                    command = [sys.executable, __file__, name, str(path), str(columns)]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    seconds.setdefault(name, []).append(json.loads(done.stdout))
            middle = {name: statistics.median(times) for name, times in seconds.items()}
            per_column[columns] = middle["gate"] / columns
            print(f"\n{ROWS:,} rows x {columns:,} columns, {path.stat().st_size >> 20} MB; CPU, medians of {RUNS} runs")
            for name, cpu in middle.items():
                print(
                    f"{name:8} {cpu:6.2f} s  {cpu / middle['scan']:5.2f} x scan  {cpu / middle['pandas']:5.2f} x pandas"
                )
            print(
                f"a column costs the gate {per_column[columns] / per_column[widths[0]]:.2f} x what it does of {widths[0]}"
            )


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in READERS:
        print(json.dumps(READERS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
