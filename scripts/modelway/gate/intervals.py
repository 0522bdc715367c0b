"""Intervals by formula. Every function is two-sided at `confidence`; the sources stand at each.

docs/gate.md says which metric uses which, benchmarks/interval_coverage.py measures what they cover.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from modelway import distributions
from modelway.distributions import Interval, clopper_pearson, normal_quantile, order_ranks, t_quantile

__all__ = ["Floats", "Interval", "clopper_pearson", "normal_quantile", "t_quantile"]
Floats = npt.NDArray[np.float64]


def wilson(hits: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """The score interval of rates, elementwise over arrays of hits and n >= 1."""
    ends = np.array([distributions.wilson(*rate, z) for rate in zip(hits.tolist(), n.tolist(), strict=True)])
    return ends[:, 0], ends[:, 1]


def newcombe_paired(both: int, first_only: int, second_only: int, neither: int, confidence: float) -> Interval:
    """The difference of two rates on the same rows, first minus second, from the four counts of rows that hit.

    Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10: Wilson's limits of both rates, joined with their
    correlation, which is corrected for continuity when positive.
    """
    n = both + first_only + second_only + neither
    first, second = (both + first_only) / n, (both + second_only) / n
    hits = np.array([both + first_only, both + second_only], dtype=float)
    lows, highs = wilson(hits, np.full(2, float(n)), normal_quantile(confidence))
    margins = (both + first_only) * (second_only + neither) * (both + second_only) * (first_only + neither)
    cross = float(both * neither - first_only * second_only)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    correlation = cross / math.sqrt(margins) if margins else 0.0
    gap = first - second
    down = _joined(first - lows[0], highs[1] - second, correlation)
    up = _joined(highs[0] - first, second - lows[1], correlation)
    return gap - down, gap + up


def _joined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one * one - 2 * correlation * one * other + other * other, 0.0))


def mean_of_independent(values: list[float], intervals: list[Interval]) -> Interval:
    """The interval of the mean of independent quantities, from the interval of each (the method of variance estimates
    recovery: Zou and Donner 2008, Statistics in Medicine 27:1693-1702, equation 4)."""
    centre, k = math.fsum(values) / len(values), len(values)
    down = math.sqrt(math.fsum((value - low) ** 2 for value, (low, _) in zip(values, intervals, strict=True))) / k
    up = math.sqrt(math.fsum((high - value) ** 2 for value, (_, high) in zip(values, intervals, strict=True))) / k
    return centre - down, centre + up


def difference_of_independent(first: float, of_first: Interval, second: float, of_second: Interval) -> Interval:
    """The interval of first minus second, from the interval of each (the same method)."""
    gap = first - second
    down = math.hypot(first - of_first[0], of_second[1] - second)
    up = math.hypot(of_first[1] - first, second - of_second[0])
    return gap - down, gap + up


def mean_by_t(losses: Floats, confidence: float) -> Interval:
    """Student's interval of the mean of n >= 2 losses, both ends moved by the first term of the Edgeworth expansion
    (Hall 1983, Annals of Statistics 11:569-576): without it, the mean of losses with a long tail looks too small."""
    n, spread, t = len(losses), float(losses.std(ddof=1)), t_quantile(confidence, len(losses) - 1)
    centre = float(losses.mean()) + skewness(losses) * spread * (1 + 2 * t * t) / (6 * n)
    half = t * spread / math.sqrt(n)
    return centre - half, centre + half


def skewness(losses: Floats) -> float:
    """The third standardised moment; 0 when all are equal."""
    centred = losses - losses.mean()
    spread = float(np.mean(centred**2))
    return float(np.mean(centred**3)) / spread**1.5 if spread > 0 else 0.0


def median_by_order(values: Floats, confidence: float) -> Interval | None:
    """The distribution-free interval of the median: the d-th smallest and the d-th largest of n values, d as large as
    the binomial(n, 1/2) allows. None when n is too small for any d (below 6 at 95 %)."""
    n = len(values)
    low, high = order_ranks(n, 0.5, confidence)
    if low == 0:
        return None
    ordered = np.sort(values)
    return float(ordered[low - 1]), float(ordered[high - 1])
