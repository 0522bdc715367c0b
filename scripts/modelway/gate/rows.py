"""JudgedRows: the truth and both models' predictions of the same held-out rows, in codes that metrics can count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate.classes import Class, in_order
from modelway.gate.intervals import Floats
from modelway.gate.predictions import Predictions
from modelway.gate.truth import Truth


@dataclass(frozen=True)
class JudgedRows:
    """truth (n,): binary bool, True the positive class; multiclass a class's code; regression the number. The labels
    of the predictions are in the same form, and so are their `classes`. codes: of the classes, of a binary task 1 for the
    positive one. weight (n,): how much each row counts; None where all count the same."""

    truth: npt.NDArray[Any]
    candidate: Predictions
    production: Predictions | None
    codes: Mapping[Class, int] = field(default_factory=dict)
    weight: Floats | None = None

    def take(self, index: npt.NDArray[Any]) -> JudgedRows:
        return JudgedRows(
            self.truth[index],
            _taken(self.candidate, index),
            self.production and _taken(self.production, index),
            self.codes,
            None if self.weight is None else self.weight[index],
        )

    def against_rest(self, one: Class) -> JudgedRows:
        """Binary rows, of this class of a multiclass task against all others."""
        code = self.codes.get(one, -1)
        other = self.production and _against_rest(self.production, code)
        codes = {value: int(value == one) for value in self.codes}
        return JudgedRows(self.truth == code, _against_rest(self.candidate, code), other, codes, self.weight)


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


def align(
    truth: Truth, candidate: Predictions, production: Predictions | None, weight: Floats | None = None
) -> JudgedRows:
    """Truth and predictions in the same codes."""
    policy = truth.policy
    if policy.task == "regression":
        return JudgedRows(truth.values, candidate, production, weight=weight)
    if policy.task == "binary":
        codes = {value: int(value == truth.positive) for value in truth.classes}
        return JudgedRows(truth.is_positive, candidate, production, codes, weight)
    models = [candidate] if production is None else [candidate, production]
    seen = set(truth.classes).union(*(set(model.label.tolist()) | set(model.classes) for model in models))
    codes = {value: code for code, value in enumerate(in_order(seen))}
    coded = [_coded(model, codes) for model in models]
    other = coded[1] if production is not None else None
    return JudgedRows(_codes(truth.values.tolist(), codes), coded[0], other, codes, weight)


def _codes(values: list[Any], codes: Mapping[Class, int]) -> npt.NDArray[np.int64]:
    return np.array([codes[value] for value in values], dtype=np.int64)


def _coded(model: Predictions, codes: Mapping[Class, int]) -> Predictions:
    return Predictions(
        label=_codes(model.label.tolist(), codes),
        probabilities=model.probabilities,
        classes=tuple(codes[value] for value in model.classes),
    )
