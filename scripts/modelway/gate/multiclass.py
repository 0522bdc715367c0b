"""Metrics of more than two classes that are not a rate of all rows: each class against the rest, and log loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from modelway import distributions
from modelway.gate import counts, delong, influence
from modelway.gate.estimate import Estimate, estimate, unjudged
from modelway.gate.influence import Smooth
from modelway.gate.intervals import Floats
from modelway.gate.predictions import Predictions
from modelway.gate.ranking import MINIMUM_FOR_ONE, MINIMUM_NEAR_ONE

Codes = npt.NDArray[np.int64]
PerClass = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.bool_]], Smooth]

MINIMUM_OF_A_CLASS = 5
"""In the truth and in the predictions, for a mean over the classes; the quantile of t is that of the rarest class."""


def macro(statistic: PerClass, truth: Codes, label: Codes) -> Smooth:
    """The mean over all classes, of the truth and of the predictions, of a statistic of one class against the rest."""
    classes = np.union1d(truth, label)
    return influence.mean_of([statistic(truth == code, label == code) for code in classes])


def macro_value(statistic: PerClass, truth: Codes, label: Codes, confidence: float) -> Estimate:
    if not len(truth):
        return unjudged(0, "there are no rows")
    found = macro(statistic, truth, label)
    reason = _no_value(found) or _too_few(truth, [label], truth != label)
    if reason:
        return unjudged(len(truth), reason, value=found.value)
    return influence.of_one(found, influence.LOGIT, _rarest(truth, [label]) - 1, confidence)


def macro_difference(
    statistic: PerClass, truth: Codes, candidate: Codes, production: Codes, confidence: float
) -> Estimate:
    if not len(truth):
        return unjudged(0, "there are no rows")
    ours, theirs = macro(statistic, truth, candidate), macro(statistic, truth, production)
    differing = candidate != production
    reason = _no_value(ours) or _no_value(theirs) or _too_few(truth, [candidate, production], differing)
    if reason:
        return unjudged(len(truth), reason, value=ours.value - theirs.value)
    degrees = min(_rarest(truth, [candidate, production]), int(differing.sum())) - 1
    return influence.of_two(ours, theirs, degrees, confidence)


def _no_value(found: Smooth) -> str:
    return "" if math.isfinite(found.value) else "a class is never predicted, so that it has no precision"


def _rarest(truth: Codes, labels: list[Codes]) -> int:
    """The rows of the rarest class, in the truth or as it is predicted."""
    every = np.unique(np.concatenate([truth, *labels]))
    return min(int(np.sum(side == code)) for side in (truth, *labels) for code in every)


def _too_few(truth: Codes, labels: list[Codes], differing: npt.NDArray[np.bool_]) -> str:
    n, rarest = len(truth), _rarest(truth, labels)
    if n < influence.MINIMUM_ROWS:
        return f"{n} rows, this interval needs at least {influence.MINIMUM_ROWS}"
    if rarest < MINIMUM_OF_A_CLASS:
        return f"the rarest class has {rarest} rows or predictions, this interval needs at least {MINIMUM_OF_A_CLASS}"
    if int(differing.sum()) < counts.MINIMUM_DIFFERING:
        return f"only {int(differing.sum())} rows differ, this interval needs at least {counts.MINIMUM_DIFFERING}"
    return ""


def macro_auc(truth: Codes, model: Predictions, confidence: float) -> Estimate:
    """The mean of each class's area against the rest (scikit-learn's multi_class="ovr", average="macro")."""
    found = _mean_area(truth, model)
    if isinstance(found, str):
        return unjudged(len(truth), found)
    fewest, reason = _enough_for_areas(truth, found.value)
    if reason:
        return unjudged(len(truth), reason, value=found.value)
    made = influence.of_one(found, influence.LOGIT, fewest - 1, confidence)
    if found.value < distributions.NEAR_ONE:
        return made
    # As for one area: no narrower than the score interval of the rarest class against the rest.
    low, high = distributions.area_score_interval(found.value, fewest, len(truth) - fewest, confidence)
    if made.interval is not None:
        low, high = min(low, made.interval[0]), max(high, made.interval[1])
    return estimate(len(truth), found.value, (low, high), "delta method, logit, and Newcombe's score interval")


def macro_auc_difference(truth: Codes, one: Predictions, other: Predictions, confidence: float) -> Estimate:
    ours, theirs = _mean_area(truth, one), _mean_area(truth, other)
    if isinstance(ours, str):
        return unjudged(len(truth), ours)
    if isinstance(theirs, str):
        return unjudged(len(truth), f"in production, {theirs}")
    fewest, reason = _enough_for_areas(truth, max(ours.value, theirs.value))
    if reason:
        return unjudged(len(truth), reason, value=ours.value - theirs.value)
    return influence.of_two(ours, theirs, fewest - 1, confidence)


def _mean_area(truth: Codes, model: Predictions) -> Smooth | str:
    """DeLong's components are the influences of an area: those of a positive on its share of the rows, and of a negative."""
    classes = np.unique(truth)
    if len(classes) < 2:
        return "the rows hold only one class, the metric needs two"
    if model.probabilities is None or set(classes.tolist()) != set(model.classes):
        return "the classes of the rows are not those that the model knows, so that an area is missing"
    areas = []
    for code in classes.tolist():
        positive = truth == code
        one = delong.area(positive, model.probabilities[:, model.classes.index(code)])
        moved = np.empty(len(truth))
        moved[positive] = (one.positives - one.area) / positive.mean()
        moved[~positive] = (one.negatives - one.area) / (~positive).mean()
        areas.append(Smooth(one.area, moved))
    return influence.mean_of(areas)


def _enough_for_areas(truth: Codes, area: float) -> tuple[int, str]:
    fewest = int(np.unique(truth, return_counts=True)[1].min())
    needed = MINIMUM_NEAR_ONE if area >= distributions.NEAR_ONE else MINIMUM_FOR_ONE
    return fewest, f"{fewest} rows of the rarest class, this interval needs {needed}" if fewest < needed else ""


def log_losses(truth: Codes, model: Predictions) -> Floats | str:
    """The loss of every row (n,), clipped as scikit-learn clips; or why there is none."""
    column = {code: position for position, code in enumerate(model.classes)}
    unknown = int(sum(code not in column for code in truth.tolist()))
    if unknown or model.probabilities is None:
        return f"{unknown} rows have a class that the model does not know"
    of_truth = model.probabilities[np.arange(len(truth)), [column[code] for code in truth.tolist()]]
    epsilon = float(np.finfo(float).eps)
    return np.asarray(-np.log(np.clip(of_truth, epsilon, 1 - epsilon)))
