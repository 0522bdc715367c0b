"""Binary metrics that follow from counts of rows: of one model (tp, fp, fn, tn), or of two on the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate import influence
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.influence import Smooth
from modelway.gate.intervals import clopper_pearson, mean_of_independent, newcombe_paired

Mask = npt.NDArray[np.bool_]
Statistic = Callable[[Mask, Mask], Smooth]

EXACT = "Clopper-Pearson"
PAIRED_RATES = "Newcombe, paired"
MINIMUM_OF_A_KIND = 10
"""Positives, negatives, rows predicted so: what a ratio of counts rests on."""
MINIMUM_DIFFERING = 3
"""Rows on which two models (or a model and the truth) disagree: all that an interval between them is made of."""


def rate(hit: Mask, confidence: float, *, nothing: str = "there are no rows") -> Estimate:
    """The share of True in hit (n,)."""
    n, hits = len(hit), int(hit.sum())
    if not n:
        return unjudged(0, nothing)
    return estimate(n, hits / n, clopper_pearson(hits, n, confidence), EXACT)


def rate_difference(
    candidate: Mask, production: Mask, confidence: float, *, nothing: str = "there are no rows"
) -> Estimate:
    """Of the shares of True, on the same rows."""
    n = len(candidate)
    if not n:
        return unjudged(0, nothing)
    interval = newcombe_paired(*_crossed(candidate, production), confidence)
    return difference(n, float(candidate.mean()), float(production.mean()), interval, PAIRED_RATES)


def _crossed(candidate: Mask, production: Mask) -> tuple[int, int, int, int]:
    both, only = int((candidate & production).sum()), int((candidate & ~production).sum())
    other = int((~candidate & production).sum())
    return both, only, other, len(candidate) - both - only - other


def mean_rate(hit: Mask, classes: npt.NDArray[Any], confidence: float) -> Estimate:
    """The mean over the classes of the truth of the share of True among their rows (balanced accuracy)."""
    groups = [hit[classes == value] for value in np.unique(classes)]
    if len(groups) < 2:
        return unjudged(len(hit), "the rows have fewer than two classes")
    rates = [float(group.mean()) for group in groups]
    intervals = [clopper_pearson(int(group.sum()), len(group), confidence) for group in groups]
    return estimate(
        len(hit), sum(rates) / len(rates), mean_of_independent(rates, intervals), f"{EXACT} per class, joined (MOVER)"
    )


def mean_rate_difference(candidate: Mask, production: Mask, classes: npt.NDArray[Any], confidence: float) -> Estimate:
    masks = [classes == value for value in np.unique(classes)]
    if len(masks) < 2:
        return unjudged(len(candidate), "the rows have fewer than two classes")
    ours = [float(candidate[mask].mean()) for mask in masks]
    theirs = [float(production[mask].mean()) for mask in masks]
    intervals = [newcombe_paired(*_crossed(candidate[mask], production[mask]), confidence) for mask in masks]
    gaps = [one - other for one, other in zip(ours, theirs, strict=True)]
    interval = mean_of_independent(gaps, intervals)
    mean = len(masks)
    return difference(
        len(candidate), sum(ours) / mean, sum(theirs) / mean, interval, f"{PAIRED_RATES}, per class, joined (MOVER)"
    )


def f1(truth: Mask, label: Mask, confidence: float) -> Estimate:
    """tp of the tp + fp + fn rows is a rate, J, with an exact interval, and F1 = 2J / (1 + J) grows with it."""
    relevant = truth | label
    found = rate((truth & label)[relevant], confidence, nothing="no row is positive, and none is predicted positive")
    if found.value is None or found.interval is None:
        return found
    low, high = (2 * end / (1 + end) for end in found.interval)
    return estimate(found.n, 2 * found.value / (1 + found.value), (low, high), f"{EXACT} on tp / (tp + fp + fn)")


def precision_of(truth: Mask, label: Mask) -> Smooth:
    return influence.ratio((truth & label).astype(float), label.astype(float))


def f1_of(truth: Mask, label: Mask) -> Smooth:
    return influence.ratio((truth & label).astype(float) * 2, truth.astype(float) + label)


def matthews_of(truth: Mask, label: Mask) -> Smooth:
    return influence.correlation(truth.astype(float), label.astype(float))


def matthews(truth: Mask, label: Mask, confidence: float) -> Estimate:
    n, found = len(truth), matthews_of(truth, label)
    if not math.isfinite(found.value):
        return unjudged(n, "the rows, or the predictions of them, are all of one class")
    fewest, differing = _fewest([truth, label]), int((truth != label).sum())
    reason = _too_few(n, fewest, differing, "the model and the truth disagree")
    if reason:
        return unjudged(n, reason, value=found.value)
    return influence.of_one(found, influence.FISHER, fewest - 1, confidence)


def smooth_difference(
    statistic: Statistic, truth: Mask, candidate: Mask, production: Mask, confidence: float
) -> Estimate:
    """Candidate minus production of a statistic (truth, label) of counts, on the rows that both saw."""
    n = len(truth)
    ours, theirs = statistic(truth, candidate), statistic(truth, production)
    if not (math.isfinite(ours.value) and math.isfinite(theirs.value)):
        return unjudged(n, "one of the two models has no value on these rows")
    fewest, differing = _fewest([truth, candidate, production]), int((candidate != production).sum())
    reason = _too_few(n, fewest, differing, "the two models disagree")
    if reason:
        return unjudged(n, reason, value=ours.value - theirs.value)
    return influence.of_two(ours, theirs, min(fewest, differing) - 1, confidence)


def _fewest(masks: list[Mask]) -> int:
    """The rows of the rarest kind."""
    return min(min(int(mask.sum()), len(mask) - int(mask.sum())) for mask in masks)


def _too_few(n: int, fewest: int, differing: int, who: str) -> str:
    if n < influence.MINIMUM_ROWS:
        return f"{n} rows, this interval needs at least {influence.MINIMUM_ROWS}"
    if fewest < MINIMUM_OF_A_KIND:
        return f"only {fewest} rows of one kind (positive, negative, predicted so), {MINIMUM_OF_A_KIND} are needed"
    if differing < MINIMUM_DIFFERING:
        return f"{who} on only {differing} rows, {MINIMUM_DIFFERING} are needed"
    return ""
