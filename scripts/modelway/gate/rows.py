"""Rows: the truth and both models' predictions of the same held-out rows, in codes that metrics can count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate.classes import Class, class_of, classes_of, in_order, shown
from modelway.gate.predictions import Predictions, missing, unusable


@dataclass(frozen=True)
class Rows:
    """truth (n,): binary bool, True the positive class; multiclass a class's code; regression the number. The labels
    of the predictions are in the same form, and so are their `classes`. codes: of the classes of a multiclass task."""

    truth: npt.NDArray[Any]
    candidate: Predictions
    production: Predictions | None
    codes: Mapping[Class, int] = field(default_factory=dict)

    def take(self, index: npt.NDArray[Any]) -> Rows:
        return Rows(
            self.truth[index],
            _taken(self.candidate, index),
            self.production and _taken(self.production, index),
            self.codes,
        )

    def against_rest(self, one: Class) -> Rows:
        """Binary rows, of this class of a multiclass task against all others."""
        code = self.codes.get(one, -1)
        other = self.production and _against_rest(self.production, code)
        return Rows(self.truth == code, _against_rest(self.candidate, code), other)


def _taken(one: Predictions, index: npt.NDArray[Any]) -> Predictions:
    return Predictions(
        label=one.label[index],
        score=None if one.score is None else one.score[index],
        probabilities=None if one.probabilities is None else one.probabilities[index],
        classes=one.classes,
    )


def _against_rest(one: Predictions, code: int) -> Predictions:
    score = None
    if one.probabilities is not None and code in one.classes:
        score = one.probabilities[:, one.classes.index(code)]
    return Predictions(label=one.label == code, score=score)


def classes_of_label(policy: Gate, labels: npt.NDArray[Any]) -> list[Class]:
    """The label's classes in order; none for a regression. Raises InvalidInput for labels that cannot be judged:
    missing ones, numbers that are not finite, and in a binary task more than two classes or two that are both not the
    positive one."""
    if labels.ndim != 1:
        raise InvalidInput(f"the label has shape {labels.shape}", where="gate.label", fix="name one column")
    absent = int(missing(labels).sum())
    if absent:
        raise InvalidInput(
            f"{absent} of {len(labels)} test rows have no label",
            where="gate.label",
            fix="leave these rows out of the test data",
        )
    if policy.task == "regression":
        _require_numbers(labels)
        return []
    bad = int(unusable(labels).sum())
    if bad:
        raise InvalidInput(
            f"{bad} of {len(labels)} labels are neither text, a truth value nor a finite number",
            where="gate.label",
            fix="mend the test data",
        )
    classes = in_order(set(classes_of(labels)))
    if policy.task == "binary":
        _require_binary(policy, classes)
    return classes


def _require_numbers(labels: npt.NDArray[Any]) -> None:
    try:
        finite = bool(np.isfinite(labels.astype(float)).all())
    except (TypeError, ValueError):
        finite = False
    if not finite:
        raise InvalidInput(
            "a regression needs finite numbers as labels", where="gate.label", fix="mend the test data, or gate.task"
        )


def _require_binary(policy: Gate, classes: list[Class]) -> None:
    if len(classes) > 2:
        raise InvalidInput(
            f"the label has {len(classes)} values ({shown(classes)}), a binary task has 2",
            where="gate.task",
            fix="write task: multiclass, or make the label binary in the test data",
        )
    if policy.positive_class is None:
        return
    positive = class_of(policy.positive_class)
    if len(classes) == 2 and positive not in classes:
        raise InvalidInput(
            f"the label's values are {shown(classes)}, and {positive!r} is none of them",
            where="gate.positive-class",
            fix="write the one that the score speaks of",
        )


def with_positive_class(policy: Gate, classes: list[Class]) -> Gate:
    """The policy of a binary task with its positive class: the one that it names, else 1 beside 0 or -1. Raises
    InvalidInput for other labels, of which nobody can know which one the score speaks of."""
    if policy.task != "binary" or policy.positive_class is not None or not classes:
        return policy
    if not (set(classes) <= {0, 1} or set(classes) <= {-1, 1}):
        raise InvalidInput(
            f"the label's values are {shown(classes)}, and nothing says which of them is the positive class",
            where="gate.positive-class",
            fix=f"write the one that the score speaks of, such as positive-class: {json.dumps(classes[-1])[:100]}",
        )
    return msgspec.structs.replace(policy, positive_class=1)


def align(policy: Gate, labels: npt.NDArray[Any], candidate: Predictions, production: Predictions | None) -> Rows:
    """Truth and predictions in the same codes; labels as `classes_of_label` accepted them."""
    if policy.task == "regression":
        return Rows(labels.astype(float), candidate, production)
    truth = classes_of(labels)
    if policy.task == "binary":
        positive = class_of(policy.positive_class)
        return Rows(np.array([value == positive for value in truth], dtype=bool), candidate, production)
    models = [candidate] if production is None else [candidate, production]
    seen = set(truth).union(*(set(model.label.tolist()) | set(model.classes) for model in models))
    codes = {value: code for code, value in enumerate(in_order(seen))}
    coded = [_coded(model, codes) for model in models]
    return Rows(_codes(truth, codes), coded[0], coded[1] if production is not None else None, codes)


def _codes(values: list[Any], codes: dict[Any, int]) -> npt.NDArray[np.int64]:
    return np.array([codes[value] for value in values], dtype=np.int64)


def _coded(model: Predictions, codes: dict[Any, int]) -> Predictions:
    return Predictions(
        label=_codes(model.label.tolist(), codes),
        probabilities=model.probabilities,
        classes=tuple(codes[value] for value in model.classes),
    )
