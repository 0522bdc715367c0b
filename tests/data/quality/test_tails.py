"""Fences that fit a column's own tails: what they flag of sound data, and what they find of errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from data.quality.conftest import LookThrough

N = 20_000
Draw = Callable[[np.random.Generator], npt.NDArray[np.float64]]
WORLDS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng: rng.normal(50, 10, N), 0),
    "uniform": (lambda rng: rng.uniform(0, 1, N), 0),
    "log-normal, 1": (lambda rng: rng.lognormal(0, 1, N), 0),
    "log-normal, 2": (lambda rng: rng.lognormal(0, 2, N), 0.01),
    "exponential": (lambda rng: rng.exponential(1, N), 0),
    "gamma, 0.5": (lambda rng: rng.gamma(0.5, 1, N), 0),
    "Weibull, 0.5": (lambda rng: rng.weibull(0.5, N), 0),
    "Pareto, 1.5": (lambda rng: rng.pareto(1.5, N) + 1, 0.05),
    "Student's t, 3": (lambda rng: rng.standard_t(3, N), 0.01),
    "Cauchy": (lambda rng: rng.standard_cauchy(N), 0.02),
    "beta, 0.5 and 0.5": (lambda rng: rng.beta(0.5, 0.5, N), 0),
    "a binary of 1 %": (lambda rng: (rng.random(N) < 0.01) * 1.0, 0),
    "90 % zero, log-normal": (lambda rng: np.where(rng.random(N) < 0.9, 0, rng.lognormal(3, 1, N)), 0.01),
    "Poisson, 0.1": (lambda rng: rng.poisson(0.1, N) * 1.0, 0),
    "Poisson, 3": (lambda rng: rng.poisson(3, N) * 1.0, 0),
    "negative binomial": (lambda rng: rng.negative_binomial(0.5, 0.02, N) * 1.0, 0),
    "two humps, 95 and 5 %": (lambda rng: np.where(rng.random(N) < 0.95, rng.normal(0, 1, N), rng.normal(20, 1, N)), 0),
}
"""World -> the most that may be flagged, in percent. The usual fences (1.5 times the quartiles' range) flag 8 % of the
log-normal one, and all of the ones of the binary."""


def flagged(look: LookThrough, folder: Path, **columns: npt.NDArray[np.float64]) -> dict[str, float]:
    path = folder / "rows.parquet"
    relation = duckdb.from_df(pd.DataFrame(columns))
    relation.write_parquet(str(path))
    found = look(path, {"duplicates": False})
    return {
        name: float(check.value or 0)
        for name in columns
        if (key := f"{name} outliers") in found
        for check in [found[key]]
    }


def test_sound_columns_of_every_shape_are_left_alone(look: LookThrough, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    found = flagged(look, tmp_path, **{name: draw(rng) for name, (draw, _) in WORLDS.items()})
    assert {name: share for name, share in found.items() if share > WORLDS[name][1]} == {}


@pytest.mark.parametrize("name", ["normal", "log-normal, 1", "exponential", "gamma, 0.5", "Poisson, 3", "uniform"])
def test_a_hundredth_of_9999_is_found_whole(name: str, look: LookThrough, tmp_path: Path) -> None:
    values = WORLDS[name][0](np.random.default_rng(6))
    values[::100] = 9999
    assert flagged(look, tmp_path, x=values)["x"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "found"), [("normal", 20), ("uniform", 18), ("exponential", 12), ("log-normal, 1", 2)]
)
def test_twenty_errors_of_unit_are_found_where_they_stand_out(
    name: str, found: int, look: LookThrough, tmp_path: Path
) -> None:
    """100 times a value that is a hundredth of the median is an ordinary one."""
    values = WORLDS[name][0](np.random.default_rng(7))
    values[::1000] *= 100
    assert flagged(look, tmp_path, x=values)["x"] >= 100 * found / N


def test_a_column_that_mostly_is_0_has_tails_of_its_own(look: LookThrough, tmp_path: Path) -> None:
    """400 among values around 100, which one row in five has: no gap cuts it off."""
    rng = np.random.default_rng(8)
    values = np.where(rng.random(N) < 0.8, 0, rng.normal(100, 5, N))
    values[:5] = 400
    assert flagged(look, tmp_path, x=values)["x"] == pytest.approx(100 * 5 / N)


def test_fences_at_both_ends_find_what_hides_each_other(look: LookThrough, tmp_path: Path) -> None:
    values = np.random.default_rng(9).integers(18, 90, N) * 1.0
    values[:30], values[30:70] = -999, 9999
    assert flagged(look, tmp_path, x=values)["x"] == pytest.approx(100 * 70 / N)
