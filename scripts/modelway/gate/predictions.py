"""What the judge takes: the held-out rows and what a model said about them, brought into one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modelway.errors import InvalidInput
from modelway.gate.classes import Class, class_of, classes_of, shown
from modelway.gate.intervals import Floats
from modelway.gate.missing import unusable
from modelway.gate.truth import Truth
from modelway.scored import Scored

__all__ = ["HeldOut", "Need", "Predictions", "Scored", "Unusable", "normalise"]

Need = Literal["label", "score", "probability"]
"""What a metric takes of a model's predictions."""

TASK_FIX = "name the task that the model was trained for: binary, multiclass or regression"
SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1 in sum: float32 and printed numbers are."""


@dataclass(frozen=True)
class HeldOut:
    """labels (n,). columns: what the policy's checks need beside it, each (n,); None and NaN are missing."""

    labels: npt.NDArray[Any]
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Predictions:
    """One model's predictions, complete and finite.

    label (n,): binary bool (True: the positive class), multiclass the class itself, regression the number.
    score (n,): binary, larger means more likely positive; None when the model gives labels only.
    probabilities (n, k), classes (k,): multiclass; None when the model gives labels only.
    """

    label: npt.NDArray[Any]
    score: Floats | None = None
    probabilities: Floats | None = None
    classes: tuple[Any, ...] = ()

    @property
    def probability(self) -> Floats | None:
        """The score where it can be read as the probability of the positive class."""
        if self.score is None or (len(self.score) and not (self.score.min() >= 0 and self.score.max() <= 1)):
            return None
        return self.score


class Unusable(Exception):
    """The model's own fault: its predictions cannot be judged. Ends as a failing check, never as a pass."""


def normalise(truth: Truth, scored: Scored) -> Predictions:
    """Predictions of the rows of `truth`, whose classes predicted labels must be among (binary) or overlap (multiclass).
    Raises Unusable for wrong length, NaN, infinity, None, or values that are no predictions; InvalidInput where the policy
    does not fit the model."""
    n, policy = len(truth), truth.policy
    if scored.error:
        raise Unusable(f"the model gave no predictions: {scored.error}")
    given = np.asarray(scored.predictions)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim not in (1, 2) or len(given) != n:
        raise Unusable(f"the model returned predictions of shape {given.shape} for {n} rows")
    bad = int(unusable(given).sum())
    if bad:
        raise Unusable(f"{bad} of {n} rows have a prediction that is NaN, infinite or missing")
    if policy.task == "binary":
        return _binary(truth, scored, given)
    if policy.task == "multiclass":
        return _multiclass(truth, scored, given)
    if given.ndim == 2:
        raise InvalidInput(
            f"the model returns {given.shape[1]} columns, a regression has one",
            where="gate.task",
            fix=TASK_FIX,
        )
    return Predictions(label=_numbers(given))


def _numbers(given: npt.NDArray[Any]) -> Floats:
    if given.dtype.kind in "biuf":
        return given.astype(float)
    try:
        numbers = np.array([float(value) for value in given.ravel()], dtype=float).reshape(given.shape)
    except (TypeError, ValueError) as error:
        raise Unusable("the predictions are not numbers") from error
    if not np.isfinite(numbers).all():
        raise Unusable("the predictions are not finite numbers")
    return numbers


def _binary(truth: Truth, scored: Scored, given: npt.NDArray[Any]) -> Predictions:
    policy, known = truth.policy, truth.classes
    if given.ndim == 2:
        score = _probabilities(given)[:, _positive_column(truth.positive, scored.classes, given.shape[1])]
        return Predictions(label=score >= policy.decision_threshold, score=score)
    values, positive = classes_of(given), truth.positive
    if given.dtype.kind == "f" and not set(values) <= {0, 1, *map(class_of, scored.classes or ())}:
        score = given.astype(float)
        return Predictions(label=score >= policy.decision_threshold, score=score)
    strangers = set(values) - {positive} - set(known)
    # With one class in the test data the other one's value is not known, so one stranger may be it.
    if (len(known) > 1 and strangers) or len(strangers) > 1:
        count = f"{sum(value in strangers for value in values)} of {len(values)}"
        what = f"{count} predicted labels are no value of the label, such as {shown(strangers)}"
        raise Unusable(f"{what}; {_return_these(known)}")
    return Predictions(label=np.array([value == positive for value in values], dtype=bool))


def _positive_column(positive: Class | None, given: tuple[Any, ...] | None, columns: int) -> int:
    if columns != 2 or (given is not None and len(given) != 2):
        raise InvalidInput(
            f"the model returns {columns} columns for {len(given or range(columns))} classes, a binary task has 2",
            where="gate.task",
            fix=TASK_FIX,
        )
    if given is None:
        return 1
    classes = [class_of(value) for value in given]
    if positive is None or positive not in classes:
        raise InvalidInput(
            f"the model's classes are {shown(classes)}, and {positive!r} is none of them",
            where="gate.positive-class",
            fix="write one of the model's classes",
        )
    return classes.index(positive)


def _probabilities(given: npt.NDArray[Any]) -> Floats:
    numbers = _numbers(given)
    if len(numbers) and (numbers.min() < 0 or numbers.max() > 1 + SUM_TOLERANCE):
        raise Unusable("the columns of the predictions are not probabilities: some are below 0 or above 1")
    off = int((np.abs(numbers.sum(axis=1) - 1) > SUM_TOLERANCE).sum())
    if off:
        raise Unusable(f"the columns of the predictions are not probabilities: {off} rows do not sum to 1")
    return np.minimum(numbers, 1.0)


def _multiclass(truth: Truth, scored: Scored, given: npt.NDArray[Any]) -> Predictions:
    known = truth.classes
    if given.ndim == 1:
        labels = classes_of(given)
        if between := [
            label for label in labels if isinstance(label, float) and 0 < label % 1 < 1 and label not in known
        ]:
            what = f"{len(between)} of {len(labels)} predictions, such as {between[0]:.4g}, are no class but a number"
            raise Unusable(f"{what}; where the model is to predict one, write gate.task: regression")
        if labels and known and not set(labels) & set(known):
            what = f"no predicted label is a value of the label; the model says {shown(set(labels))}"
            raise Unusable(f"{what}; {_return_these(known)}")
        return Predictions(label=_objects(labels))
    classes = list(known) if scored.classes is None else [class_of(value) for value in scored.classes]
    if len(classes) != given.shape[1]:
        raise InvalidInput(
            f"the model returns {given.shape[1]} columns, and which classes they are is not known",
            where="gate.task",
            fix="log a model with classes_, or one that predicts labels",
        )
    if known and not set(classes) & set(known):
        what = f"no class of the model is a value of the label; the model knows {shown(classes)}"
        raise Unusable(f"{what}; {_return_these(known)}")
    probabilities = _probabilities(given)
    best = probabilities.argmax(axis=1) if probabilities.size else np.zeros(len(given), dtype=int)
    return Predictions(label=_objects(classes)[best], probabilities=probabilities, classes=tuple(classes))


def _return_these(known: Iterable[Class]) -> str:
    return (
        f"let it return those of the test data ({shown(known)}): train on the label as it is, map back in predict, or say by"
        " gate.label-as what they mean to it"
    )


def _objects(values: list[Class]) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
