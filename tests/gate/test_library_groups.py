"""Groups compared by any metric: the values are those of fairlearn's MetricFrame."""

from __future__ import annotations

from typing import Any

import fairlearn.metrics
import numpy as np
import pytest
import sklearn.metrics
from fairlearn.metrics import MetricFrame

from library_cases import COLUMNS, GROUP, OTHER, TABLE, WEIGHT, N, case, judged, refused
from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, judge
from modelway.gate.disparities import of_task
from modelway.gate.kinds.fairness import Fairness

FRAMES = {
    "fbeta_score": (lambda truth, label: sklearn.metrics.fbeta_score(truth, label, beta=2), {"beta": 2}),
    "selection_rate": (fairlearn.metrics.selection_rate, {}),
    "true_negative_rate": (fairlearn.metrics.true_negative_rate, {}),
}


@pytest.mark.usefixtures("_few_repetitions")
@pytest.mark.parametrize("name", FRAMES)
def test_groups_are_compared_as_metric_frame_does(name: str) -> None:
    held_out, scored, given = case("binary")
    function, arguments = FRAMES[name]
    keys = {"arguments": arguments} if arguments else {}
    better = TABLE[name]["better"]
    limits = {f"{name}_difference": Limit(at_most=1, **keys), f"{name}_ratio": Limit(at_least=0.01, **keys)}
    limits |= {f"{name}_group_min": Limit(at_least=0.01, **keys), f"{name}_group_max": Limit(at_most=1, **keys)}
    asked = Fairness(columns=("group", ("group", "other")), minimum_rows=20, limits=limits)
    judgement = judge(Gate(fairness=asked), held_out, scored, None)
    checks = {check.name: check for check in judgement.checks}
    for column, features in (("group", GROUP), ("group and other", np.stack([GROUP, OTHER], axis=1))):
        frame = MetricFrame(metrics=function, y_true=given["truth"], y_pred=given["label"], sensitive_features=features)
        expected = {
            "difference": frame.difference(),
            "ratio": frame.ratio(),
            "group_min": frame.group_min(),
            "group_max": frame.group_max(),
        }
        for ending, value in expected.items():
            check = checks[f"{name}_{ending} by {column}"]
            assert check.value == pytest.approx(float(value)), (better, ending)
            assert check.interval is not None and check.interval[0] <= check.value <= check.interval[1]
        of_groups = {group.name: group.values[name].value for group in judgement.groups if group.column == column}
        by_group = {", ".join(key) if isinstance(key, tuple) else key: one for key, one in frame.by_group.items()}
        assert of_groups == pytest.approx(by_group)


def test_control_features_compare_within_their_values_only() -> None:
    held_out, scored, given = case("binary")
    limits = {"demographic_parity_difference": Limit(at_most=0.9), "equalized_odds_ratio": Limit(at_least=0.01)}
    asked = Fairness(columns=("group",), control=("other",), minimum_rows=40, limits=limits)
    checks = judged(Gate(fairness=asked), held_out, scored)
    frame = MetricFrame(
        metrics=fairlearn.metrics.selection_rate,
        y_true=given["truth"],
        y_pred=given["label"],
        sensitive_features=GROUP,
        control_features=OTHER,
    )
    for value in ("x", "y"):
        found = checks[f"demographic_parity_difference by group where other = {value}"]
        assert found.value == pytest.approx(float(frame.difference()[value]))
        assert found.n == int((value == OTHER).sum())
        expected = fairlearn.metrics.equalized_odds_ratio(
            given["truth"][value == OTHER], given["label"][value == OTHER], sensitive_features=GROUP[value == OTHER]
        )
        assert checks[f"equalized_odds_ratio by group where other = {value}"].value == pytest.approx(expected)
    rare = HeldOut(held_out.labels, COLUMNS | {"other": np.where(np.arange(N) < 30, "rare", "x")})
    checks = judged(Gate(fairness=asked), rare, scored)
    assert checks["values of other"].outcome == "skipped" and checks["values of other"].n == 30
    assert not any("rare" in name for name in checks)


@pytest.mark.usefixtures("_few_repetitions")
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_our_own_comparisons_with_weights_are_fairlearns(task: str) -> None:
    held_out, scored, given = case(task)
    names = [name for name in of_task(task) if name != "mean_error_difference"]
    limits = {name: Limit(at_least=0.001) if name.endswith("ratio") else Limit(at_most=0.9) for name in names}
    asked = Fairness(columns=("group",), minimum_rows=50, limits=limits)
    checks = judged(Gate(task=task, fairness=asked, sample_weight="w"), held_out, scored)
    functions = {
        "mean_absolute_error_difference": sklearn.metrics.mean_absolute_error,
        "mean_prediction_difference": fairlearn.metrics.mean_prediction,
    }
    for name in names:
        if task == "binary":
            function = getattr(fairlearn.metrics, name)
            expected = function(given["truth"], given["label"], sensitive_features=GROUP, sample_weight=WEIGHT)
        else:
            expected = MetricFrame(
                metrics=functions[name],
                y_true=given["truth"],
                y_pred=given["label"],
                sensitive_features=GROUP,
                sample_params={"sample_weight": WEIGHT},
            ).difference()
        assert checks[f"{name} by group"].value == pytest.approx(float(expected)), name
    unweighted = Fairness(columns=("group",), limits={"mean_error_difference": Limit(at_most=1)})
    assert "no sample weights" in refused(task="regression", sample_weight="w", fairness=unweighted).what


@pytest.mark.usefixtures("_few_repetitions")
def test_one_class_of_several_is_compared_between_groups() -> None:
    held_out, scored, given = case("multiclass")
    asked = Fairness(columns=("group",), limits={"selection_rate_difference of 2": Limit(at_most=1)}, minimum_rows=50)
    check = judged(Gate(task="multiclass", fairness=asked), held_out, scored)["selection_rate_difference of 2 by group"]
    expected = fairlearn.metrics.demographic_parity_difference(
        given["truth"] == 2, given["label"] == 2, sensitive_features=GROUP
    )
    assert check.value == pytest.approx(expected)


def test_a_comparison_of_groups_that_does_not_exist() -> None:
    def fair(name: str, **keys: Any) -> InvalidInput:
        return refused(fairness=Fairness(columns=("group",), limits={name: Limit(at_most=0.1, **keys)}))

    assert "accuracy_score_difference" in fair("accuracy_score").fix
    assert "did you mean" in fair("selection_rate_diference").fix
    assert "takes no argument 'method'" in fair("selection_rate_difference", arguments={"method": "to_overall"}).what
    assert fair("accuracy_score_group_min").what.startswith("greater is better here")
    assert (
        "twice"
        in refused(fairness=Fairness(columns=("a", ("a",)), limits={"selection_rate_ratio": Limit(at_least=0.1)})).what
    )
