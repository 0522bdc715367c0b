"""Metrics that are a mean over rows: log loss, Brier score, mean absolute and squared error."""

from __future__ import annotations

import numpy as np

from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats, Interval, mean_by_t, skewness

MINIMUM_ROWS = 30
COCHRAN = 25.0
"""Cochran 1977, Sampling Techniques, section 2.15: the mean of a skewed quantity is near normal from n > 25 skewness^2
on. The skewness is measured, so rare large losses (a rare class, an outlier) make the check inconclusive."""
METHOD = "t on per-row losses, corrected for skewness"


def too_few(losses: Floats) -> str:
    """Why Student's interval is not to be trusted for these losses; empty when it is."""
    n = len(losses)
    if n < MINIMUM_ROWS:
        return f"{n} rows, an interval of a mean needs at least {MINIMUM_ROWS}"
    needed = COCHRAN * skewness(losses) ** 2
    if n < needed:
        return f"a few rows carry most of the loss: {n} rows, with this skewness about {needed:.0f} are needed"
    return ""


def mean_loss(losses: Floats, confidence: float) -> Estimate:
    """losses (n,): one per row."""
    if not len(losses):
        return unjudged(0, "there are no rows")
    value, reason = float(losses.mean()), too_few(losses)
    if reason:
        return unjudged(len(losses), reason, value=value)
    return estimate(len(losses), value, mean_by_t(losses, confidence), METHOD)


def mean_loss_difference(candidate: Floats, production: Floats, confidence: float) -> Estimate:
    """Candidate minus production, of two losses per row."""
    return by_rows(candidate - production, float(np.mean(candidate)), float(np.mean(production)), confidence)


def by_rows(contributions: Floats, candidate: float, production: float, confidence: float) -> Estimate:
    """A difference of two values whose error is that of the mean of per-row `contributions` (n,) >= 1 row."""
    reason = too_few(contributions)
    gap = candidate - production
    if reason:
        interval: Interval = (gap, gap)
        refused = difference(len(contributions), candidate, production, interval, METHOD)
        return Estimate(
            n=refused.n, value=refused.value, reason=reason, candidate=refused.candidate, production=refused.production
        )
    low, high = mean_by_t(contributions, confidence)
    moved = gap - float(contributions.mean())
    return difference(len(contributions), candidate, production, (low + moved, high + moved), METHOD)
