"""check-quality and profile-data over rows of 20 columns: beside a bare scan of the same file (the floor), and beside what a
notebook usually does with pandas.

Usage: python benchmarks/quality.py [ROWS]     (needs requirements/test.txt and pyarrow for pandas)

Each runs in a process of its own; printed are the medians of three runs of wall time, the CPU time, their ratios to the
floor and the peak of memory. pandas' script reads the file, and makes missing shares, duplicates, the quartiles' fences, the
values of text and correlations: less than check-quality does, and no page. Also 10,000 rows of 2,000 columns.
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

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "scripts")]

import validate_data as rows_of  # noqa: E402 - after the path is known

RUNS = 3


def check_quality(path: Path) -> None:
    from modelway.config.quality import Quality
    from modelway.data.quality.checking import QualityAsked, check_data

    check_data(QualityAsked(Quality(), label=label_of(path)), path, "rows")


def profile_data(path: Path) -> None:
    from modelway.config.quality import Quality
    from modelway.data.profile.profiling import profile
    from modelway.data.quality.checking import QualityAsked
    from modelway.report.profile_page import page

    page(profile(QualityAsked(Quality(), label=label_of(path)), {"rows": path}, "the benchmark"))


def pandas(path: Path) -> None:
    import pandas as pd

    global began, began_cpu
    began, began_cpu = time.perf_counter(), time.process_time()
    rows = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    rows.isna().mean()
    rows.duplicated().sum()
    numbers = rows.select_dtypes("number")
    low, high = numbers.quantile(0.25), numbers.quantile(0.75)
    ((numbers < low - 1.5 * (high - low)) | (numbers > high + 1.5 * (high - low))).sum()
    for name in rows.select_dtypes(exclude="number"):
        rows[name].value_counts()
    numbers.nunique()
    numbers.corr("spearman")


def label_of(path: Path) -> str:
    return "flag" if path.stem == "rows" else "y"


def make_wide(path: Path) -> None:
    import duckdb

    kinds = ("((hash(range * 31 + {0}) % 100000) / 100.0)::DOUBLE", "'v' || hash(range + {0}) % 50")
    columns = ", ".join(f"{kinds[at % 4 == 0].format(at)} AS x{at}" for at in range(1999))
    duckdb.execute(f"COPY (SELECT {columns}, range % 3 = 0 AS y FROM range(10000)) TO '{path}' (FORMAT parquet)")


WORKS = {"floor": rows_of.floor, "check_quality": check_quality, "profile_data": profile_data, "pandas": pandas}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("parquet", "csv"):
            path = Path(folder) / f"rows.{suffix}"
            rows_of.make(path, rows)
            measured(path, f"{rows:,} rows x 20 columns, {suffix}", list(WORKS))
        wide = Path(folder) / "wide.parquet"
        make_wide(wide)
        measured(wide, "10,000 rows x 2,000 columns, parquet", ["floor", "check_quality"])


def measured(path: Path, title: str, names: list[str]) -> None:
    print(f"\n{title}; medians of {RUNS} runs")
    base: tuple[float, float] = (0.0, 0.0)
    for name in names:
        found = []
        for _ in range(RUNS):
            one = subprocess.run([sys.executable, __file__, name, str(path)], capture_output=True, text=True)
            if one.returncode:
                print(f"{name:14} left out: {one.stderr.strip().splitlines()[-1]}")
                break
            found.append(json.loads(one.stdout))
        if found:
            wall, cpu, peak = (statistics.median(column) for column in zip(*found, strict=True))
            base = (wall, cpu) if name == "floor" else base
            ratios = f"{wall / base[0]:6.1f} x floor  {cpu / base[1]:6.1f} x its CPU"
            print(f"{name:14} {wall:7.2f} s  {cpu:7.2f} s CPU  {ratios}  peak {peak:.0f} MB", flush=True)


began = began_cpu = 0.0

if __name__ == "__main__":
    if len(sys.argv) == 3:
        began, began_cpu = time.perf_counter(), time.process_time()
        WORKS[sys.argv[1]](Path(sys.argv[2]))
        took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        print(json.dumps([took, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10]))
    else:
        main()
