"""Metrics of more than two classes that are not a rate: macro F1 and log loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate import bootstrap
from modelway.gate.counts import RESAMPLED
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.intervals import Floats
from modelway.gate.predictions import Predictions

Codes = npt.NDArray[np.int64]


class _Table:
    """The distinct (truth, label, ...) combinations of the rows, with the sums per class that F1 needs. Repetitions
    draw counts over these few cells instead of rows."""

    def __init__(self, truth: Codes, labels: list[Codes]) -> None:
        rows = np.stack([truth, *labels])
        cells, counts = np.unique(rows, axis=1, return_counts=True)
        self.counts: npt.NDArray[np.int64] = counts
        self.models = [_Sums(cells[0], cells[model + 1]) for model in range(len(labels))]


class _Sums:
    def __init__(self, truth: Codes, label: Codes) -> None:
        classes = np.union1d(truth, label)
        self.of_truth = (truth[:, None] == classes).astype(float)
        self.of_label = (label[:, None] == classes).astype(float)
        self.hits = self.of_truth * self.of_label

    def f1(self, counts: Floats) -> Floats:
        """Macro F1 of counts (r, c) -> (r,). A class that a repetition did not draw has no F1, and so has the mean."""
        below = counts @ self.of_truth + counts @ self.of_label
        above = 2 * (counts @ self.hits)
        per_class = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
        return np.asarray(per_class.mean(axis=1))


def macro_f1(truth: Codes, label: Codes, confidence: float) -> Estimate:
    if not len(truth):
        return unjudged(0, "there are no rows")
    table = _Table(truth, [label])
    one = table.models[0]
    value, reason = float(one.f1(table.counts[None, :].astype(float))[0]), _too_few(truth, truth != label)
    if reason:
        return unjudged(len(truth), reason, value=value)
    interval = bootstrap.of_cells(table.counts, one.f1, confidence)
    if interval is None:
        return unjudged(len(truth), "some resampled tables have no value", value=value)
    return estimate(len(truth), value, interval, "bootstrap")


def macro_f1_difference(truth: Codes, candidate: Codes, production: Codes, confidence: float) -> Estimate:
    if not len(truth):
        return unjudged(0, "there are no rows")
    table = _Table(truth, [candidate, production])
    ours, theirs = table.models
    counts = table.counts[None, :].astype(float)
    mine, other = float(ours.f1(counts)[0]), float(theirs.f1(counts)[0])
    reason = _too_few(truth, candidate != production)
    if reason:
        return unjudged(len(truth), reason, value=mine - other)
    interval = bootstrap.of_cells(table.counts, lambda drawn: ours.f1(drawn) - theirs.f1(drawn), confidence)
    if interval is None:
        return unjudged(len(truth), "some resampled tables have no value", value=mine - other)
    return difference(len(truth), mine, other, interval, RESAMPLED)


def _too_few(truth: Codes, discordant: npt.NDArray[Any]) -> str:
    n, differing = len(truth), int(discordant.sum())
    rarest = int(np.unique(truth, return_counts=True)[1].min())
    if n < bootstrap.MINIMUM_ROWS:
        return f"{n} rows, resampling needs at least {bootstrap.MINIMUM_ROWS}"
    if rarest < bootstrap.MINIMUM_OF_A_KIND:
        return f"the rarest class has {rarest} rows, resampling needs at least {bootstrap.MINIMUM_OF_A_KIND}"
    if differing < bootstrap.MINIMUM_DISCORDANT:
        return f"only {differing} rows differ, resampling needs at least {bootstrap.MINIMUM_DISCORDANT}"
    return ""


def log_losses(truth: Codes, model: Predictions) -> Floats | str:
    """The loss of every row (n,), clipped as scikit-learn clips; or why there is none."""
    column = {code: position for position, code in enumerate(model.classes)}
    unknown = int(sum(code not in column for code in truth.tolist()))
    if unknown or model.probabilities is None:
        return f"{unknown} rows have a class that the model does not know"
    of_truth = model.probabilities[np.arange(len(truth)), [column[code] for code in truth.tolist()]]
    epsilon = float(np.finfo(float).eps)
    return np.asarray(-np.log(np.clip(of_truth, epsilon, 1 - epsilon)))
