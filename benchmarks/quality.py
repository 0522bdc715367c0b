"""check-quality and profile-data over rows of 20 columns: beside scans of the same file, and ydata-profiling.

Usage: python benchmarks/quality.py [ROWS ...]     1,000,000 rows where none are given
       python benchmarks/quality.py --wide         check-quality of 10,000 rows of 2,000 columns

ydata-profiling makes its page as its guide to large data has it, `minimal=True`: without correlations, duplicates and
interactions, which a profile of ours has; once, and not beyond a million rows. See measuring.py for what is measured.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from data_rows import duckdb_scan, made, pyarrow_stream
from measuring import measured, run_one

MOST_ROWS_OF_YDATA = 1_000_000
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def check_quality(path: Path) -> Callable[[], None]:
    from modelway.config.quality import Quality
    from modelway.data.quality.checking import QualityAsked, check_data

    return lambda: (check_data(QualityAsked(Quality(), label=label_of(path), now=NOW), path, "rows"), None)[1]


def profile_data(path: Path) -> Callable[[], None]:
    from modelway.config.quality import Quality
    from modelway.data.profile.profiling import profile
    from modelway.data.quality.checking import QualityAsked
    from modelway.report.profile_page import page

    asked = QualityAsked(Quality(), label=label_of(path), now=NOW)
    return lambda: (page(profile(asked, {"rows": path}, "the benchmark")), None)[1]


def ydata(path: Path) -> Callable[[], None]:
    import pandas as pd
    from ydata_profiling import ProfileReport

    def work() -> None:
        rows = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        ProfileReport(rows, title="rows", minimal=True, progress_bar=False).to_html()

    return work


def label_of(path: Path) -> str:
    return "y" if path.stem == "wide" else "flag"


WAYS = {
    "pyarrow": pyarrow_stream,
    "duckdb": duckdb_scan,
    "check_quality": check_quality,
    "profile_data": profile_data,
    "ydata": ydata,
}
FLOORS = [("pyarrow", "gx", 3), ("duckdb", "", 3)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if "--wide" in sys.argv:
            wide = Path(folder) / "wide.parquet"
            made("make_wide", wide)
            asked = [*FLOORS, ("check_quality", "", 3)]
            measured(__file__, "10,000 rows x 2,000 columns, parquet", asked, wide)
            return
        for rows in [int(word) for word in sys.argv[1:] if word.isdigit()] or [1_000_000]:
            path = Path(folder) / "rows.parquet"
            made("make", path, rows)
            asked = [*FLOORS, ("check_quality", "", 3), ("profile_data", "", 3)]
            asked += [("ydata", "ydata", 1)] * (rows <= MOST_ROWS_OF_YDATA)
            measured(__file__, f"{rows:,} rows x 20 columns, parquet", asked, path)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in WAYS:
        run_one(WAYS, sys.argv[1], Path(sys.argv[2]))
    else:
        main()
