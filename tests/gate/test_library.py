"""Any metric of scikit-learn and fairlearn by its name: the libraries' own values, with an interval or a reason."""

from __future__ import annotations

import json
from typing import Any

import fairlearn.metrics
import numpy as np
import pytest
import sklearn.metrics

import library_metrics
from library_cases import FORMS, GROUP, TABLE, WEIGHT, N, any_limit, case, judged, refused
from modelway.config.keys import Comparison, Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import HeldOut, Scored, bootstrap, judge, library, needs_of, validate_policy
from modelway.gate.kinds.fairness import Fairness
from modelway.gate.kinds.slices import Slices
from modelway.gate.metrics import TASKS
from modelway.records.verdict import Check


def test_the_table_is_what_the_locked_libraries_say() -> None:
    """`scripts/run --in test python release/library_metrics.py` writes it."""
    assert library.table() == json.loads(json.dumps(library_metrics.table()))


OWN = {(task, name) for task, metrics in TASKS.items() for name in metrics}
EVERY = [(task, name) for name, entry in TABLE.items() for task in entry["tasks"] if (task, name) not in OWN] + [
    ("multiclass", name) for name in library.table()["named"]
]


@pytest.mark.usefixtures("_few_repetitions")
@pytest.mark.parametrize(("task", "name"), EVERY)
def test_each_value_is_the_librarys_with_an_interval_around_it(task: str, name: str) -> None:
    held_out, scored, given = case(task)
    named = library.table()["named"].get(name, {"metric": name, "with": {}})
    entry, arguments = TABLE[named["metric"]], dict(named["with"])
    asked = {"k": 1} if name == "top_k_accuracy_score" else dict.fromkeys(entry["required"], 2)
    limit = any_limit(name, **({"arguments": asked} if asked else {}))
    check = judged(Gate(task=task, limits={name: limit}), held_out, scored)[name]
    function = getattr(sklearn.metrics if entry["module"].startswith("sk") else fairlearn.metrics, named["metric"])
    form = given.get(FORMS[entry["of"]], given["label"])
    expected = function(given["truth"], form, **arguments, **asked)
    assert check.value == pytest.approx(float(expected), rel=1e-8), name
    assert (
        check.outcome == "pass" and check.interval is not None and check.interval[0] < check.value < check.interval[1]
    )
    assert named["metric"] in check.method and "bootstrap" in check.method


@pytest.mark.usefixtures("_few_repetitions")
@pytest.mark.parametrize("task", TASKS)
def test_our_own_metrics_with_weights_are_the_librarys(task: str) -> None:
    """A closed form does not hold for weighted rows, so the engine takes over and says it."""
    held_out, scored, given = case(task)
    names = [name for name in TASKS[task] if name != "median_absolute_error" or TABLE[name]["weights"]]
    limits = {
        name: Limit(at_least=0.01) if TASKS[task][name].greater_is_better else Limit(at_most=0.999) for name in names
    }
    plain = judged(Gate(task=task, limits=limits), held_out, scored)
    checks = judged(Gate(task=task, limits=limits, sample_weight="w"), held_out, scored)
    for name in names:
        metric = library.weighted(Gate(task=task), name, TASKS[task][name], "gate.limits.x")
        module = sklearn.metrics if metric.module.startswith("sk") else fairlearn.metrics
        form = given["label"] if metric.need == "label" else given["score"]
        function = getattr(module, metric.name)
        expected = function(given["truth"], form, sample_weight=WEIGHT, **metric.arguments)
        assert checks[name].value == pytest.approx(float(expected), rel=1e-8), name
        assert checks[name].interval is not None and checks[name].method.endswith("weighted rows")
        assert function(given["truth"], form, **metric.arguments) == pytest.approx(plain[name].value, rel=1e-7), name
        assert "bootstrap" not in plain[name].method, "the closed form covers better"


def test_every_own_metric_has_a_form_for_weighted_rows() -> None:
    for task, metrics in TASKS.items():
        for name, metric in metrics.items():
            assert library.weighted(Gate(task=task), name, metric, "gate.limits.x")
    assert refused(task="regression", sample_weight="w", limits={"max_error": Limit(at_most=1)}).what.endswith(
        "weights"
    )


@pytest.mark.usefixtures("_few_repetitions")
def test_arguments_reach_the_function_and_classes_are_named_as_the_data_names_them() -> None:
    held_out, scored, given = case("multiclass")
    names = np.array(["cat", "dog", "emu"])
    labels = HeldOut(names[given["truth"]], {})
    said = Scored(scored.predictions, tuple(names), (), 1)
    checks = judged(
        Gate(
            task="multiclass",
            limits={
                "fbeta_score": any_limit(
                    "fbeta_score", arguments={"beta": 0.5, "average": "macro", "labels": ["cat", "emu"]}
                ),
                "jaccard_score of dog": any_limit("jaccard_score"),
                "top_k_accuracy_score": any_limit("top_k_accuracy_score", arguments={"k": 2}),
            },
        ),
        labels,
        said,
    )
    truth, label = given["truth"], given["label"]
    expected = sklearn.metrics.fbeta_score(truth, label, beta=0.5, average="macro", labels=[0, 2])
    assert checks["fbeta_score"].value == pytest.approx(expected)
    assert checks["jaccard_score of dog"].value == pytest.approx(sklearn.metrics.jaccard_score(truth == 1, label == 1))
    expected = sklearn.metrics.top_k_accuracy_score(truth, given["score"], k=2)
    assert checks["top_k_accuracy_score"].value == pytest.approx(expected)
    misspelt = {"fbeta_score": any_limit("x", arguments={"beta": 1, "average": "macro", "labels": ["cow"]})}
    with pytest.raises(InvalidInput, match="no row has the class 'cow'"):
        judge(Gate(task="multiclass", limits=misspelt), labels, said, None)
    del held_out


@pytest.mark.usefixtures("_few_repetitions")
def test_two_models_are_compared_on_the_same_rows_drawn_again() -> None:
    held_out, one, given = case("binary")
    rng = np.random.default_rng(3)
    noisy = np.clip(given["score"] + rng.normal(0, 0.3, N), 0, 1)
    other = Scored(np.stack([1 - noisy, noisy], axis=1), (0, 1), (), 1)
    asked = {"cohen_kappa_score": Comparison(better_by=0), "hamming_loss": Comparison(better_by=0)}
    checks = judged(Gate(against_production=asked), held_out, one, other)
    for name in asked:
        function = getattr(sklearn.metrics, name)
        ours, theirs = (function(given["truth"], label) for label in (given["label"], (noisy >= 0.5).astype(int)))
        check = checks[f"{name} against production"]
        assert check.value == pytest.approx(ours - theirs) and check.method.endswith("paired")
        assert (check.candidate, check.production) == (pytest.approx(ours), pytest.approx(theirs))
    swapped = judged(Gate(against_production=asked), held_out, other, one)
    assert {check.outcome for check in checks.values()} == {"pass"}
    assert {check.outcome for check in swapped.values()} == {"fail"}, "each in the direction of its own"
    same = judged(Gate(against_production=asked), held_out, one, one)
    assert {check.outcome for check in same.values()} == {"inconclusive"}, "an interval of [0, 0] is no evidence"


def test_a_metric_of_unknown_direction_says_what_to_write() -> None:
    error = refused(against_production={"selection_rate": Comparison(not_worse_by=0.1)})
    assert "nothing says" in error.what and "better: greater" in error.fix
    validate_policy(Gate(against_production={"selection_rate": Comparison(not_worse_by=0.1, better="smaller")}))
    validate_policy(Gate(limits={"selection_rate": Limit(at_most=0.1)}))
    validate_policy(Gate(limits={"selection_rate": Limit(at_least=0.1)}))
    wrong = {"cohen_kappa_score": Comparison(not_worse_by=0.1, better="smaller")}
    assert "greater is better here" in refused(against_production=wrong).what
    assert "has to be at-most" in refused(limits={"hamming_loss": Limit(at_least=0.1)}).what


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [
        ("cohen_kapa_score", Limit(at_least=0.1), "did you mean cohen_kappa_score"),
        ("confusion_matrix", Limit(at_least=0.1), "no single number"),
        ("mean_gamma_deviance", Limit(at_most=1), "does not fit the task binary"),
        ("fbeta_score", Limit(at_least=0.1), "needs the argument beta"),
        ("fbeta_score", Limit(at_least=0.1, arguments={"bta": 2}), "did you mean 'beta'"),
        ("specificity", Limit(at_least=0.1, arguments={"x": 2}), "takes no arguments"),
        ("artifact-size-mb", Limit(at_most=1, arguments={"x": 2}), "takes no arguments"),
        ("selection_rate_difference", Limit(at_most=1), "move it to gate.fairness.limits"),
    ],
)
def test_what_is_asked_wrongly_is_told_without_the_libraries(name: str, limit: Limit, words: str) -> None:
    assert words in refused(limits={name: limit}).line()


def test_precision_of_more_classes_is_told_how() -> None:
    error = refused(task="multiclass", limits={"precision_score": Limit(at_least=0.5)})
    assert "precision_score of CLASS" in error.fix and "with: {average: macro}" in error.fix
    validate_policy(
        Gate(task="multiclass", limits={"precision_score": Limit(at_least=0.5, arguments={"average": "weighted"})})
    )


@pytest.mark.parametrize(
    ("arguments", "words"), [({"beta": "x"}, "beta"), ({"beta": 1, "average": None}, "numbers with these arguments")]
)
def test_arguments_that_the_function_refuses_are_the_policys_mistake(arguments: dict[str, Any], words: str) -> None:
    held_out, scored, _ = case("binary")
    with pytest.raises(InvalidInput, match=words) as caught:
        judge(Gate(limits={"fbeta_score": Limit(at_least=0.1, arguments=arguments)}), held_out, scored, None)
    assert caught.value.where == "gate.limits.fbeta_score.with"


def test_too_few_rows_one_class_and_made_up_values_are_inconclusive() -> None:
    limits = {"cohen_kappa_score": Limit(at_least=-1), "fbeta_score": Limit(at_least=-1, arguments={"beta": 2})}
    truth = np.arange(400) % 2

    def outcomes(labels: np.ndarray, said: np.ndarray) -> dict[str, Check]:
        return judged(Gate(limits=limits), HeldOut(labels, {}), Scored(said, None, (), 1))

    for labels, said in (
        (truth[:100], 1 - truth[:100]),
        (truth * 0, truth),
        (truth, truth),
        (truth, truth * 0),
        (truth[:0], truth[:0]),
        ((np.arange(400) < 5).astype(int), truth),
    ):
        for check in outcomes(labels, said).values():
            assert check.outcome == "inconclusive" and check.interval is None and check.detail


@pytest.mark.parametrize("weights", [[np.nan] * N, [-1.0] + [1.0] * (N - 1), [0.0] * N, ["x"] * N, [None] * N])
def test_weights_that_are_none_are_told(weights: list[Any]) -> None:
    held_out, scored, _ = case("binary")
    policy = Gate(limits={"accuracy_score": Limit(at_least=0.1)}, sample_weight="w")
    with pytest.raises(InvalidInput) as caught:
        judge(policy, HeldOut(held_out.labels, {"w": np.array(weights, dtype=object)}), scored, None)
    assert caught.value.where == "gate.sample-weight"
    with pytest.raises(InvalidInput, match="no column 'w'"):
        judge(policy, HeldOut(held_out.labels, {}), scored, None)


def test_weights_that_rest_on_few_rows_are_inconclusive() -> None:
    held_out, scored, _ = case("binary")
    weight = np.where(np.arange(N) < 20, 1e6, 1.0)
    policy = Gate(limits={"accuracy_score": Limit(at_least=0.1)}, sample_weight="w")
    check = judged(policy, HeldOut(held_out.labels, {"w": weight}), scored)["accuracy_score"]
    assert check.outcome == "inconclusive" and "as much as 20 of equal weight" in check.detail


@pytest.mark.usefixtures("_few_repetitions")
def test_rows_that_are_alike_are_counted_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelway.gate import resampled

    held_out, scored, _ = case("binary")
    policy = Gate(limits={"cohen_kappa_score": Limit(at_least=-1)})
    monkeypatch.setattr(bootstrap, "REPETITIONS", 1000)
    counted = judged(policy, held_out, scored)["cohen_kappa_score"]
    monkeypatch.setattr(resampled, "FEW_KINDS", N)
    row_by_row = judged(policy, held_out, scored)["cohen_kappa_score"]
    assert counted.value == row_by_row.value
    assert counted.interval == pytest.approx(row_by_row.interval, abs=0.01)


@pytest.mark.usefixtures("_few_repetitions")
def test_slices_take_them_too() -> None:
    held_out, scored, given = case("binary")
    asked = Slices(columns=("group",), minimum_rows=150, limits={"cohen_kappa_score": Limit(at_least=-1)})
    checks = judged(Gate(slices=asked), held_out, scored)
    for value in ("a", "b"):
        here = value == GROUP
        if here.sum() >= 150:
            expected = sklearn.metrics.cohen_kappa_score(given["truth"][here], given["label"][here])
            assert checks[f"cohen_kappa_score where group = {value}"].value == pytest.approx(expected)


def test_only_a_policy_that_names_them_needs_the_libraries() -> None:
    assert not needs_of(Gate(limits={"accuracy_score": Limit(at_least=0.1)})).libraries
    fair = Fairness(columns=("a",), limits={"demographic_parity_difference": Limit(at_most=0.1)})
    assert not needs_of(Gate(fairness=fair)).libraries
    assert needs_of(Gate(limits={"accuracy_score": Limit(at_least=0.1)}, sample_weight="w")).libraries
    assert needs_of(Gate(limits={"cohen_kappa_score": Limit(at_least=0.1)})).libraries


def test_the_same_rows_give_the_same_interval() -> None:
    held_out, scored, _ = case("binary")
    policy = Gate(limits={"cohen_kappa_score": Limit(at_least=-1)})
    assert judged(policy, held_out, scored) == judged(policy, held_out, scored)


def test_the_quick_metrics_of_the_simulation_are_scikit_learns() -> None:
    import interval_resampled as quick

    rng = np.random.default_rng(2)
    truth, label = rng.integers(0, 3, N), rng.integers(0, 3, N)
    numbers = {"truth": 1 + rng.random(N), "guess": 1 + rng.random(N)}
    for weight in (None, WEIGHT):
        kappa = sklearn.metrics.cohen_kappa_score(truth, label, sample_weight=weight)
        assert quick.cohen_kappa_score(truth, label, sample_weight=weight) == pytest.approx(kappa)
        expected = sklearn.metrics.fbeta_score(truth > 0, label > 0, beta=2, sample_weight=weight)
        found = quick.fbeta_score((truth > 0).astype(int), (label > 0).astype(int), beta=2, sample_weight=weight)
        assert found == pytest.approx(expected)
        expected = sklearn.metrics.accuracy_score(truth, label, sample_weight=weight)
        assert quick.accuracy_score(truth, label, sample_weight=weight) == pytest.approx(expected)
        expected = sklearn.metrics.mean_absolute_percentage_error(*numbers.values(), sample_weight=weight)
        found = quick.mean_absolute_percentage_error(*numbers.values(), sample_weight=weight)
        assert found == pytest.approx(expected)
