"""Fairness values are fairlearn's; groups that are too small are named and left out."""

from __future__ import annotations

import fairlearn.metrics as reference
import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import HeldOut, Scored, gaps, judge
from modelway.gate.fairness import METRICS, measure
from modelway.gate.kinds.fairness import Fairness
from modelway.records.verdict import Check

DIFFERENCES = {name: Limit(at_most=0.2) for name in METRICS if name.endswith("difference")}
RATIOS = {name: Limit(at_least=0.5) for name in METRICS if name.endswith("ratio")}


def judged(groups: np.ndarray, truth: np.ndarray, guess: np.ndarray, minimum: int = 50) -> dict[str, Check]:
    policy = Gate(fairness=Fairness(columns=("group",), minimum_rows=minimum, limits=DIFFERENCES | RATIOS))
    scored = Scored(guess.astype(int), None, (), 1)
    return {
        check.name: check for check in judge(policy, HeldOut(truth.astype(int), {"group": groups}), scored, None).checks
    }


@pytest.mark.parametrize("seed", range(5))
def test_values_are_fairlearns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.choice(np.array(["a", "b", "c", None], dtype=object), size=3000, p=[0.5, 0.3, 0.15, 0.05])
    truth = rng.random(3000) < 0.4
    guess = rng.random(3000) < 0.2 + 0.4 * truth + 0.1 * (groups == "b")
    checks = judged(groups, truth, guess)
    told = np.where([group is None for group in groups], "(missing)", groups)
    for name in METRICS:
        expected = getattr(reference, name)(truth, guess, sensitive_features=told)
        check = checks[f"{name} by group"]
        assert check.value == pytest.approx(expected), name
        low, high = check.interval
        assert low <= check.value <= high


def test_small_groups_are_left_out_and_said() -> None:
    rng = np.random.default_rng(1)
    groups = np.array(["a"] * 400 + ["b"] * 400 + ["tiny"] * 20 + ["small"] * 30)
    truth = rng.random(850) < 0.5
    guess = np.where(groups == "tiny", True, rng.random(850) < 0.5)
    checks = judged(groups, truth, guess)
    large = np.isin(groups, ["a", "b"])
    expected = reference.demographic_parity_difference(truth[large], guess[large], sensitive_features=groups[large])
    assert checks["demographic_parity_difference by group"].value == pytest.approx(expected)
    skipped = checks["groups of group"]
    assert (skipped.outcome, skipped.n) == ("skipped", 50)
    assert "2 of 4 groups" in skipped.detail and "50 of 850 rows" in skipped.detail


def test_one_large_group_alone_is_inconclusive() -> None:
    rng = np.random.default_rng(2)
    groups = np.array(["a"] * 400 + ["b"] * 5)
    truth = rng.random(405) < 0.5
    assert judged(groups, truth, truth)["demographic_parity_difference by group"].outcome == "inconclusive"


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    """fairlearn takes 0 for it, which is a difference that nobody measured."""
    rng = np.random.default_rng(3)
    groups = np.array(["a"] * 400 + ["b"] * 400)
    truth = (rng.random(800) < 0.5) & (groups == "a")
    checks = judged(groups, truth, rng.random(800) < 0.5)
    assert checks["equal_opportunity_difference by group"].outcome == "inconclusive"
    assert checks["equal_opportunity_difference by group"].value is None
    assert checks["demographic_parity_difference by group"].value is not None


def test_nobody_selected_has_no_ratio() -> None:
    cells = np.zeros((2, 2, 2))
    cells[:, :, 0] = 200
    found = measure(METRICS["demographic_parity_ratio"], cells, 0.95)
    assert found.value is None and found.reason


def test_one_group_never_selected_is_a_ratio_of_0_with_an_upper_end() -> None:
    cells = np.zeros((2, 2, 2))
    cells[0, 1], cells[1, 1] = (200, 0), (100, 100)
    found = measure(METRICS["demographic_parity_ratio"], cells, 0.95)
    assert found.value == 0 and found.interval[0] == 0 and 0 < found.interval[1] < 0.2


def test_a_large_true_difference_fails_and_a_small_one_passes() -> None:
    """Guards the direction: differences are smaller-is-better, ratios greater-is-better."""
    rng = np.random.default_rng(4)
    groups = np.repeat(["a", "b"], 20_000)
    truth = rng.random(40_000) < 0.5
    unfair = rng.random(40_000) < np.where(groups == "a", 0.9, 0.2)
    fair = rng.random(40_000) < 0.5
    assert {check.outcome for check in judged(groups, truth, unfair).values()} == {"fail"}
    assert {check.outcome for check in judged(groups, truth, fair).values()} == {"pass"}


def test_a_failed_check_names_the_pair_and_every_group_has_n_and_its_rates() -> None:
    rng = np.random.default_rng(6)
    groups = rng.choice(["a", "b", "c"], size=3000, p=[0.5, 0.3, 0.2])
    truth = rng.random(3000) < 0.4
    guess = rng.random(3000) < np.where(groups == "b", 0.6, 0.2)
    policy = Gate(fairness=Fairness(columns=("group",), limits={"equalized_odds_difference": Limit(at_most=0.1)}))
    judgement = judge(
        policy, HeldOut(truth.astype(int), {"group": groups}), Scored(guess.astype(int), None, (), 1), None
    )
    check = judgement.checks[0]
    assert check.outcome == "fail"
    frame = reference.MetricFrame(
        metrics={
            "true positive rate": reference.true_positive_rate,
            "false positive rate": reference.false_positive_rate,
        },
        y_true=truth,
        y_pred=guess,
        sensitive_features=groups,
    )
    quantity = (frame.by_group.max() - frame.by_group.min()).idxmax()
    rates = frame.by_group[quantity]
    wanted = truth if quantity == "true positive rate" else ~truth
    most, least = rates.idxmax(), rates.idxmin()
    sizes = {name: int((wanted & (groups == name)).sum()) for name in "abc"}
    assert check.detail == (
        f"{quantity} {rates[most]:.4g} (n {sizes[most]}) where {most}, {rates[least]:.4g} (n {sizes[least]}) where {least}"
    )
    assert {group.name for group in judgement.groups} == {"a", "b", "c"}
    for group in judgement.groups:
        assert group.column == "group"
        assert set(group.values) == {"true positive rate", "false positive rate"}, (
            "those that the policy's limits are of"
        )
        for name, measured in group.values.items():
            assert measured.value == pytest.approx(frame.by_group[name][group.name])
        assert group.values[quantity].n == sizes[group.name]


@pytest.mark.parametrize("seed", range(3))
def test_gaps_of_a_regression_are_fairlearns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.choice(["a", "b", "c", "tiny"], size=2000, p=[0.5, 0.3, 0.19, 0.01])
    truth = rng.normal(size=2000)
    guess = truth + rng.normal(size=2000) * np.where(groups == "b", 2.0, 1.0) + 0.3 * (groups == "c")
    limits = {name: Limit(at_most=0.05) for name in gaps.METRICS}
    policy = Gate(task="regression", fairness=Fairness(columns=("group",), limits=limits))
    judgement = judge(policy, HeldOut(truth, {"group": groups}), Scored(guess, None, (), 1), None)
    large = groups != "tiny"
    functions = {
        "mean_absolute_error_difference": mean_absolute_error,
        "mean_error_difference": lambda truth, guess: float(np.mean(guess - truth)),
        "mean_prediction_difference": reference.mean_prediction,
    }
    assert set(functions) == set(gaps.METRICS)
    for name, function in functions.items():
        frame = reference.MetricFrame(
            metrics=function, y_true=truth[large], y_pred=guess[large], sensitive_features=groups[large]
        )
        check = next(check for check in judgement.checks if check.name == f"{name} by group")
        assert check.value == pytest.approx(frame.difference(method="between_groups"))
        assert check.interval is not None and check.interval[0] <= check.value <= check.interval[1]
        assert f"where {frame.by_group.idxmax()}," in check.detail and check.detail.endswith(frame.by_group.idxmin())
        for group in judgement.groups:
            assert group.values[gaps.METRICS[name].quantity].value == pytest.approx(frame.by_group[group.name])
    assert "fail" in {check.outcome for check in judgement.checks}, "errors that are twice as large"


def test_a_group_with_a_long_tail_is_named_and_not_judged() -> None:
    groups = np.repeat(["a", "b"], 300)
    guess = np.random.default_rng(1).normal(size=600)
    guess[599] = 1e4
    policy = Gate(
        task="regression", fairness=Fairness(columns=("group",), limits={"mean_error_difference": Limit(at_most=9)})
    )
    check = judge(policy, HeldOut(np.zeros(600), {"group": groups}), Scored(guess, None, (), 1), None).checks[0]
    assert check.outcome == "inconclusive" and check.detail.startswith("where b, a few rows carry most")
