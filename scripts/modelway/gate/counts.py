"""Binary metrics that follow from counts of rows: of one model (tp, fp, fn, tn), or of two on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate import bootstrap
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats, clopper_pearson, mean_of_independent, newcombe_paired

Mask = npt.NDArray[np.bool_]
Statistic = Callable[[Floats, Floats, Floats, Floats], Floats]

EXACT = "Clopper-Pearson"
PAIRED_RATES = "Newcombe, paired"
RESAMPLED = "paired bootstrap"


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


def f1_of(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> Floats:
    return _ratio(2 * tp, 2 * tp + fp + fn)


def precision_of(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> Floats:
    return _ratio(tp, tp + fp)


def matthews_of(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> Floats:
    return _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN for 0/0: no value, never a pass."""
    return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))


def f1(truth: Mask, label: Mask, confidence: float) -> Estimate:
    """tp of the tp + fp + fn rows is a rate, J, with an exact interval, and F1 = 2J / (1 + J) grows with it."""
    relevant = truth | label
    found = rate((truth & label)[relevant], confidence, nothing="no row is positive, and none is predicted positive")
    if found.value is None or found.interval is None:
        return found
    low, high = (2 * end / (1 + end) for end in found.interval)
    return estimate(found.n, 2 * found.value / (1 + found.value), (low, high), f"{EXACT} on tp / (tp + fp + fn)")


def of_counts(statistic: Statistic, truth: Mask, label: Mask, confidence: float) -> Estimate:
    """A statistic of one model's counts, by resampling."""
    counts = np.bincount(2 * truth + label, minlength=4)
    value = float(statistic(*_columns(counts[None, :].astype(float), _ONE))[0])
    reason = _too_few(truth, [label], truth != label, "the model and the truth disagree")
    if reason:
        return unjudged(len(truth), reason, value=value)
    interval = bootstrap.of_cells(counts, lambda drawn: statistic(*_columns(drawn, _ONE)), confidence)
    return _resampled(len(truth), value, None, interval)


def of_counts_difference(
    statistic: Statistic, truth: Mask, candidate: Mask, production: Mask, confidence: float
) -> Estimate:
    """Candidate minus production of a statistic of counts, by resampling the rows both saw."""
    counts = np.bincount(4 * truth + 2 * candidate + production, minlength=8)
    cells = counts[None, :].astype(float)
    ours = float(statistic(*_columns(cells, _CANDIDATE))[0])
    theirs = float(statistic(*_columns(cells, _PRODUCTION))[0])
    reason = _too_few(truth, [candidate, production], candidate != production, "the two models disagree")
    if reason:
        return unjudged(len(truth), reason, value=ours - theirs)
    interval = bootstrap.of_cells(
        counts,
        lambda drawn: statistic(*_columns(drawn, _CANDIDATE)) - statistic(*_columns(drawn, _PRODUCTION)),
        confidence,
    )
    return _resampled(len(truth), ours, theirs, interval)


# Which cells make up tp, fp, fn and tn: cell 2y + a for one model, 4y + 2a + b for two.
_ONE = ((3,), (1,), (2,), (0,))
_CANDIDATE = ((6, 7), (2, 3), (4, 5), (0, 1))
_PRODUCTION = ((5, 7), (1, 3), (4, 6), (0, 2))


def _columns(counts: Floats, cells: tuple[tuple[int, ...], ...]) -> list[Floats]:
    return [counts[:, list(columns)].sum(axis=1) for columns in cells]


def _too_few(truth: Mask, labels: list[Mask], discordant: Mask, who: str) -> str:
    n, enough, differing = len(truth), bootstrap.MINIMUM_OF_A_KIND, int(discordant.sum())
    if n < bootstrap.MINIMUM_ROWS:
        return f"{n} rows, resampling needs at least {bootstrap.MINIMUM_ROWS}"
    fewest = min(min(int(mask.sum()), n - int(mask.sum())) for mask in [truth, *labels])
    if fewest < enough:
        return f"only {fewest} rows of one kind (positive, negative, predicted so), resampling needs at least {enough}"
    if differing < bootstrap.MINIMUM_DISCORDANT:
        return f"{who} on only {differing} rows, resampling needs at least {bootstrap.MINIMUM_DISCORDANT}"
    return ""


def _resampled(n: int, ours: float, theirs: float | None, interval: tuple[float, float] | None) -> Estimate:
    if interval is None:
        return unjudged(n, "some resampled tables have no value", value=ours if theirs is None else ours - theirs)
    if theirs is None:
        return estimate(n, ours, interval, "bootstrap")
    return difference(n, ours, theirs, interval, RESAMPLED)
