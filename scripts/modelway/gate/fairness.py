"""Differences and ratios between groups, by fairlearn's names and with fairlearn's values.

A metric is the largest difference (smallest ratio) between any two groups in one or two rates. Its bootstrap is
biased, because the largest of several noisy differences is too large in every repetition. So the interval is built from
those of the pairs of groups, which needs no resampling:

- the end away from equality is the largest of the pairs' own ends. The pair that truly differs most is one of them, so
  that end covers whenever this one pair's does (an intersection-union test, Berger 1982, Technometrics 24:295-300);
- the end towards equality is the largest of the pairs' ends after Bonferroni's correction over all ordered pairs.

A pair's interval joins Wilson's for the two rates: Newcombe 1998, Statistics in Medicine 17:873-890, method 10, for the
difference; the same on the logarithms for the ratio (Zou and Donner 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.distributions import normal_quantile
from modelway.gate.estimate import Estimate, estimate, unjudged
from modelway.gate.intervals import Floats, wilson

SELECTION, TRUE_POSITIVE, FALSE_POSITIVE = "selection rate", "true positive rate", "false positive rate"
RATES = (SELECTION, TRUE_POSITIVE, FALSE_POSITIVE)
MAXIMUM_GROUPS = 5000
"""Every pair is looked at."""
NAME_LIMIT = 40


@dataclass(frozen=True)
class Disparity:
    """rates: the worst of them counts. ratio: smallest over largest instead of largest minus smallest."""

    rates: tuple[str, ...]
    ratio: bool

    @property
    def greater_is_better(self) -> bool:
        return self.ratio


METRICS: dict[str, Disparity] = {
    "demographic_parity_difference": Disparity((SELECTION,), ratio=False),
    "demographic_parity_ratio": Disparity((SELECTION,), ratio=True),
    "equalized_odds_difference": Disparity((TRUE_POSITIVE, FALSE_POSITIVE), ratio=False),
    "equalized_odds_ratio": Disparity((TRUE_POSITIVE, FALSE_POSITIVE), ratio=True),
    "equal_opportunity_difference": Disparity((TRUE_POSITIVE,), ratio=False),
    "equal_opportunity_ratio": Disparity((TRUE_POSITIVE,), ratio=True),
    "false_positive_rate_difference": Disparity((FALSE_POSITIVE,), ratio=False),
    "false_positive_rate_ratio": Disparity((FALSE_POSITIVE,), ratio=True),
}


def count_cells(codes: npt.NDArray[Any], truth: npt.NDArray[Any], label: npt.NDArray[Any], k: int) -> Floats:
    """(k, 2, 2): rows by group, truth and predicted label."""
    return np.bincount(4 * codes + 2 * truth + label, minlength=4 * k).reshape(k, 2, 2).astype(float)


def measure(metric: Disparity, cells: Floats, confidence: float, names: Sequence[str] = ()) -> Estimate:
    """cells (k, 2, 2) of the groups to compare; names (k,) of theirs, of which the Estimate names the pair furthest apart."""
    n, k = int(cells.sum()), len(cells)
    reason = uncomparable(k)
    if reason:
        return unjudged(n, reason)
    tail, pairs = (1 - confidence) / 2, len(metric.rates) * k * (k - 1)
    worst: list[tuple[float, float, float]] = []
    pair: list[str] = []
    for name in metric.rates:
        hits, of = rate_of(name, cells)
        if not of.all():
            return unjudged(n, f"{int((of == 0).sum())} groups have no rows that a {name} is made of")
        make = _smallest_ratio if metric.ratio else _largest_difference
        worst.append(make(hits, of, normal_quantile(confidence), normal_quantile(1 - 2 * tail / pairs)))
        pair.append(furthest_apart(name, hits / of, of, names) if names else "")
    value, apart, near = np.array(worst).T
    if not np.isfinite(value).all():
        return unjudged(n, "no group has a rate above 0, there is no ratio")
    method = "Newcombe over pairs of groups"
    if metric.ratio:
        ends = float(apart.min()), min(float(near.min()), 1.0)
        detail = pair[int(value.argmin())]
        return estimate(n, float(value.min()), ends, f"{method}, on logarithms", detail=detail)
    ends = max(float(near.max()), 0.0), float(apart.max())
    return estimate(n, float(value.max()), ends, method, detail=pair[int(value.argmax())])


def uncomparable(groups: int) -> str:
    """Why so many groups cannot be compared; empty when they can."""
    if groups < 2:
        return f"{groups} group has enough rows, a comparison needs 2"
    if groups > MAXIMUM_GROUPS:
        return f"{groups} groups are more than the {MAXIMUM_GROUPS} that are compared pair by pair"
    return ""


def furthest_apart(quantity: str, values: Floats, n: Floats, names: Sequence[str]) -> str:
    """Such as: selection rate 0.412 (n 812) where b, 0.187 (n 640) where a."""
    most, least = int(np.argmax(values)), int(np.argmin(values))
    said = [f"{values[one]:.4g} (n {int(n[one])}) where {names[one][:NAME_LIMIT]}" for one in (most, least)]
    return f"{quantity} {said[0]}, {said[1]}"


def rate_of(name: str, cells: Floats) -> tuple[Floats, Floats]:
    """Hits and rows of each group (k,)."""
    if name == SELECTION:
        return cells[:, :, 1].sum(axis=1), cells.sum(axis=(1, 2))
    truth = 1 if name == TRUE_POSITIVE else 0
    return cells[:, truth, 1], cells[:, truth, :].sum(axis=1)


def _largest_difference(hits: Floats, n: Floats, z_apart: float, z_near: float) -> tuple[float, float, float]:
    """The value, the end away from 0 and the end towards 0."""
    value, apart, near = widest_gap(hits / n, wilson(hits, n, z_apart), wilson(hits, n, z_near))
    return value, min(apart, 1.0), near


def widest_gap(of: Floats, limits: tuple[Floats, Floats], strict: tuple[Floats, Floats]) -> tuple[float, float, float]:
    """The largest difference between any two of the groups' values `of` (k,), its end away from 0 from their `limits`
    and its end towards 0 from the `strict` ones (each two arrays (k,), low and high)."""
    (low, high), (strict_low, strict_high) = limits, strict
    apart, near = -np.inf, -np.inf
    for one in range(len(of)):
        gap = of[one] - of
        ends = gap + np.hypot(high[one] - of[one], of - low)
        strict_ends = gap - np.hypot(of[one] - strict_low[one], strict_high - of)
        ends[one] = strict_ends[one] = -np.inf  # a group is no pair with itself
        apart, near = max(apart, float(ends.max())), max(near, float(strict_ends.max()))
    return float(of.max() - of.min()), apart, near


def _smallest_ratio(hits: Floats, n: Floats, z_apart: float, z_near: float) -> tuple[float, float, float]:
    """The value, the end away from 1 and the end towards 1; NaN where no group has a hit."""
    rate = hits / n
    if not rate.max() > 0:
        return np.nan, np.nan, np.nan
    return narrowest_ratio(rate, wilson(hits, n, z_apart), wilson(hits, n, z_near))


def narrowest_ratio(
    rate: Floats, limits: tuple[Floats, Floats], strict: tuple[Floats, Floats]
) -> tuple[float, float, float]:
    """The smallest ratio between any two of the groups' values (k,) >= 0, of which one is above 0, its end away from 1 and
    its end towards 1; limits and strict as in `widest_gap`."""
    (low, high), (strict_low, strict_high) = limits, strict
    with np.errstate(divide="ignore"):
        of, of_low, of_high, of_strict_low, of_strict_high = np.log([rate, low, high, strict_low, strict_high])
    apart, near = np.inf, np.inf
    for one in range(len(rate)):
        others = np.arange(len(rate)) != one
        if rate[one] > 0:
            both = others & (rate > 0)
            down = np.exp(of[one] - of[both] - np.hypot(of[one] - of_low[one], of_high[both] - of[both]))
            up = np.exp(of[one] - of[both] + np.hypot(of_strict_high[one] - of[one], of[both] - of_strict_low[both]))
        else:
            # Without a hit the logarithm has no centre: 0 is one end, and the plain ratio of limits the other.
            both = others & (rate > 0)
            down, up = np.zeros(int(both.sum())), strict_high[one] / strict_low[both]
        if len(down):
            apart, near = min(apart, float(down.min())), min(near, float(up.min()))
    return float(rate.min() / rate.max()), apart, near
