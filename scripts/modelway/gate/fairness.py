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

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from modelway.config.sections import Gate
from modelway.gate import groups, limits, slices
from modelway.gate.estimate import Estimate, estimate, unjudged
from modelway.gate.intervals import Floats, wilson
from modelway.gate.predictions import HeldOut
from modelway.gate.rows import Rows
from modelway.records.verdict import Check

SELECTION, TRUE_POSITIVE, FALSE_POSITIVE = "selection rate", "true positive rate", "false positive rate"
MAXIMUM_GROUPS = 5000
"""Every pair is looked at."""


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
}


def checks(policy: Gate, held_out: HeldOut, rows: Rows) -> list[Check]:
    """Each limit for each column, and one skipped check per column that says which rows were left out."""
    made: list[Check] = []
    for column in policy.fairness.columns:
        found = groups.of_column(held_out.columns[column])
        sizes = found.sizes()
        judged = sizes >= policy.fairness.minimum_rows
        cells = count_cells(found.codes, rows.truth, rows.candidate.label, len(found.names))[judged]
        for metric, limit in policy.fairness.limits.items():
            measured = measure(METRICS[metric], cells, policy.confidence)
            made.append(limits.absolute(f"{metric} by {column}", limit, measured))
        made += slices.too_small(f"groups of {column}", policy.fairness.minimum_rows, sizes, "group")
    return made


def count_cells(codes: npt.NDArray[Any], truth: npt.NDArray[Any], label: npt.NDArray[Any], k: int) -> Floats:
    """(k, 2, 2): rows by group, truth and predicted label."""
    return np.bincount(4 * codes + 2 * truth + label, minlength=4 * k).reshape(k, 2, 2).astype(float)


def measure(metric: Disparity, cells: Floats, confidence: float) -> Estimate:
    """cells (k, 2, 2) of the groups to compare."""
    n, k = int(cells.sum()), len(cells)
    if k < 2:
        return unjudged(n, f"{k} group has enough rows, a comparison needs 2")
    if k > MAXIMUM_GROUPS:
        return unjudged(n, f"{k} groups are more than the {MAXIMUM_GROUPS} that are compared pair by pair")
    tail, pairs = (1 - confidence) / 2, len(metric.rates) * k * (k - 1)
    worst: list[tuple[float, float, float]] = []
    for name in metric.rates:
        hits, of = _rate(name, cells)
        if not of.all():
            return unjudged(n, f"{int((of == 0).sum())} groups have no rows that a {name} is made of")
        make = _smallest_ratio if metric.ratio else _largest_difference
        worst.append(make(hits, of, -float(special.ndtri(tail)), -float(special.ndtri(tail / pairs))))
    value, apart, near = np.array(worst).T
    if not np.isfinite(value).all():
        return unjudged(n, "no group has a rate above 0, there is no ratio")
    method = "Newcombe over pairs of groups"
    if metric.ratio:
        ends = float(apart.min()), min(float(near.min()), 1.0)
        return estimate(n, float(value.min()), ends, f"{method}, on logarithms")
    return estimate(n, float(value.max()), (max(float(near.max()), 0.0), float(apart.max())), method)


def _rate(name: str, cells: Floats) -> tuple[Floats, Floats]:
    """Hits and rows of each group (k,)."""
    if name == SELECTION:
        return cells[:, :, 1].sum(axis=1), cells.sum(axis=(1, 2))
    truth = 1 if name == TRUE_POSITIVE else 0
    return cells[:, truth, 1], cells[:, truth, :].sum(axis=1)


def _largest_difference(hits: Floats, n: Floats, z_apart: float, z_near: float) -> tuple[float, float, float]:
    """The value, the end away from 0 and the end towards 0."""
    rate = hits / n
    low, high = wilson(hits, n, z_apart)
    strict_low, strict_high = wilson(hits, n, z_near)
    apart, near = -np.inf, -np.inf
    for one in range(len(n)):
        gap = rate[one] - rate
        ends = gap + np.hypot(high[one] - rate[one], rate - low)
        strict_ends = gap - np.hypot(rate[one] - strict_low[one], strict_high - rate)
        ends[one] = strict_ends[one] = -np.inf  # a group is no pair with itself
        apart, near = max(apart, float(ends.max())), max(near, float(strict_ends.max()))
    return float(rate.max() - rate.min()), min(apart, 1.0), near


def _smallest_ratio(hits: Floats, n: Floats, z_apart: float, z_near: float) -> tuple[float, float, float]:
    """The value, the end away from 1 and the end towards 1; NaN where no group has a hit."""
    rate = hits / n
    if not rate.max() > 0:
        return np.nan, np.nan, np.nan
    low, high = wilson(hits, n, z_apart)
    strict_low, strict_high = wilson(hits, n, z_near)
    with np.errstate(divide="ignore"):
        of, of_low, of_high, of_strict_low, of_strict_high = np.log([rate, low, high, strict_low, strict_high])
    apart, near = np.inf, np.inf
    for one in range(len(n)):
        others = np.arange(len(n)) != one
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
