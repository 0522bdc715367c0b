"""The value of every metric is scikit-learn's, also with ties, rare classes and swapped or texted labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as reference

from modelway.config.keys import Comparison, Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge
from modelway.gate.kinds.slices import Slices
from modelway.gate.metrics import BINARY, MULTICLASS, OF_ONE_CLASS, REGRESSION, TASKS

ROWS = 2500
FEW = 200
"""The values need no more than an interval does."""
REFERENCE = {
    "specificity": lambda truth, label: reference.recall_score(truth, label, pos_label=False),
    "false_positive_rate": lambda truth, label: 1 - reference.recall_score(truth, label, pos_label=False),
    "macro_precision": lambda truth, label: reference.precision_score(truth, label, average="macro"),
    "macro_recall": lambda truth, label: reference.recall_score(truth, label, average="macro"),
    "macro_roc_auc": lambda truth, p: reference.roc_auc_score(truth, p, multi_class="ovr", average="macro"),
}
"""For the names that scikit-learn does not have."""
LABELS_ONLY = ("accuracy_score", "balanced_accuracy_score", "precision_score", "recall_score", "f1_score")


def limit(task: str, name: str) -> Limit:
    metric = TASKS[task][name]
    if metric.greater_is_better:
        return Limit(at_least=0.01)
    return Limit(at_most=0.9)


def both_values(policy: Gate, labels: np.ndarray, one: Scored, other: Scored) -> dict[str, tuple[float, float, float]]:
    """Metric -> (the candidate's value, production's, the difference)."""
    judgement = judge(policy, HeldOut(labels, {}), one, other)
    compared = {check.name.removesuffix(" against production"): check for check in judgement.checks if check.candidate}
    values = {}
    for check in judgement.checks:
        if check.name in policy.limits:
            pair = compared[check.name]
            assert check.value == pytest.approx(pair.candidate, rel=1e-9)
            values[check.name] = (check.value, pair.production, pair.value)
    assert set(values) == set(policy.limits)
    return values


def whole_policy(task: str, without: tuple[str, ...] = (), **keys: object) -> Gate:
    names = [name for name in TASKS[task] if name not in without]
    return Gate(
        task=task,
        limits={name: limit(task, name) for name in names},
        against_production={name: Comparison(not_worse_by=0.5) for name in names},
        **keys,
    )


def expect(values: dict[str, tuple[float, float, float]], name: str, ours: float, theirs: float) -> None:
    assert values[name] == pytest.approx((ours, theirs, ours - theirs), rel=1e-7, abs=1e-9), name


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [FEW, ROWS])
def test_binary_values_are_scikit_learns(ties: bool, n: int) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(n) < 0.3
    scores = []
    for noise in (0.8, 1.2):
        score = 1 / (1 + np.exp(-(2 * truth - 1 + noise * rng.normal(size=n))))
        scores.append(np.round(score, 1) * 0.98 + 0.01 if ties else score)
    labels = np.where(truth, "late", "on time")
    policy = whole_policy("binary", positive_class="late", decision_threshold=0.4)
    sides = [Scored(np.stack([1 - score, score], axis=1), ("on time", "late"), (), 1) for score in scores]
    values = both_values(policy, labels, *sides)
    for name in BINARY:
        function = REFERENCE.get(name) or getattr(reference, name)
        if BINARY[name].need == "label":
            expect(values, name, *(function(truth, score >= 0.4) for score in scores))
        else:
            expect(values, name, *(function(truth, score) for score in scores))


def test_classes_say_which_column_is_positive() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(ROWS) < 0.3
    score = np.clip(0.5 * truth + 0.5 * rng.random(ROWS), 0, 1)
    policy = Gate(positive_class="a", limits={"roc_auc_score": Limit(at_least=0.1)})
    columns = np.stack([score, 1 - score], axis=1)
    judgement = judge(policy, HeldOut(np.where(truth, "a", "b"), {}), Scored(columns, ("a", "b"), (), 1), None)
    assert judgement.checks[0].value == pytest.approx(reference.roc_auc_score(truth, score))


@pytest.mark.parametrize("labels_only", [False, True])
def test_multiclass_values_are_scikit_learns(labels_only: bool) -> None:
    rng = np.random.default_rng(3)
    truth = rng.choice(4, p=[0.5, 0.3, 0.15, 0.05], size=ROWS)
    names = np.array(["ant", "bee", "cow", "dog"])
    probabilities = []
    for sharpness in (2.0, 1.0):
        raw = np.exp(sharpness * (truth[:, None] == np.arange(4)) + rng.normal(size=(ROWS, 4)))
        probabilities.append(raw / raw.sum(axis=1, keepdims=True))
    policy = whole_policy("multiclass", ("log_loss", "macro_roc_auc") if labels_only else ())
    if labels_only:
        sides = [Scored(names[p.argmax(axis=1)], None, (), 1) for p in probabilities]
    else:
        sides = [Scored(p, tuple(names), (), 1) for p in probabilities]
    values = both_values(policy, names[truth], *sides)
    for name in values:
        function = REFERENCE.get(name) or getattr(reference, name)
        if MULTICLASS[name].need == "probability":
            expect(values, name, *(function(truth, p) for p in probabilities))
        else:
            extra = {"average": "macro"} if name == "f1_score" else {}
            expect(values, name, *(function(truth, p.argmax(axis=1), **extra) for p in probabilities))


def test_values_of_one_class_are_scikit_learns() -> None:
    """`recall_score of cow` is the binary metric of cow against the rest; a class by any spelling of its number."""
    rng = np.random.default_rng(8)
    truth = rng.choice(3, p=[0.5, 0.3, 0.2], size=600)
    raw = np.exp(1.5 * (truth[:, None] == np.arange(3)) + rng.normal(size=(600, 3)))
    sides = [raw / raw.sum(axis=1, keepdims=True)]
    sides.append(np.where(rng.random(600)[:, None] < 0.3, np.roll(sides[0], 1, axis=0), sides[0]))
    for names, asked in ((("ant", "bee", "cow of prey"), "cow of prey"), ((1, 2, 3), "3.0")):
        limits = {f"{name} of {asked}": limit("binary", name) for name in OF_ONE_CLASS}
        compared = {name: Comparison(not_worse_by=0.5) for name in limits}
        policy = Gate(task="multiclass", limits=limits, against_production=compared)
        scored = [Scored(side, names, (), 1) for side in sides]
        values = both_values(policy, np.array(names)[truth], *scored)
        for name in OF_ONE_CLASS:
            function = REFERENCE.get(name) or getattr(reference, name)
            of_labels = BINARY[name].need == "label"
            told = [side.argmax(axis=1) == 2 if of_labels else side[:, 2] for side in sides]
            expect(values, f"{name} of {asked}", *(function(truth == 2, one) for one in told))


def test_a_class_that_no_row_has_is_told() -> None:
    """A misspelt class would be a check that no model ever fails."""
    policy = Gate(task="multiclass", limits={"recall_score of cat": Limit(at_least=0.5)})
    with pytest.raises(InvalidInput) as caught:
        judge(policy, HeldOut(np.array(["ant", "bee"] * 50), {}), Scored(np.array(["ant"] * 100), None, (), 1), None)
    assert caught.value.line() == (
        "gate.limits.recall_score of cat: no test row has the class 'cat'. Fix: write one of the label's values: 'ant', 'bee'"
    )


def test_metrics_of_a_slice() -> None:
    rng = np.random.default_rng(9)
    truth, guess = rng.random(800) < 0.4, rng.random(800) < 0.5
    where = rng.choice(["x", "y"], size=800)
    names = ("specificity", "false_positive_rate", "matthews_corrcoef")
    slices = Slices(columns=("c",), limits={name: limit("binary", name) for name in names})
    scored = Scored(guess.astype(int), None, (), 1)
    checks = judge(Gate(slices=slices), HeldOut(truth, {"c": where}), scored, None).checks
    for check in checks:
        name, _, value = check.name.partition(" where c = ")
        function = REFERENCE.get(name) or getattr(reference, name)
        assert check.value == pytest.approx(function(truth[where == value], guess[where == value]))
        assert check.interval is not None
    assert len(checks) == 6


@pytest.mark.parametrize("n", [FEW, ROWS])
def test_regression_values_are_scikit_learns(n: int) -> None:
    rng = np.random.default_rng(4)
    truth = 1e6 + 20 * rng.normal(size=n)
    guesses = [truth + 0.1 * rng.normal(size=n) + 0.05 * np.sign(truth - 1e6) * spread for spread in (0, 1)]
    values = both_values(whole_policy("regression"), truth, *(Scored(guess, None, (), 1) for guess in guesses))
    for name in REGRESSION:
        expect(values, name, *(getattr(reference, name)(truth, guess) for guess in guesses))


def test_a_model_without_scores_still_has_its_label_metrics() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(ROWS) < 0.3
    guess = np.where(rng.random(ROWS) < 0.8, truth, ~truth).astype(int)
    policy = Gate(limits={name: Limit(at_least=0.1) for name in LABELS_ONLY})
    judgement = judge(policy, HeldOut(truth.astype(int), {}), Scored(guess, None, (), 1), None)
    for check in judgement.checks:
        assert check.value == pytest.approx(getattr(reference, check.name)(truth, guess))


def test_every_interval_holds_its_value_and_has_a_width() -> None:
    rng = np.random.default_rng(6)
    truth = rng.random(ROWS) < 0.3
    scores = [np.clip(0.4 * truth + 0.6 * rng.random(ROWS), 0, 1) for _ in range(2)]
    sides = [Scored(np.stack([1 - score, score], axis=1), None, (), 1) for score in scores]
    for check in judge(whole_policy("binary"), HeldOut(truth, {}), *sides).checks:
        assert check.interval is not None, check
        low, high = check.interval
        assert low < check.value < high
        assert math.isfinite(low) and math.isfinite(high)
