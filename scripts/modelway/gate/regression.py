"""Regression metrics that are not a plain mean: root mean squared error, median absolute error, R squared."""

from __future__ import annotations

import math

import numpy as np

from modelway.gate import bootstrap, influence
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.influence import Smooth
from modelway.gate.intervals import Floats, difference_of_independent, median_by_order
from modelway.gate.losses import by_rows, mean_loss


def root_mean_squared(errors: Floats, confidence: float) -> Estimate:
    """The root of the mean squared error and of its interval's ends. errors (n,): prediction minus truth."""
    squared = mean_loss(errors**2, confidence)
    if squared.value is None or squared.interval is None:
        value = None if squared.value is None else math.sqrt(squared.value)
        return unjudged(squared.n, squared.reason, value=value)
    low, high = squared.interval
    return estimate(squared.n, math.sqrt(squared.value), (math.sqrt(max(low, 0.0)), math.sqrt(high)), squared.method)


def root_mean_squared_difference(candidate: Floats, production: Floats, confidence: float) -> Estimate:
    """By the delta method: a row moves the root by its squared error over twice the root."""
    if not len(candidate):
        return unjudged(0, "there are no rows")
    ours, theirs = (math.sqrt(float(np.mean(errors**2))) for errors in (candidate, production))
    if not (ours > 0 and theirs > 0):
        return unjudged(len(candidate), "a model without any error has no interval", value=ours - theirs)
    return by_rows(candidate**2 / (2 * ours) - production**2 / (2 * theirs), ours, theirs, confidence)


def median_absolute(errors: Floats, confidence: float) -> Estimate:
    if not len(errors):
        return unjudged(0, "there are no rows")
    sizes = np.abs(errors)
    value, interval = float(np.median(sizes)), median_by_order(sizes, confidence)
    if interval is None:
        return unjudged(len(errors), f"{len(errors)} rows are too few for an interval of a median", value=value)
    return estimate(len(errors), value, interval, "order statistics")


def median_absolute_difference(candidate: Floats, production: Floats, confidence: float) -> Estimate:
    if not len(candidate):
        return unjudged(0, "there are no rows")
    ours, theirs = (float(np.median(np.abs(errors))) for errors in (candidate, production))
    if len(candidate) < bootstrap.MINIMUM_ROWS:
        return _median_difference_of_few(ours, theirs, candidate, production, confidence)
    mine, other = _Medians(np.abs(candidate)), _Medians(np.abs(production))
    interval = bootstrap.of_rows(len(candidate), lambda weights: mine.of(weights) - other.of(weights), confidence)
    if interval is None:
        return unjudged(len(candidate), "some resampled rows have no value", value=ours - theirs)
    return difference(len(candidate), ours, theirs, interval, "paired bootstrap")


def _median_difference_of_few(
    ours: float, theirs: float, candidate: Floats, production: Floats, confidence: float
) -> Estimate:
    """Each median's own interval, joined as if the two were independent: wider than needed, as they rise together."""
    each = [median_by_order(np.abs(errors), confidence) for errors in (candidate, production)]
    if each[0] is None or each[1] is None:
        reason = f"{len(candidate)} rows are too few for an interval of a median"
        return unjudged(len(candidate), reason, value=ours - theirs)
    interval = difference_of_independent(ours, each[0], theirs, each[1])
    return difference(len(candidate), ours, theirs, interval, "order statistics, joined (MOVER)")


class _Medians:
    """Values sorted once, for the medians of many weightings."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(values, kind="stable")
        self.sorted = values[self.order]

    def of(self, weights: Floats) -> float:
        """The median of the values, each repeated `weight` times."""
        reached = np.cumsum(weights[self.order])
        half = reached[-1] / 2
        low = int(np.searchsorted(reached, half, side="left"))
        high = int(np.searchsorted(reached, half, side="right"))
        return float(self.sorted[low] + self.sorted[min(high, len(self.sorted) - 1)]) / 2


def r2(truth: Floats, errors: Floats, confidence: float) -> Estimate:
    found = influence.explained(truth, errors)
    reason = _unexplainable(found)
    if reason:
        return unjudged(len(truth), reason, value=found.value)
    return influence.of_one(found, influence.UNEXPLAINED, _degrees(found.influence), confidence)


def r2_difference(truth: Floats, candidate: Floats, production: Floats, confidence: float) -> Estimate:
    ours, theirs = influence.explained(truth, candidate), influence.explained(truth, production)
    reason = _unexplainable(ours)
    if reason:
        return unjudged(len(truth), reason, value=ours.value - theirs.value)
    return influence.of_two(ours, theirs, _degrees(ours.influence - theirs.influence), confidence)


def _unexplainable(found: Smooth) -> str:
    n = len(found.influence)
    if not math.isfinite(found.value):
        return "the labels do not vary"
    return f"{n} rows, this interval needs at least {influence.MINIMUM_ROWS}" if n < influence.MINIMUM_ROWS else ""


def _degrees(moved: Floats) -> float:
    """Of Student's t: how well the spread of the influences is known. Satterthwaite's 2n / (kurtosis - 1), a quarter of
    it because the kurtosis of a long tail is itself too small in a sample: where a few rows carry most of the value the
    interval becomes wide, instead of refusing just the samples that have their tail (benchmarks/interval_coverage.py)."""
    n, spread = len(moved), float(np.mean(moved**2))
    kurtosis = float(np.mean(moved**4)) / spread**2 if spread > 0 else 3.0
    return max(n / (2 * (max(kurtosis, 3.0) - 1)), 1.0)
