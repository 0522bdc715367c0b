"""What the fences of check-quality flag of sound columns, beside the usual 1.5 times the quartiles' range, and what they find.

Usage: python benchmarks/quality_outliers.py     (needs requirements/test.txt)

Of each world: the share of its own values that is flagged; of 20 values that were multiplied by 100 and of a hundredth that
was set to 9999, the share that is found. docs/quality.md has the table.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("scripts", "tests")]

from data.quality.test_tails import WORLDS  # noqa: E402 - after the path is known
from modelway.config.quality import Quality  # noqa: E402
from modelway.data.quality.checking import QualityAsked, check_data  # noqa: E402

Values = npt.NDArray[np.float64]


def beyond_quartiles(values: Values) -> float:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(100 * np.mean((values < low - 1.5 * (high - low)) | (values > high + 1.5 * (high - low))))


def flagged(columns: dict[str, Values], folder: Path) -> dict[str, float]:
    path = folder / "rows.parquet"
    duckdb.from_df(pd.DataFrame(columns)).write_parquet(str(path))
    checks = check_data(QualityAsked(Quality()), path, "rows")[0].checks
    found = {check.column: float(check.value or 0) for check in checks if check.kind == "outliers"}
    return {name: found.get(name, 0.0) for name in columns}


def main() -> None:
    rng = np.random.default_rng(11)
    sound = {name: draw(rng) for name, (draw, _) in WORLDS.items()}
    hundredfold, nines = ({name: values.copy() for name, values in sound.items()} for _ in range(2))
    n = len(next(iter(sound.values())))
    for values in hundredfold.values():
        values[:: n // 20] *= 100
    for values in nines.values():
        values[::100] = 9999
    with tempfile.TemporaryDirectory() as folder:
        own, units, nine = (flagged(columns, Path(folder)) for columns in (sound, hundredfold, nines))
    print(f"{n:,} rows each\n| column | 1.5 x quartiles flag | flagged | of 20 x 100 found | of 1 % 9999 found |")
    print("|---|--:|--:|--:|--:|")
    for name, values in sound.items():
        found = min(100.0, max(0.0, (units[name] - own[name]) * n / 20))
        print(
            f"| {name} | {beyond_quartiles(values):.2f} % | {own[name]:.3f} % | {found:.0f} % |"
            f" {min(100.0, max(0.0, (nine[name] - own[name]) * 100)):.0f} % |"
        )


if __name__ == "__main__":
    main()
