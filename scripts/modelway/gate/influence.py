"""Intervals of smooth statistics from the influence of every row: the delta method, in one pass and without resampling.

A statistic that is a smooth function of means moves by mean(influence) where each row's influence is its derivative in
that row's weight (the infinitesimal jackknife: Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans,
chapter 6). One model is judged on a scale without ends (Fisher's z, the logit, the logarithm of what is not explained),
where few rows are enough; two models by the difference of their influences, so that what they share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats, t_quantile

MINIMUM_ROWS = 150


@dataclass(frozen=True)
class Smooth:
    """value: NaN where there is none. influence (n,): how the value moves with the weight of each row; its mean is 0."""

    value: float
    influence: Floats


@dataclass(frozen=True)
class OpenScale:
    """to: the scale without ends. slope: its derivative. back: the way back."""

    name: str
    to: Callable[[float], float]
    slope: Callable[[float], float]
    back: Callable[[float], float]


FISHER = OpenScale("Fisher's z", math.atanh, lambda value: 1 / (1 - value * value), math.tanh)
LOGIT = OpenScale(
    "logit",
    lambda value: math.log(value / (1 - value)),
    lambda value: 1 / (value * (1 - value)),
    lambda moved: 1 / (1 + math.exp(-moved)) if moved >= 0 else math.exp(moved) / (1 + math.exp(moved)),
)
UNEXPLAINED = OpenScale(
    "log of the unexplained",
    lambda value: -math.log(1 - value),
    lambda value: 1 / (1 - value),
    lambda moved: 1 - math.exp(-min(moved, 700.0)) if moved > -700 else -math.inf,
)


def of_one(found: Smooth, scale: OpenScale, degrees: float, confidence: float) -> Estimate:
    """degrees: of Student's t, the fewest rows of a kind that the value rests on, less one."""
    n = len(found.influence)
    try:
        centre = scale.to(found.value)
        half = t_quantile(confidence, degrees) * standard_error(found.influence) * scale.slope(found.value)
    except (ValueError, ZeroDivisionError):  # an end of the scale: these rows show no error of the model at all
        return unjudged(n, "the value is at an end of its scale, where these rows give no interval", value=found.value)
    return estimate(
        n, found.value, (scale.back(centre - half), scale.back(centre + half)), f"delta method, {scale.name}"
    )


def of_two(ours: Smooth, theirs: Smooth, degrees: float, confidence: float) -> Estimate:
    """The first minus the second, on the same rows."""
    gap = ours.value - theirs.value
    half = t_quantile(confidence, degrees) * standard_error(ours.influence - theirs.influence)
    method = "delta method, paired t"
    return difference(len(ours.influence), ours.value, theirs.value, (gap - half, gap + half), method)


def standard_error(influence: Floats) -> float:
    return float(influence.std(ddof=1)) / math.sqrt(len(influence)) if len(influence) > 1 else math.nan


def mean_of(parts: list[Smooth]) -> Smooth:
    """The mean of statistics of the same rows."""
    value = math.fsum(part.value for part in parts) / len(parts)
    return Smooth(value, np.asarray(sum(part.influence for part in parts)) / len(parts))


def ratio(above: Floats, below: Floats) -> Smooth:
    """The sum of one column (n,) over the sum of another; NaN for 0/0."""
    share = float(below.mean()) if len(below) else 0.0
    if not share > 0:
        return Smooth(math.nan, np.zeros(len(below)))
    value = float(above.mean()) / share
    return Smooth(value, (above - value * below) / share)


def correlation(one: Floats, other: Floats) -> Smooth:
    """Pearson's, which of two truth values is Matthews'. NaN where either does not vary."""
    spreads = [float(side.std()) if len(side) else 0.0 for side in (one, other)]
    if not min(spreads) > 0:
        return Smooth(math.nan, np.zeros(len(one)))
    first, second = ((side - side.mean()) / spread for side, spread in zip((one, other), spreads, strict=True))
    value = float(np.mean(first * second))
    return Smooth(value, first * second - value * (first**2 + second**2) / 2)


def explained(truth: Floats, errors: Floats) -> Smooth:
    """R squared. Labels are centred and scaled first, or their squares swallow their spread."""
    spread = float(truth.std()) if len(truth) else 0.0
    if not spread > 0:
        return Smooth(math.nan, np.zeros(len(truth)))
    squared, around = (errors / spread) ** 2, ((truth - truth.mean()) / spread) ** 2
    unexplained = float(squared.mean() / around.mean())
    return Smooth(1 - unexplained, -(squared - unexplained * around))
