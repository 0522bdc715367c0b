"""Estimate: one measured quantity with its interval, before any limit is held against it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modelway.distributions import Interval
from modelway.gate.significant import significant


@dataclass(frozen=True)
class Estimate:
    """value: finite, or None. interval: at the policy's confidence, or None. reason: why it cannot be judged, in words
    for a person; empty when it can. exact: a quantity without sampling error, which needs no interval. candidate and
    production: the two values behind a difference. detail: what else a person wants to know of it, such as which groups."""

    n: int
    value: float | None = None
    interval: Interval | None = None
    method: str = ""
    reason: str = ""
    exact: bool = False
    candidate: float | None = None
    production: float | None = None
    detail: str = ""


def unjudged(n: int, reason: str, *, value: float | None = None) -> Estimate:
    """What is known when there is no interval to trust."""
    return Estimate(n=n, value=None if value is None or not math.isfinite(value) else significant(value), reason=reason)


def estimate(n: int, value: float, interval: Interval, method: str, *, detail: str = "") -> Estimate:
    """An Estimate that refuses what no limit may be held against: NaN, infinity, an interval of zero width (the data
    say nothing about the sampling error then), an interval that leaves out its own value."""
    low, high = interval
    if not all(math.isfinite(number) for number in (value, low, high)):
        return unjudged(n, "the value or its interval is not a finite number", value=value)
    if not low < high:
        return unjudged(n, "the interval has no width: these rows do not show how much the value varies", value=value)
    ends = significant(low), significant(high)
    return Estimate(n=n, value=significant(value), interval=ends, method=method, detail=detail)


def difference(n: int, candidate: float, production: float, interval: Interval, method: str) -> Estimate:
    """The Estimate of candidate minus production, with both values kept."""
    made = estimate(n, candidate - production, interval, method)
    if not (math.isfinite(candidate) and math.isfinite(production)):
        return made
    return Estimate(
        n=n,
        value=made.value,
        interval=made.interval,
        method=made.method,
        reason=made.reason,
        candidate=significant(candidate),
        production=significant(production),
    )
