"""Whatever is wrong with data or predictions, the verdict is never a pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.config.keys import Comparison, Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, judge
from modelway.gate.metrics import TASKS, compare, measure
from modelway.gate.predictions import Predictions
from modelway.gate.rows import JudgedRows

N = 80
# Limits that any judged value keeps: only the guard against bad data can stop a pass.
EASY = Gate(
    limits={
        "accuracy_score": Limit(at_least=1e-9),
        "roc_auc_score": Limit(at_least=1e-9),
        "log_loss": Limit(at_most=1e9),
        "artifact-size-mb": Limit(at_most=1e9),
    },
    against_production={
        "accuracy_score": Comparison(not_worse_by=0.999),
        "artifact-size-mb": Comparison(not_worse_by=1e9),
    },
)
RNG = np.random.default_rng(0)
TRUTH = np.arange(N) % 2
GOOD = np.clip(0.3 * TRUTH + 0.7 * RNG.random(N), 0.01, 0.99)


def columns(score: np.ndarray) -> np.ndarray:
    return np.stack([1 - score, score], axis=1)


def outcome(labels: Any, predictions: Any, policy: Gate = EASY, classes: Any = None) -> str:
    """The outcome, or that the user is told what to mend; anything else that is raised fails the test."""
    production = Scored(columns(GOOD), None, (), 1)
    try:
        return judge(policy, HeldOut(np.asarray(labels), {}), Scored(predictions, classes, (), 1), production).outcome
    except InvalidInput as told:
        line = told.line()
    assert "\n" not in line
    return "told"


def test_the_policy_is_so_easy_that_good_predictions_pass() -> None:
    assert outcome(TRUTH, columns(GOOD)) == "pass"


@settings(deadline=None, max_examples=60)
@given(
    row=st.integers(0, N - 1),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    shape=st.sampled_from(["columns", "scores", "objects", "float32"]),
)
def test_one_bad_prediction_fails_and_is_counted(row: int, bad: float, shape: str) -> None:
    predictions: Any = columns(GOOD) if shape != "scores" else GOOD.copy()
    predictions[row] = bad
    predictions = predictions.astype({"objects": object, "float32": np.float32}.get(shape, float))
    judgement = judge(EASY, HeldOut(TRUTH, {}), Scored(predictions, None, (), 1), None)
    assert judgement.outcome == "fail"
    assert judgement.checks[0].name == "predictions" and f"1 of {N} rows" in judgement.checks[0].detail
    assert {check.name for check in judgement.checks} > set(EASY.limits), "every check stays listed"


@settings(deadline=None, max_examples=60)
@given(length=st.integers(0, 2 * N).filter(lambda length: length != N), wide=st.booleans())
def test_a_wrong_number_of_predictions_fails(length: int, wide: bool) -> None:
    scores = np.resize(GOOD, length)
    assert outcome(TRUTH, columns(scores) if wide else scores) == "fail"


@settings(deadline=None, max_examples=40)
@given(
    predictions=st.lists(
        st.one_of(st.none(), st.text(max_size=3), st.just([]), st.just({}), st.complex_numbers()),
        min_size=N,
        max_size=N,
    )
)
def test_predictions_of_any_kind_never_pass(predictions: list[Any]) -> None:
    array = np.empty(N, dtype=object)
    array[:] = predictions
    assert outcome(TRUTH, array) != "pass"


@settings(deadline=None, max_examples=60)
@given(n=st.integers(0, 300), label=st.sampled_from([0, 1]))
def test_empty_and_one_class_data_never_pass(n: int, label: int) -> None:
    """Size alone must not carry the verdict, and the metric that needs two classes says so."""
    scores = np.resize(GOOD, n)
    labels = np.full(n, label)
    production = Scored(columns(scores), None, (), 1)
    judgement = judge(EASY, HeldOut(labels, {}), Scored(columns(scores), None, (), 1), production)
    assert judgement.outcome == "inconclusive"
    area = next(check for check in judgement.checks if check.name == "roc_auc_score")
    assert area.outcome == "inconclusive" and ("one class" in area.detail or "no rows" in area.detail)


def test_a_model_that_raised_fails_with_its_own_words() -> None:
    scored = Scored(np.empty(0), None, (), 1, "ValueError: feature names should match")
    judgement = judge(EASY, HeldOut(TRUTH, {}), scored, None)
    assert judgement.outcome == "fail" and "feature names should match" in judgement.checks[0].detail


def test_no_rows_are_inconclusive_even_when_the_model_raised_on_them() -> None:
    scored = Scored(np.empty(0), None, (), 1, "ValueError: found array with 0 samples")
    assert judge(EASY, HeldOut(np.empty(0), {}), scored, None).outcome == "inconclusive"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("same", [False, True])
def test_every_metric_survives_tiny_data_without_a_pass_by_accident(task: str, n: int, same: bool) -> None:
    """No metric raises or gives an interval without width, on no, one or a few rows, or on rows that are alike."""
    rng = np.random.default_rng(n)
    truth: np.ndarray = np.zeros(n, dtype=bool) if same else rng.random(n) < 0.5
    if task == "binary":
        score = np.full(n, 0.5) if same else rng.random(n)
        model = Predictions(score >= 0.5, score)
    elif task == "multiclass":
        truth = truth.astype(np.int64)
        probabilities = np.full((n, 2), 0.5)
        model = Predictions(np.zeros(n, dtype=np.int64), probabilities=probabilities, classes=(0, 1))
    else:
        truth = truth.astype(float)
        model = Predictions(truth.copy() if same else rng.normal(size=n))
    rows = JudgedRows(truth, model, model)
    for name, metric in TASKS[task].items():
        for found in (measure(metric, rows, 0.95), compare(metric, rows, 0.95)):
            assert found.reason or found.interval is not None, name
            if found.interval is not None:
                assert found.interval[0] < found.interval[1], name
            if n == 0:
                assert found.reason == "the test data has no rows"


BAD_LABELS = [
    np.array([None] + [0, 1] * 39 + [1], dtype=object),
    np.where(np.arange(N) == 3, np.nan, TRUTH.astype(float)),
    np.where(np.arange(N) == 3, np.inf, TRUTH.astype(float)),
    np.arange(N) % 3,
    np.array(["yes", "no"] * 40),
    np.stack([TRUTH, TRUTH], axis=1),
]


@pytest.mark.parametrize(
    "labels", BAD_LABELS, ids=["none", "nan", "infinite", "three", "not-the-positive", "two-columns"]
)
def test_labels_that_cannot_be_judged_are_told(labels: np.ndarray) -> None:
    assert outcome(labels, columns(GOOD)) == "told"


BAD_BINARY = {
    "sums": columns(GOOD) * 0.9,
    "negative": columns(GOOD) - 0.5,
    "other labels": np.array(["yes", "no"] * 40),
    "three labels": np.arange(N) % 3,
    "dates": np.array(["2020-01-01"] * N, dtype="datetime64[D]"),
    "cube": np.zeros((N, 2, 2)),
    "number": np.float64(3),
}


@pytest.mark.parametrize("kind", BAD_BINARY)
def test_what_is_no_prediction_fails(kind: str) -> None:
    assert outcome(TRUTH, BAD_BINARY[kind]) == "fail"


@pytest.mark.parametrize(
    ("predictions", "classes"),
    [(np.full((N, 3), 1 / 3), None), (columns(GOOD), ("a", "b", "c")), (columns(GOOD), ("no", "yes"))],
)
def test_a_model_that_does_not_fit_the_policy_is_told(predictions: np.ndarray, classes: Any) -> None:
    assert outcome(TRUTH, predictions, classes=classes) == "told"


def test_a_multiclass_model_of_other_classes_fails() -> None:
    policy = Gate(task="multiclass", limits={"accuracy_score": Limit(at_least=1e-9)})
    labels = np.array(["a", "b", "c", "d"] * 20)
    assert outcome(labels, np.array(["x", "y"] * 40), policy) == "fail"
    assert outcome(labels, np.full((N, 2), 0.5), policy, ("x", "y")) == "fail"
    assert outcome(labels, np.full((N, 2), 0.5), policy) == "told"


def test_numbers_between_the_classes_are_no_classes() -> None:
    """A regression that was taken for classes, since its labels are few whole numbers; some of what it says is one of them."""
    policy = Gate(task="multiclass", limits={"accuracy_score": Limit(at_least=1e-9)})
    labels = np.arange(N) % 4 + 3
    verdict = judge(policy, HeldOut(labels, {}), Scored(labels + 0.25 * (np.arange(N) % 2), None, (0.0,), 0), None)
    assert verdict.outcome == "fail" and "write gate.task: regression" in str(verdict.checks)
    assert outcome(labels, labels.astype(float), policy) == "pass"


def test_a_class_the_model_does_not_know_has_no_log_loss() -> None:
    policy = Gate(task="multiclass", limits={"log_loss": Limit(at_most=1e9)})
    labels = np.array(["a", "b", "c", "b"] * 20)
    assert outcome(labels, np.full((N, 2), 0.5), policy, ("a", "b")) == "inconclusive"


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, "x"])
def test_a_regression_with_a_bad_number_fails(bad: Any) -> None:
    policy = Gate(task="regression", limits={"mean_absolute_error": Limit(at_most=1e9)})
    guesses = GOOD.astype(object)
    assert outcome(TRUTH.astype(float), GOOD, policy) == "pass"
    guesses[7] = bad
    assert outcome(TRUTH.astype(float), guesses, policy) == "fail"
