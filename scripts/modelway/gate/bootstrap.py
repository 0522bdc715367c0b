"""The one resampling engine: seeded bootstrap repetitions of whatever has no closed form, and the interval made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from modelway.gate.intervals import Floats, Interval, t_quantile

SEED = 20130101
REPETITIONS = 1000
FEWEST_REPETITIONS = 250
MOST_ROWS = 5_000_000
"""Drawn in all: with more than 5,000 units there are fewer repetitions, which t and the wider interval allow for."""
MINIMUM_ROWS = 2000
"""For a statistic that is not smooth (a median): with few rows, those that matter are often not in the sample at all."""
MOST_LEFT_OUT = 100
"""Of the jackknife: with more rows than this, that many groups of them are left out one by one."""

Counts = npt.NDArray[np.int64]
Statistic = Callable[[Counts], float]
"""How often each unit counts, (m,) -> the value; NaN where it has none."""


@dataclass(frozen=True)
class Resampled:
    """value: of the rows as they are. repetitions (b,): of rows drawn again. left_out (g,): without one row of each kind, or
    without each of g groups; times (g,): how many rows each of them stands for."""

    value: float
    repetitions: Floats
    left_out: Floats
    times: Floats

    @property
    def failed(self) -> int:
        return int((~np.isfinite(self.repetitions)).sum() + (~np.isfinite(self.left_out)).sum())


def resample(statistic: Statistic, base: Counts) -> Resampled:
    """base (m,): how many rows each unit stands for: 1 for a row, more for rows that are alike."""
    n, generator = int(base.sum()), np.random.default_rng(SEED)
    times = min(REPETITIONS, max(FEWEST_REPETITIONS, MOST_ROWS // len(base)))
    drawn = (generator.multinomial(n, base / n) for _ in range(times))
    repetitions = np.array([statistic(counts) for counts in drawn])
    if len(base) <= MOST_LEFT_OUT:
        left_out = np.array([statistic(base - (np.arange(len(base)) == unit)) for unit in range(len(base))])
        return Resampled(statistic(base), repetitions, left_out, base.astype(float))
    parts = np.array_split(generator.permutation(len(base)), MOST_LEFT_OUT)
    left_out = np.empty(len(parts))
    for position, part in enumerate(parts):
        rest = base.copy()
        rest[part] = 0
        left_out[position] = statistic(rest)
    return Resampled(statistic(base), repetitions, left_out, np.ones(len(parts)))


def interval(found: Resampled, confidence: float, degrees: float) -> Interval:
    """The wider of two: bias corrected and accelerated percentiles (BCa: Efron 1987, Journal of the American Statistical
    Association 82:171-185), at Student's quantile instead of the normal one (Hesterberg 2015, The American Statistician
    69:371-386), and Student's interval with the repetitions' spread. Alone, each is too short somewhere
    (benchmarks/interval_coverage.py). degrees: of Student's t, the fewest rows of a kind that the value rests on, less one."""
    normal, ordered = NormalDist(), np.sort(found.repetitions)
    b = len(ordered)
    t = t_quantile(confidence, min(degrees, b - 1))
    below = (np.searchsorted(ordered, found.value, "left") + np.searchsorted(ordered, found.value, "right")) / 2
    bias = normal.inv_cdf(min(max(below / b, 1 / (b + 1)), b / (b + 1)))
    acceleration = _acceleration(found)
    ends = []
    for side in (-t, t):
        away = 1 - acceleration * (bias + side)
        moved = bias + (bias + side) / away if away > 0 else np.inf * side
        ends.append(float(np.quantile(ordered, normal.cdf(moved))))
    half = t * float(ordered.std(ddof=1))
    return min(ends[0], found.value - half), max(ends[1], found.value + half)


def _acceleration(found: Resampled) -> float:
    """A sixth of the skewness of the value's influences."""
    mean = float(np.average(found.left_out, weights=found.times))
    moved = mean - found.left_out
    spread = float(found.times @ moved**2)
    return float(found.times @ moved**3) / (6 * spread**1.5) if spread > 0 else 0.0


def of_rows(n: int, statistic: Callable[[Floats], float], confidence: float) -> Interval | None:
    """Percentiles of a statistic of weighted rows: weights (n,) -> a number, how often each row was drawn."""
    generator = np.random.default_rng(SEED)
    values = np.empty(REPETITIONS)
    for repetition in range(REPETITIONS):
        drawn = generator.integers(0, n, size=n, dtype=np.int32)
        values[repetition] = statistic(np.bincount(drawn, minlength=n).astype(float))
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
