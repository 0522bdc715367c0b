"""The one table of metrics: what each needs, which way is better, and how its interval is made.

The names and values are scikit-learn's where it has one (precision, recall and F1 of the positive class; F1 of more
classes is the macro mean); tests/gate/test_metrics.py holds them equal, docs/metrics.md says what each is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate import counts, losses, multiclass, ranking, regression
from modelway.gate.classes import Class, class_of
from modelway.gate.estimate import Estimate, unjudged
from modelway.gate.intervals import Floats
from modelway.gate.kind import Case
from modelway.gate.predictions import Need, Predictions
from modelway.gate.rows import JudgedRows

Array = npt.NDArray[Any]
Value = Callable[[Array, Predictions, float], Estimate]
Paired = Callable[[Array, Predictions, Predictions, float], Estimate]

NO_POSITIVE = "no row has the positive class"
NO_NEGATIVE = "no row has the negative class"
NOT_PREDICTED = "no row is predicted positive"
UNKNOWN_CLASS = "the model gives no probability for this class"
NO_PRODUCTION = "there are no predictions of the version in production"
OF = " of "
"""Between a metric and the one class that it is of: `recall_score of cat`."""


@dataclass(frozen=True)
class OwnMetric:
    """worst, best: the ends of its scale, infinite where it has none. value: (truth, model, confidence). paired: the
    difference (truth, candidate, production, confidence), on the same rows. of: the class that is held against the rest,
    in a task of more than two."""

    need: Need
    worst: float
    best: float
    value: Value
    paired: Paired
    of: Class | None = None

    @property
    def greater_is_better(self) -> bool:
        return self.best > self.worst

    timed = False
    from_library = False

    def measure(self, case: Case) -> Estimate:
        assert case.rows is not None
        return measure(self, case.rows, case.confidence)

    def compare(self, case: Case) -> Estimate:
        assert case.rows is not None
        return compare(self, case.rows, case.confidence)


def find(task: str, name: str) -> OwnMetric | None:
    """By its name in a policy; a metric of one class (`recall_score of cat`) is the binary one."""
    found = TASKS[task].get(name)
    base, of, wanted = name.partition(OF)
    if found or task != "multiclass" or not (of and wanted and base in OF_ONE_CLASS):
        return found
    return replace(BINARY[base], of=class_of(wanted))


def measure(metric: OwnMetric, rows: JudgedRows, confidence: float) -> Estimate:
    """The candidate's value."""
    sides = judged_rows(metric.of, metric.need, rows)
    return sides if isinstance(sides, Estimate) else metric.value(sides.truth, sides.candidate, confidence)


def compare(metric: OwnMetric, rows: JudgedRows, confidence: float) -> Estimate:
    """The candidate's value minus production's."""
    sides = judged_rows(metric.of, metric.need, rows, compared=True)
    if isinstance(sides, Estimate) or sides.production is None:
        return sides if isinstance(sides, Estimate) else unjudged(len(rows.truth), NO_PRODUCTION)
    return metric.paired(sides.truth, sides.candidate, sides.production, confidence)


def judged_rows(of: Class | None, need: Need, rows: JudgedRows, *, compared: bool = False) -> JudgedRows | Estimate:
    """The rows, of one class against the rest where `of` names it; or why they have no value."""
    n = len(rows.truth)
    if not n:
        return unjudged(0, "the test data has no rows")
    if compared and rows.production is None:
        return unjudged(n, NO_PRODUCTION)
    if of is not None:
        rows = rows.against_rest(of)
        if not provides(rows.candidate, need):
            return unjudged(n, UNKNOWN_CLASS)
    if compared and rows.production is not None and not provides(rows.production, need):
        return unjudged(n, f"the version in production gives labels only, the metric needs its {need}")
    return rows


def provides(model: Predictions, need: Need) -> bool:
    if need == "label" or model.probabilities is not None:
        return True
    return (model.score if need == "score" else model.probability) is not None


def _hits(mask: Callable[[Array, Predictions], Array], **words: str) -> tuple[Value, Paired]:
    """A share of rows: mask(truth, model) is True where the row counts for the model."""
    return (
        lambda truth, model, confidence: counts.rate(mask(truth, model), confidence, **words),
        lambda truth, one, other, confidence: counts.rate_difference(
            mask(truth, one), mask(truth, other), confidence, **words
        ),
    )


def _of_labels(value: Callable[..., Estimate], paired: Callable[..., Estimate], *first: Any) -> tuple[Value, Paired]:
    return (
        lambda truth, model, confidence: value(*first, truth, model.label, confidence),
        lambda truth, one, other, confidence: paired(*first, truth, one.label, other.label, confidence),
    )


def _of_scores(value: Callable[..., Estimate], paired: Callable[..., Estimate]) -> tuple[Value, Paired]:
    return (
        lambda truth, model, confidence: value(truth, model.score, confidence),
        lambda truth, one, other, confidence: paired(truth, one.score, other.score, confidence),
    )


def _of_losses(loss: Callable[[Array, Predictions], Floats | str]) -> tuple[Value, Paired]:
    """A mean over rows of loss(truth, model) (n,), or the reason why there is none."""

    def value(truth: Array, model: Predictions, confidence: float) -> Estimate:
        lost = loss(truth, model)
        return unjudged(len(truth), lost) if isinstance(lost, str) else losses.mean_loss(lost, confidence)

    def paired(truth: Array, one: Predictions, other: Predictions, confidence: float) -> Estimate:
        ours, theirs = loss(truth, one), loss(truth, other)
        if isinstance(ours, str):
            return unjudged(len(truth), ours)
        if isinstance(theirs, str):
            return unjudged(len(truth), f"in production, {theirs}")
        return losses.mean_loss_difference(ours, theirs, confidence)

    return value, paired


def _of_errors(value: Callable[..., Estimate], paired: Callable[..., Estimate]) -> tuple[Value, Paired]:
    return (
        lambda truth, model, confidence: value(model.label - truth, confidence),
        lambda truth, one, other, confidence: paired(one.label - truth, other.label - truth, confidence),
    )


def _balanced() -> tuple[Value, Paired]:
    return (
        lambda truth, model, confidence: counts.mean_rate(model.label == truth, truth, confidence),
        lambda truth, one, other, confidence: counts.mean_rate_difference(
            one.label == truth, other.label == truth, truth, confidence
        ),
    )


def _precision_value(truth: Array, model: Predictions, confidence: float) -> Estimate:
    return counts.rate(truth[model.label], confidence, nothing=NOT_PREDICTED)


def _f1_value(truth: Array, model: Predictions, confidence: float) -> Estimate:
    return counts.f1(truth, model.label, confidence)


def _matthews_value(truth: Array, model: Predictions, confidence: float) -> Estimate:
    return counts.matthews(truth, model.label, confidence)


def _difference(statistic: counts.Statistic) -> Paired:
    return lambda truth, one, other, confidence: counts.smooth_difference(
        statistic, truth, one.label, other.label, confidence
    )


def _binary_log_losses(truth: Array, model: Predictions) -> Floats | str:
    if not ranking.fewest(truth):
        return ranking.ONE_CLASS
    assert model.probability is not None  # policy.validate asked for it
    epsilon = float(np.finfo(float).eps)
    of_truth = np.where(truth, model.probability, 1 - model.probability)
    return np.asarray(-np.log(np.clip(of_truth, epsilon, 1 - epsilon)))


def _squared_distances(truth: Array, model: Predictions) -> Floats | str:
    if not ranking.fewest(truth):
        return ranking.ONE_CLASS
    assert model.probability is not None
    return np.asarray((model.probability - truth) ** 2)


def _r2_value(truth: Array, model: Predictions, confidence: float) -> Estimate:
    return regression.r2(truth, model.label - truth, confidence)


def _r2_paired(truth: Array, one: Predictions, other: Predictions, confidence: float) -> Estimate:
    return regression.r2_difference(truth, one.label - truth, other.label - truth, confidence)


_INFINITE = float("inf")
_ACCURACY = OwnMetric("label", 0, 1, *_hits(lambda truth, model: model.label == truth))
_BALANCED = OwnMetric("label", 0, 1, *_balanced())
BINARY: dict[str, OwnMetric] = {
    "accuracy_score": _ACCURACY,
    "balanced_accuracy_score": _BALANCED,
    "precision_score": OwnMetric("label", 0, 1, _precision_value, _difference(counts.precision_of)),
    "recall_score": OwnMetric("label", 0, 1, *_hits(lambda truth, model: model.label[truth], nothing=NO_POSITIVE)),
    "specificity": OwnMetric("label", 0, 1, *_hits(lambda truth, model: ~model.label[~truth], nothing=NO_NEGATIVE)),
    "false_positive_rate": OwnMetric(
        "label", 1, 0, *_hits(lambda truth, model: model.label[~truth], nothing=NO_NEGATIVE)
    ),
    "f1_score": OwnMetric("label", 0, 1, _f1_value, _difference(counts.f1_of)),
    "matthews_corrcoef": OwnMetric("label", -1, 1, _matthews_value, _difference(counts.matthews_of)),
    "roc_auc_score": OwnMetric("score", 0, 1, *_of_scores(ranking.auc, ranking.auc_difference)),
    "average_precision_score": OwnMetric(
        "score", 0, 1, *_of_scores(ranking.average_precision, ranking.average_precision_difference)
    ),
    "log_loss": OwnMetric("probability", _INFINITE, 0, *_of_losses(_binary_log_losses)),
    "brier_score_loss": OwnMetric("probability", 1, 0, *_of_losses(_squared_distances)),
}
OF_ONE_CLASS = (
    "precision_score",
    "recall_score",
    "specificity",
    "false_positive_rate",
    "f1_score",
    "matthews_corrcoef",
    "roc_auc_score",
    "average_precision_score",
)
"""What may be asked of one class against the rest, in a task of more than two."""
MULTICLASS: dict[str, OwnMetric] = {
    "accuracy_score": _ACCURACY,
    "balanced_accuracy_score": _BALANCED,
    "f1_score": OwnMetric(
        "label", 0, 1, *_of_labels(multiclass.macro_value, multiclass.macro_difference, counts.f1_of)
    ),
    "macro_precision": OwnMetric(
        "label", 0, 1, *_of_labels(multiclass.macro_value, multiclass.macro_difference, counts.precision_of)
    ),
    "macro_recall": _BALANCED,
    "macro_roc_auc": OwnMetric("probability", 0, 1, multiclass.macro_auc, multiclass.macro_auc_difference),
    "log_loss": OwnMetric("probability", _INFINITE, 0, *_of_losses(multiclass.log_losses)),
}
REGRESSION: dict[str, OwnMetric] = {
    "mean_absolute_error": OwnMetric(
        "label", _INFINITE, 0, *_of_losses(lambda truth, model: np.abs(model.label - truth))
    ),
    "mean_squared_error": OwnMetric(
        "label", _INFINITE, 0, *_of_losses(lambda truth, model: (model.label - truth) ** 2)
    ),
    "root_mean_squared_error": OwnMetric(
        "label", _INFINITE, 0, *_of_errors(regression.root_mean_squared, regression.root_mean_squared_difference)
    ),
    "median_absolute_error": OwnMetric(
        "label", _INFINITE, 0, *_of_errors(regression.median_absolute, regression.median_absolute_difference)
    ),
    "r2_score": OwnMetric("label", -_INFINITE, 1, _r2_value, _r2_paired),
}
TASKS: dict[str, dict[str, OwnMetric]] = {"binary": BINARY, "multiclass": MULTICLASS, "regression": REGRESSION}
