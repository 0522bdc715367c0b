"""What an A/B has measured: the difference of two rates, with an interval that holds at every look at once.

For one arm with k of n requests and a rate p, Robbins' mixture B(k + a, n - k + a) / B(a, a) / (p^k (1 - p)^(n - k)) is a
martingale that begins at 1 (1970, Annals of Mathematical Statistics 41:1397-1409), and so is the product over two arms. By
Ville's inequality it ever reaches 1/alpha with probability alpha at most. So the pairs of rates at which it has not are a
confidence sequence, and the interval is the range of their differences (Turner and Grünwald 2023, arXiv 2302.11401, invert a
test for two rates in the same way). It is exact where each request of an arm fails by its own
draw at one rate, however many requests either arm gets and when. Errors that come phi at a time count as that many fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, log1p, sqrt

import msgspec

from modelway.distributions import Interval, log_mixture
from modelway.rollout.evidence import CONFIDENCE, Arm, MetricEvidence, title_of

STEEPEST = 46.0
"""The logarithm of a slope at which both rates stand at their ends."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Of one metric. difference and interval: the new release's rate minus stable's; None where an arm had no request."""

    name: str
    new: Arm
    stable: Arm
    difference: float | None
    interval: Interval | None

    @property
    def title(self) -> str:
        return title_of(self.name)

    @property
    def points(self) -> str:
        """The difference with its interval, in points of a percent; empty where an arm had no request."""
        if self.difference is None or self.interval is None:
            return ""
        low, high = self.interval
        return f"{100 * self.difference:+.2f} points [{100 * low:+.2f}, {100 * high:+.2f}]"

    @property
    def finding(self) -> str:
        if self.interval is None:
            return "not compared"
        low, high = self.interval
        return "more" if low > 0 else "fewer" if high < 0 else "no difference shown"


def effects(metrics: Sequence[MetricEvidence]) -> tuple[Effect, ...]:
    return tuple(_effect(metric) for metric in metrics)


def _effect(metric: MetricEvidence) -> Effect:
    new, stable = metric.canary, metric.stable
    if new.rate is None or stable.rate is None:
        return Effect(name=metric.name, new=new, stable=stable, difference=None, interval=None)
    found = interval((new.count, new.requests), (stable.count, stable.requests), metric.phi)
    return Effect(name=metric.name, new=new, stable=stable, difference=new.rate - stable.rate, interval=found)


def said(effect: Effect) -> str:
    """For people: rates, and their difference in points of a percent."""
    if not effect.points:
        silent = "with" if effect.new.rate is None else "without"
        return f"{effect.title}: no request came {silent} the key, so nothing was compared"
    return (
        f"{effect.title}: {effect.new.rate:.2%} of {effect.new.requests:,} with the key, {effect.stable.rate:.2%} of "
        f"{effect.stable.requests:,} without: {effect.points}, {effect.finding}"
    )


def interval(
    new: tuple[int, int], stable: tuple[int, int], phi: float = 1.0, confidence: float = CONFIDENCE
) -> Interval:
    """Of new's rate minus stable's, each (count, requests)."""
    k1, n1, k0, n0 = new[0] / phi, new[1] / phi, stable[0] / phi, stable[1] / phi
    floor = log_mixture(k1, n1) + log_mixture(k0, n0) + log(1 - confidence)
    return -_furthest(n1 - k1, n1, k0, n0, floor), _furthest(k1, n1, n0 - k0, n0, floor)


def log_evidence(count: float, requests: float, rate: float) -> float:
    """The logarithm of one arm's martingale against this rate."""
    return log_mixture(count, requests) - _likelihood(count, requests, rate, 1 - rate)


def _likelihood(k: float, n: float, p: float, q: float) -> float:
    """q: 1 - p, as exactly as it is known."""
    if (k > 0 and p <= 0) or (n > k and q <= 0):
        return -inf
    return (k * log(p) if k > 0 else 0.0) + ((n - k) * (log1p(-p) if p < 0.5 else log(q)) if n > k else 0.0)


def _furthest(k1: float, n1: float, k0: float, n0: float, floor: float) -> float:
    """The largest p1 + p0 - 1 of all pairs whose likelihood is not below the floor. At the edge the slopes of both are equal:
    larger ones lead further out, and the likelihood falls all the way."""
    flat, steep = -STEEPEST, STEEPEST
    if _at(k1, n1, k0, n0, steep)[1] >= floor:
        return 1.0
    while steep - flat > 1e-9:
        middle = (flat + steep) / 2
        flat, steep = (middle, steep) if _at(k1, n1, k0, n0, middle)[1] >= floor else (flat, middle)
    return _at(k1, n1, k0, n0, steep)[0]


def _at(k1: float, n1: float, k0: float, n0: float, slope: float) -> tuple[float, float]:
    (p1, q1), (p0, q0) = _rate(k1, n1, exp(slope)), _rate(k0, n0, exp(slope))
    total = p1 - q0 if p1 < 0.5 else p0 - q1
    return total, _likelihood(k1, n1, p1, q1) + _likelihood(k0, n0, p0, q0)


def _rate(k: float, n: float, slope: float) -> tuple[float, float]:
    """(p, 1 - p) where the likelihood falls with this slope: k / p - (n - k) / (1 - p) = -slope."""
    root = sqrt((slope - n) ** 2 + 4 * slope * k)
    p = (slope - n + root) / (2 * slope) if slope > n else (2 * k / (n - slope + root) if k else 0.0)
    rest = sqrt(max(0.0, (slope + n) ** 2 - 4 * slope * (n - k)))
    return min(1.0, p), min(1.0, 2 * (n - k) / (slope + n + rest))
