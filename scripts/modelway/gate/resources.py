"""What a model costs: milliseconds per row, megabytes of files."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats, Interval, difference_of_independent, median_by_order
from modelway.gate.kind import Case
from modelway.gate.predictions import Scored
from modelway.gate.significant import significant

BYTES_PER_MB = 1_000_000
METHOD = "order statistics"


@dataclass(frozen=True)
class Cost:
    """What a model costs, which needs no usable predictions."""

    of_one: Callable[[Scored, int, float], Estimate]
    of_two: Callable[[Scored, Scored, int, float], Estimate]
    timed: bool
    worst: float = math.inf
    best: float = 0.0
    greater_is_better: bool = False
    need: None = None
    of: None = None
    from_library: bool = False

    def measure(self, case: Case) -> Estimate:
        return self.of_one(case.candidate, case.n, case.confidence)

    def compare(self, case: Case) -> Estimate:
        """The candidate's cost minus production's, in the same unit."""
        assert case.in_production is not None
        return self.of_two(case.candidate, case.in_production, case.n, case.confidence)


def _latency(scored: Scored, rows: int, confidence: float) -> Estimate:
    """The median over the repetitions."""
    found = _median(scored, rows, confidence)
    if isinstance(found, Estimate):
        return found
    value, interval, n = found
    return estimate(n, value, interval, METHOD)


def _latency_difference(candidate: Scored, production: Scored, rows: int, confidence: float) -> Estimate:
    one, other = _median(candidate, rows, confidence), _median(production, rows, confidence)
    if isinstance(one, Estimate):
        return one
    if isinstance(other, Estimate):
        return unjudged(other.n, f"in production, {other.reason}")
    interval = difference_of_independent(one[0], one[1], other[0], other[1])
    return difference(min(one[2], other[2]), one[0], other[0], interval, f"{METHOD}, joined (MOVER)")


def _size(scored: Scored, rows: int, confidence: float) -> Estimate:
    return _exact(scored.size_bytes / BYTES_PER_MB)


def _size_difference(candidate: Scored, production: Scored, rows: int, confidence: float) -> Estimate:
    ours, theirs = candidate.size_bytes / BYTES_PER_MB, production.size_bytes / BYTES_PER_MB
    return _exact(ours - theirs, significant(ours), significant(theirs))


def _exact(value: float, candidate: float | None = None, production: float | None = None) -> Estimate:
    return Estimate(
        n=1, value=significant(value), method="exact", exact=True, candidate=candidate, production=production
    )


def _median(scored: Scored, rows: int, confidence: float) -> tuple[float, Interval, int] | Estimate:
    seconds: Floats = np.asarray(scored.batch_seconds, dtype=float)
    n = len(seconds)
    if not rows:
        return unjudged(n, "the test data has no rows")
    if not n or not np.isfinite(seconds).all() or float(seconds.min()) < 0:
        return unjudged(n, "there are no usable timings")
    milliseconds = seconds / rows * 1000
    value, interval = float(np.median(milliseconds)), median_by_order(milliseconds, confidence)
    if interval is None:
        needed = math.ceil(1 - math.log2(1 - confidence))
        return unjudged(n, f"{n} repetitions, an interval at {confidence:.4g} needs at least {needed}", value=value)
    return value, interval, n


COSTS: dict[str, Cost] = {
    "latency-ms-per-row": Cost(_latency, _latency_difference, timed=True),
    "artifact-size-mb": Cost(_size, _size_difference, timed=False),
}
