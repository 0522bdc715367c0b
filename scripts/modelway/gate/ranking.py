"""Binary metrics of the score's order: ROC AUC by DeLong, average precision by resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate import bootstrap, delong
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
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
    method = "DeLong, logit t" if one.area < delong.NEAR_ONE else "DeLong, logit t, and Newcombe's score interval"
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
    needed, near = (MINIMUM_NEAR_ONE, " for an area this near 1") if area >= delong.NEAR_ONE else (minimum, "")
    return f"{rows} rows of the rarer class, DeLong's interval needs at least {needed}{near}" if rows < needed else ""


def average_precision(truth: Mask, score: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    ranked = _Ranked(truth, score)
    value, reason = ranked.value(np.ones(len(truth))), _too_few_to_resample(truth)
    if reason:
        return unjudged(len(truth), reason, value=value)
    interval = bootstrap.of_rows(len(truth), ranked.value, confidence)
    if interval is None:
        return unjudged(len(truth), "some resampled rows have no value", value=value)
    return estimate(len(truth), value, interval, "bootstrap")


def average_precision_difference(truth: Mask, candidate: Floats, production: Floats, confidence: float) -> Estimate:
    if not fewest(truth):
        return unjudged(len(truth), ONE_CLASS)
    ours, theirs = _Ranked(truth, candidate), _Ranked(truth, production)
    every = np.ones(len(truth))
    mine, other, reason = ours.value(every), theirs.value(every), _too_few_to_resample(truth)
    if reason:
        return unjudged(len(truth), reason, value=mine - other)
    interval = bootstrap.of_rows(len(truth), lambda weights: ours.value(weights) - theirs.value(weights), confidence)
    if interval is None:
        return unjudged(len(truth), "some resampled rows have no value", value=mine - other)
    return difference(len(truth), mine, other, interval, "paired bootstrap")


def _too_few_to_resample(truth: Mask) -> str:
    n, rare = len(truth), fewest(truth)
    if n < bootstrap.MINIMUM_ROWS:
        return f"{n} rows, resampling needs at least {bootstrap.MINIMUM_ROWS}"
    if rare < bootstrap.MINIMUM_OF_A_KIND:
        return f"{rare} rows of the rarer class, resampling needs at least {bootstrap.MINIMUM_OF_A_KIND}"
    return ""


class _Ranked:
    """Rows sorted once by falling score, so that a repetition only adds up weights."""

    def __init__(self, truth: Mask, score: Floats) -> None:
        self.order: npt.NDArray[Any] = np.argsort(-score, kind="stable")
        falling = score[self.order]
        # A threshold lies only between different scores: rows that tie count together.
        self.ends: npt.NDArray[Any] = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
        self.truth = truth[self.order]

    def value(self, weights: Floats) -> float:
        """Average precision with weights (n,) >= 0; NaN without a positive row."""
        sorted_weights = weights[self.order]
        found = np.cumsum(sorted_weights * self.truth)[self.ends]
        called = np.cumsum(sorted_weights)[self.ends]
        if found[-1] <= 0:
            return float("nan")
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return float(np.sum(np.diff(found, prepend=0.0) * precision) / found[-1])
