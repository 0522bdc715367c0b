"""What the judge takes: the held-out rows and what a model said about them, brought into one form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate.classes import Class, class_of, classes_of, shown
from modelway.gate.intervals import Floats

TASK_FIX = "name the task that the model was trained for: binary, multiclass or regression"
SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1 in sum: float32 and printed numbers are."""


@dataclass(frozen=True)
class HeldOut:
    """labels (n,). columns: what slices and fairness speak of, each (n,); None and NaN are missing."""

    labels: npt.NDArray[Any]
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Scored:
    """What one model said. predictions (n,) or (n, k): labels, scores, probabilities of the classes in `classes`' order
    (without it: their sorted order), or numbers. batch_seconds: how long each repetition over all n rows took.
    size_bytes: of the model's files. error: why the model gave no predictions, in its own words. loader: the module that
    MLflow loads it by, such as mlflow.sklearn."""

    predictions: npt.NDArray[Any]
    classes: tuple[Any, ...] | None
    batch_seconds: tuple[float, ...]
    size_bytes: int
    error: str = ""
    loader: str = ""


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


def normalise(policy: Gate, scored: Scored, n: int, known: Sequence[Class] = ()) -> Predictions:
    """Predictions for n rows. known: the label's classes in the held-out rows, which predicted labels must be among
    (binary) or overlap (multiclass). Raises Unusable for wrong length, NaN, infinity, None, or values that are no
    predictions; InvalidInput where the policy does not fit the model."""
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
        return _binary(policy, scored, given, known)
    if policy.task == "multiclass":
        return _multiclass(scored, given, known)
    if given.ndim == 2:
        raise InvalidInput(
            f"the model returns {given.shape[1]} columns, a regression has one",
            where="gate.task",
            fix=TASK_FIX,
        )
    return Predictions(label=_numbers(given))


def missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(n,): None, NaN, NaT and pandas' NA."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((_is_missing(value) for value in values), dtype=bool, count=len(values))


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    # NaN is the one number that differs from itself; a string never does.
    return isinstance(value, (float, np.floating)) and bool(value != value)


def unusable(given: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(n,): rows with anything that is not a finite number, a text or a truth value."""
    if given.dtype.kind == "f":
        bad = ~np.isfinite(given)
    elif given.dtype.kind == "O":
        bad = np.array([not _is_prediction(value) for value in given.ravel()], dtype=bool).reshape(given.shape)
    else:
        bad = np.full(given.shape, given.dtype.kind not in "biuUS")
    return np.asarray(bad if bad.ndim == 1 else bad.any(axis=1))


def _is_prediction(value: Any) -> bool:
    if isinstance(value, (float, np.floating)):
        return math.isfinite(value)
    return isinstance(value, (str, bytes, int, np.bool_, np.integer))


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


def _binary(policy: Gate, scored: Scored, given: npt.NDArray[Any], known: Sequence[Class]) -> Predictions:
    if given.ndim == 2:
        score = _probabilities(given)[:, _positive_column(policy, scored.classes, given.shape[1])]
        return Predictions(label=score >= policy.decision_threshold, score=score)
    values, positive = classes_of(given), class_of(policy.positive_class)
    if given.dtype.kind == "f" and not set(values) <= {0, 1, *map(class_of, scored.classes or ())}:
        score = given.astype(float)
        return Predictions(label=score >= policy.decision_threshold, score=score)
    strangers = set(values) - {positive} - set(known)
    # With one class in the test data the other one's value is not known, so one stranger may be it.
    if (len(known) > 1 and strangers) or len(strangers) > 1:
        count = f"{sum(value in strangers for value in values)} of {len(values)}"
        raise Unusable(f"{count} predicted labels are no value of the label, such as {shown(strangers)}")
    return Predictions(label=np.array([value == positive for value in values], dtype=bool))


def _positive_column(policy: Gate, given: tuple[Any, ...] | None, columns: int) -> int:
    if columns != 2 or (given is not None and len(given) != 2):
        raise InvalidInput(
            f"the model returns {columns} columns for {len(given or range(columns))} classes, a binary task has 2",
            where="gate.task",
            fix=TASK_FIX,
        )
    if given is None:
        return 1
    classes, positive = [class_of(value) for value in given], class_of(policy.positive_class)
    if positive not in classes:
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


def _multiclass(scored: Scored, given: npt.NDArray[Any], known: Sequence[Class]) -> Predictions:
    if given.ndim == 1:
        labels = classes_of(given)
        if labels and known and not set(labels) & set(known):
            raise Unusable(f"no predicted label is a value of the label; the model says {shown(set(labels))}")
        return Predictions(label=_objects(labels))
    classes = list(known) if scored.classes is None else [class_of(value) for value in scored.classes]
    if len(classes) != given.shape[1]:
        raise InvalidInput(
            f"the model returns {given.shape[1]} columns, and which classes they are is not known",
            where="gate.task",
            fix="log a model with classes_, or one that predicts labels",
        )
    if known and not set(classes) & set(known):
        raise Unusable(f"no class of the model is a value of the label; the model knows {shown(classes)}")
    probabilities = _probabilities(given)
    best = probabilities.argmax(axis=1) if probabilities.size else np.zeros(len(given), dtype=int)
    return Predictions(label=_objects(classes)[best], probabilities=probabilities, classes=tuple(classes))


def _objects(values: list[Class]) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
