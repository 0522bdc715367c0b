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
from typing import NamedTuple

from modelway.distributions import clopper_pearson, normal_quantile, order_ranks, t_quantile

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
    low, high = order_ranks(whole, share, confidence)
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
    few = (t_quantile(confidence, BLOCKS - 1) / normal_quantile(confidence)) ** 2
    return n / max(1.0, few * spread / (share * (1 - share) / n))
