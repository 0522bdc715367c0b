"""The area under the ROC curve, with DeLong's variance, in O(n log n).

DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845; midranks as in Sun and Xu 2014, IEEE Signal Processing
Letters 21:1389-1393. The quantile is Student's with min(positives, negatives) - 1 degrees of freedom, not the normal
one: with 10 positives that is the difference between 91 % and 94 % coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelway.gate.intervals import Floats, Interval, normal_quantile, t_quantile

NEAR_ONE = 0.95
"""From here on an interval of the area rests on few rows."""


@dataclass(frozen=True)
class Area:
    """area: the AUC. positives (p,), negatives (q,): DeLong's structural components, which average to the area."""

    area: float
    positives: Floats
    negatives: Floats


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing the mean of theirs."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared = last - (counts - 1) / 2
    return np.asarray(shared[position], dtype=float)


def area(truth: npt.NDArray[np.bool_], score: Floats) -> Area:
    """truth (n,) with at least one True and one False; score (n,), larger means more likely True."""
    positives, negatives = score[truth], score[~truth]
    p, q = len(positives), len(negatives)
    together = midranks(np.concatenate([positives, negatives]))
    of_positives = (together[:p] - midranks(positives)) / q
    of_negatives = 1 - (together[p:] - midranks(negatives)) / p
    return Area(float(of_positives.mean()), of_positives, of_negatives)


def area_interval(one: Area, confidence: float) -> Interval:
    """On the logit scale, which keeps it below 1; from NEAR_ONE on, no narrower than Newcombe's score interval either,
    because there the few rows that overlap make DeLong's variance too small. An area of 0 or 1 has only the latter."""
    value, error = one.area, _standard_error(one.positives, one.negatives)
    if not 0 < value < 1:
        return score_interval(value, len(one.positives), len(one.negatives), confidence)
    half = _quantile(one, confidence) * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    low, high = _logistic(centre - half), _logistic(centre + half)
    if value < NEAR_ONE:
        return low, high
    score_low, score_high = score_interval(value, len(one.positives), len(one.negatives), confidence)
    return min(low, score_low), max(high, score_high)


def score_interval(value: float, positives: int, negatives: int, confidence: float) -> Interval:
    """The areas whose own standard error puts them within the normal quantile of `value` (from 0 to 1): Newcombe
    2006, Statistics in Medicine 25:559-573, method 5."""
    z, balanced = normal_quantile(confidence), (positives + negatives) / 2 - 1

    def excess(guess: float) -> float:
        overlap = (1 - guess) / (2 - guess) + guess / (1 + guess)
        variance = guess * (1 - guess) * (1 + balanced * overlap) / (positives * negatives)
        return (value - guess) ** 2 - z * z * variance

    return _boundary(excess, 0.0, value), _boundary(excess, 1.0, value)


def _boundary(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """By bisection between a point where `excess` is positive and one where it is not."""
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excess(middle) > 0 else (outside, middle)
    return inside


def difference_interval(candidate: Area, production: Area, confidence: float) -> Interval:
    """Of the candidate's area minus production's, on the same rows."""
    error = _standard_error(candidate.positives - production.positives, candidate.negatives - production.negatives)
    gap, half = candidate.area - production.area, _quantile(candidate, confidence) * error
    return gap - half, gap + half


def _quantile(one: Area, confidence: float) -> float:
    return t_quantile(confidence, min(len(one.positives), len(one.negatives)) - 1)


def _standard_error(positives: Floats, negatives: Floats) -> float:
    return math.sqrt(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
