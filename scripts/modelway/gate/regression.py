"""Regression metrics that are not a plain mean: root mean squared error, median absolute error, R squared."""

from __future__ import annotations

import math

import numpy as np

from modelway.gate import bootstrap
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats, median_by_order
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
        return unjudged(len(candidate), _too_few(len(candidate)), value=ours - theirs)
    mine, other = _Medians(np.abs(candidate)), _Medians(np.abs(production))
    interval = bootstrap.of_rows(len(candidate), lambda weights: mine.of(weights) - other.of(weights), confidence)
    if interval is None:
        return unjudged(len(candidate), "some resampled rows have no value", value=ours - theirs)
    return difference(len(candidate), ours, theirs, interval, "paired bootstrap")


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
    n = len(truth)
    moments = _moments(truth, errors)
    value = _explained(moments.sum(axis=0), n)
    if not math.isfinite(value):
        return unjudged(n, "the labels do not vary")
    if n < bootstrap.MINIMUM_ROWS:
        return unjudged(n, _too_few(n), value=value)
    interval = bootstrap.of_rows(n, lambda weights: _explained(weights @ moments, n), confidence)
    if interval is None:
        return unjudged(n, "some resampled rows have no value", value=value)
    return estimate(n, value, interval, "bootstrap")


def r2_difference(truth: Floats, candidate: Floats, production: Floats, confidence: float) -> Estimate:
    n = len(truth)
    ours, theirs = _moments(truth, candidate), _moments(truth, production)
    mine, other = _explained(ours.sum(axis=0), n), _explained(theirs.sum(axis=0), n)
    if not (math.isfinite(mine) and math.isfinite(other)):
        return unjudged(n, "the labels do not vary")
    if n < bootstrap.MINIMUM_ROWS:
        return unjudged(n, _too_few(n), value=mine - other)
    interval = bootstrap.of_rows(
        n, lambda weights: _explained(weights @ ours, n) - _explained(weights @ theirs, n), confidence
    )
    if interval is None:
        return unjudged(n, "some resampled rows have no value", value=mine - other)
    return difference(n, mine, other, interval, "paired bootstrap")


def _moments(truth: Floats, errors: Floats) -> Floats:
    """(n, 3): squared error, label and squared label. Labels are centred and scaled first, or their squares swallow
    their spread."""
    spread = float(truth.std()) if len(truth) else 0.0
    scale = spread if spread > 0 else 1.0
    centred = (truth - truth.mean()) / scale if len(truth) else truth
    return np.stack([(errors / scale) ** 2, centred, centred**2], axis=1)


def _explained(sums: Floats, n: int) -> float:
    """R squared from the sums of the moments; NaN when the labels do not vary."""
    total = float(sums[2] - sums[1] ** 2 / n) if n else 0.0
    return 1 - float(sums[0]) / total if total > 0 else math.nan


def _too_few(n: int) -> str:
    return f"{n} rows, resampling needs at least {bootstrap.MINIMUM_ROWS}"
