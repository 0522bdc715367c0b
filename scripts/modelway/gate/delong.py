"""The area under the ROC curve, with DeLong's variance, in O(n log n).

DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845; midranks as in Sun and Xu 2014, IEEE Signal Processing
Letters 21:1389-1393. The quantile is Student's with min(positives, negatives) - 1 degrees of freedom, not the normal
one: with 10 positives that is the difference between 91 % and 94 % coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelway import distributions
from modelway.distributions import Interval, t_quantile
from modelway.gate.intervals import Floats


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
    """See `distributions.area_interval`."""
    error = _standard_error(one.positives, one.negatives)
    return distributions.area_interval(one.area, error, len(one.positives), len(one.negatives), confidence)


def difference_interval(candidate: Area, production: Area, confidence: float) -> Interval:
    """Of the candidate's area minus production's, on the same rows."""
    error = _standard_error(candidate.positives - production.positives, candidate.negatives - production.negatives)
    gap, half = candidate.area - production.area, _quantile(candidate, confidence) * error
    return gap - half, gap + half


def _quantile(one: Area, confidence: float) -> float:
    return t_quantile(confidence, min(len(one.positives), len(one.negatives)) - 1)


def _standard_error(positives: Floats, negatives: Floats) -> float:
    return math.sqrt(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))
