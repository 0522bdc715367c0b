"""Percentiles of latency and the share of errors, with intervals that allow for requests that are slow together.

Slow requests come in bursts, so n of them say less than n independent ones. How much less is measured: the run is cut into
BLOCKS of equal time (batch means; Schmeiser 1982, Operations Research 30:556-568), and the variance of a share between them is
held against that of independent requests. The quotient, never below 1, divides n, as does (t/z)^2 for the few blocks
(Korn and Graubard 1998, Survey Methodology 24:193-201). With this effective n

- a percentile lies between two order statistics, whose ranks are binomial: no distribution is assumed;
- the share of errors has Clopper and Pearson's interval.

A request that failed counts as one that never came: infinitely slow.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

BLOCKS = 20
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class LatencyEstimate(NamedTuple):
    """value, low, high: seconds, or a share; infinite where nothing bounds them. effective: how many independent requests
    would say as much."""

    value: float
    low: float
    high: float
    effective: float


class Latencies:
    """The requests of a run, in the order of their ends. times: when they were meant to leave; seconds: until the answer was
    whole, infinite where the request failed."""

    def __init__(self) -> None:
        self.times, self.seconds = array("d"), array("d")
        self.failed = 0

    def add(self, at: float, seconds: float, failed: bool) -> None:
        self.times.append(at)
        self.seconds.append(math.inf if failed else seconds)
        self.failed += failed


def percentile(found: Latencies, share: float, confidence: float) -> LatencyEstimate:
    """The percentile of at least one request."""
    ordered = sorted(found.seconds)
    n = len(ordered)
    value = ordered[math.ceil(share * n) - 1]
    effective = effective_size(found.times, found.seconds, lambda seconds: seconds > value, confidence)
    whole = max(1, math.floor(effective))
    low, high = ranks(whole, share, confidence)
    at_low = ordered[max(1, math.floor(low * n / whole)) - 1] if low > 0 else 0.0
    at_high = ordered[min(n, math.ceil(high * n / whole)) - 1] if high <= whole else math.inf
    return LatencyEstimate(value, at_low, at_high, effective)


def error_share(found: Latencies, confidence: float) -> LatencyEstimate:
    """The share of at least one request that failed."""
    n = len(found.seconds)
    share = found.failed / n
    effective = effective_size(found.times, found.seconds, math.isinf, confidence)
    return LatencyEstimate(share, *clopper_pearson(share * effective, effective, confidence), effective)


def effective_size(
    times: Sequence[float], values: Sequence[float], hit: Callable[[float], bool], confidence: float
) -> float:
    """How many independent requests say as much about the share of hits as these do; at most their number."""
    n = len(times)
    start, end = min(times), max(times)
    width = (end - start) / BLOCKS or 1.0
    counts, hits = [0] * BLOCKS, [0] * BLOCKS
    for at, value in zip(times, values, strict=True):
        block = min(int((at - start) / width), BLOCKS - 1)
        counts[block] += 1
        hits[block] += hit(value)
    share = sum(hits) / n
    if not 0 < share < 1:
        return float(n)
    spread = BLOCKS / (BLOCKS - 1) * sum((h - share * c) ** 2 for h, c in zip(hits, counts, strict=True)) / n**2
    few = (t_quantile(confidence, BLOCKS - 1) / NormalDist().inv_cdf(0.5 + confidence / 2)) ** 2
    return n / max(1.0, few * spread / (share * (1 - share) / n))


def ranks(n: int, share: float, confidence: float) -> tuple[int, int]:
    """The ranks, from 1, of the two of n independent values between which the percentile lies (David and Nagaraja 2003, Order
    Statistics, section 7.1). 0 and n + 1: nothing bounds it on this side."""
    tail = (1 - confidence) / 2
    low, high = 0, n + 1
    top = n
    while low < top:  # the largest rank with P(binomial < rank) <= tail
        middle = (low + top + 1) // 2
        low, top = (middle, top) if 1 - _at_least(middle, n, share) <= tail else (low, middle - 1)
    bottom = 1
    while bottom < high:  # the smallest rank with P(binomial >= rank) <= tail
        middle = (bottom + high) // 2
        bottom, high = (bottom, middle) if _at_least(middle, n, share) <= tail else (middle + 1, high)
    return low, high


def _at_least(k: int, n: int, share: float) -> float:
    """P(binomial(n, share) >= k) for k >= 1."""
    return beta_cdf(share, k, n - k + 1)


def clopper_pearson(hits: float, n: float, confidence: float) -> tuple[float, float]:
    """The exact interval of a rate; hits and n need not be whole (Korn and Graubard)."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else _root(lambda rate: beta_cdf(rate, hits, n - hits + 1) - tail)
    high = 1.0 if hits >= n else _root(lambda rate: beta_cdf(rate, hits + 1, n - hits) - (1 - tail))
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8), evaluated by
    Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    tiny = 1e-300
    c, d = 1.0, 1.0 / ((1 - (a + b) * x / (a + 1)) or tiny)
    total = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            change = c * d
            total *= change
        if abs(change - 1) < 1e-13:
            break
    return front * total


def t_quantile(confidence: float, degrees: int) -> float:
    """Student's two-sided quantile, from the normal one (Abramowitz and Stegun 26.7.5): within 1e-3 from 10 degrees on."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
