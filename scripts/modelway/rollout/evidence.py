"""The judge's evidence as a report shows it: rates, intervals, and how far each test has come."""

from __future__ import annotations

from math import sqrt

import msgspec

from modelway import distributions
from modelway.distributions import Interval, normal_quantile

CONFIDENCE = 0.95


class Arm(msgspec.Struct, frozen=True):
    """One arm's requests and how many of them count. rate and interval are None without requests."""

    requests: int
    count: int
    rate: float | None
    interval: Interval | None


class MetricEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all blocks in which both arms could have traffic. Nothing is decided by the intervals: they are for the
    picture."""

    name: str
    harm: float
    """Evidence that the canary is worse: 1 at the start."""
    harm_needed: float
    """Where this metric alone rolls back: 1 / (alpha * its part of the budget)."""
    not_worse: float
    """Evidence that it is not worse by the margin: 1 at the start, promotion needs 1/beta."""
    canary: Arm
    stable: Arm
    difference: float | None
    """Canary's rate minus stable's."""
    difference_interval: Interval | None
    tolerance: float
    phi: float
    alone: Arm
    """The canary at 100 %, without a stable arm."""
    limit: float | None
    """What its rate was held against there."""
    differ_at_most: float | None = None
    """Of a share that may rise and fall: by how much. None: the metric is one that may not rise."""
    missed: str = ""
    """Why it was not counted in some of the blocks, the last time."""

    @property
    def title(self) -> str:
        """For people."""
        return title_of(self.name)


def title_of(metric: str) -> str:
    """For people."""
    return "slow requests" if metric == "latency" else metric


def wilson(count: int, requests: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate: (low, high)."""
    return distributions.wilson(count, requests, normal_quantile(confidence))


def number_said(evidence: float) -> str:
    """Three digits; above a million nobody needs to know how much."""
    return "over a million" if evidence > 1e6 else f"{evidence:,.0f}" if evidence >= 100 else f"{evidence:.3g}"


def arm(count: int, requests: int) -> Arm:
    if requests <= 0:
        return Arm(0, 0, None, None)
    return Arm(requests, count, count / requests, wilson(count, requests))


def difference(canary: Arm, stable: Arm) -> tuple[float | None, Interval | None]:
    """Of two rates, with Newcombe's interval from the two of Wilson (1998, Statistics in Medicine 17:873-890, method 10)."""
    if canary.rate is None or stable.rate is None or canary.interval is None or stable.interval is None:
        return None, None
    gap = canary.rate - stable.rate
    (low1, high1), (low0, high0) = canary.interval, stable.interval
    below = sqrt((canary.rate - low1) ** 2 + (high0 - stable.rate) ** 2)
    above = sqrt((high1 - canary.rate) ** 2 + (stable.rate - low0) ** 2)
    return gap, (gap - below, gap + above)
