"""Binary metrics of the score's order: ROC AUC by DeLong, average precision by the delta method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelway import distributions
from modelway.gate import delong, influence
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.influence import Smooth
from modelway.gate.intervals import Floats

Mask = npt.NDArray[np.bool_]

ONE_CLASS = "the rows hold only one class, the metric needs both"
MINIMUM_FOR_ONE = 20
MINIMUM_FOR_DIFFERENCE = 10
MINIMUM_NEAR_ONE = 40
"""Of positives and of negatives; near 1 the misses are one-sided and flatter the model."""


def fewest(truth: Mask) -> int:
    """The rows of the rarer class."""
    positives = int(truth.sum())
    return min(positives, len(truth) - positives)


def auc(truth: Mask, score: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    one = delong.area(truth, score)
    reason = _too_few(fewest(truth), MINIMUM_FOR_ONE, one.area)
    if reason:
        return unjudged(len(truth), reason, value=one.area)
    method = (
        "DeLong, logit t" if one.area < distributions.NEAR_ONE else "DeLong, logit t, and Newcombe's score interval"
    )
    return estimate(len(truth), one.area, delong.area_interval(one, confidence), method)


def auc_difference(truth: Mask, candidate: Floats, production: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    ours, theirs = delong.area(truth, candidate), delong.area(truth, production)
    reason = _too_few(fewest(truth), MINIMUM_FOR_DIFFERENCE, max(ours.area, theirs.area))
    if reason:
        return unjudged(len(truth), reason, value=ours.area - theirs.area)
    interval = delong.difference_interval(ours, theirs, confidence)
    return difference(len(truth), ours.area, theirs.area, interval, "DeLong, t")


def _too_few(rows: int, minimum: int, area: float) -> str:
    needed, near = (MINIMUM_NEAR_ONE, " for an area this near 1") if area >= distributions.NEAR_ONE else (minimum, "")
    return f"{rows} rows of the rarer class, DeLong's interval needs at least {needed}{near}" if rows < needed else ""


def average_precision(truth: Mask, score: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    found, reason = precision_over_ranks(truth, score), _too_few_ranked(truth)
    if reason:
        return unjudged(len(truth), reason, value=found.value)
    return influence.of_one(found, influence.LOGIT, fewest(truth) - 1, confidence)


def average_precision_difference(truth: Mask, candidate: Floats, production: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    ours, theirs = precision_over_ranks(truth, candidate), precision_over_ranks(truth, production)
    reason = _too_few_ranked(truth)
    if reason:
        return unjudged(len(truth), reason, value=ours.value - theirs.value)
    return influence.of_two(ours, theirs, fewest(truth) - 1, confidence)


def _too_few_ranked(truth: Mask) -> str:
    if len(truth) < influence.MINIMUM_ROWS:
        return f"{len(truth)} rows, this interval needs at least {influence.MINIMUM_ROWS}"
    if fewest(truth) < MINIMUM_FOR_ONE:
        return f"{fewest(truth)} rows of the rarer class, this interval needs at least {MINIMUM_FOR_ONE}"
    return ""


def precision_over_ranks(truth: Mask, score: Floats) -> Smooth:
    """Average precision of rows with at least one positive: the precision at each threshold, weighted by the positives
    that it adds. Rows of equal score count together."""
    order = np.argsort(-score, kind="stable")
    falling, positive = score[order], truth[order].astype(float)
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    found, called = np.cumsum(positive)[ends], (ends + 1).astype(float)
    added, total = np.diff(found, prepend=0.0), float(found[-1])
    precision = found / called
    value = float(added @ precision) / total
    # A row's weight counts in its own threshold and in the precision of every later one.
    later_found = np.cumsum((added / called)[::-1])[::-1]
    later_called = np.cumsum((added * precision / called)[::-1])[::-1]
    at = np.searchsorted(ends, np.arange(len(falling)))
    moved = positive * (precision[at] - value + later_found[at]) - later_called[at]
    influenced = np.empty(len(falling))
    influenced[order] = moved * len(falling) / total
    return Smooth(value, influenced)
