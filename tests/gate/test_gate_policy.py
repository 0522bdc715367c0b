"""A policy that is mistaken, or that judges nothing, is an error that names the key and the fix."""

from __future__ import annotations

import math
from typing import Any

import pytest

from modelway.config.keys import Comparison, Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import validate_policy
from modelway.gate.kinds.fairness import Fairness
from modelway.gate.kinds.slices import Slices

FINE = {"accuracy_score": Limit(at_least=0.5)}


def refused(first_version: bool = False, **keys: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        validate_policy(Gate(**keys), first_version=first_version)
    assert caught.value.fix and caught.value.where.startswith("gate.") and "\n" not in caught.value.line()
    return caught.value


def test_a_sound_policy_is_accepted() -> None:
    validate_policy(
        Gate(
            limits=FINE | {"latency-ms-per-row": Limit(at_most=5), "log_loss": Limit(at_most=2.5)},
            against_production={"roc_auc_score": Comparison(better_by=0), "log_loss": Comparison(not_worse_by=3)},
            slices=Slices(columns=("a",), limits=FINE),
            fairness=Fairness(columns=("a",), limits={"demographic_parity_ratio": Limit(at_least=0.8)}),
        )
    )


def test_an_unknown_metric_names_its_key_and_the_nearest_name() -> None:
    error = refused(limits={"roc_auc": Limit(at_least=0.9)})
    assert error.where == "gate.limits.roc_auc" and "did you mean roc_auc_score" in error.fix
    assert refused(against_production={"f1": Comparison(better_by=0)}).where == "gate.against-production.f1"
    assert (
        refused(slices=Slices(columns=("a",), limits={"acuracy": FINE["accuracy_score"]})).where
        == "gate.slices.limits.acuracy"
    )
    fair = Fairness(columns=("a",), limits={"demographic_parity": Limit(at_most=0.1)})
    assert "demographic_parity" in refused(fairness=fair).fix
    assert len(refused(limits={"x" * 100_000: Limit(at_least=0.9)}).line()) < 1000


def test_a_metric_of_another_task() -> None:
    error = refused(task="regression", limits={"roc_auc_score": Limit(at_least=0.9)})
    assert "does not fit the task regression" in error.what and "binary" in error.fix
    fair = Fairness(columns=("a",), limits={"demographic_parity_ratio": Limit(at_least=0.8)})
    assert "binary" in refused(task="multiclass", limits=FINE, fairness=fair).what


def test_costs_have_no_slices() -> None:
    assert "gate.limits" in refused(slices=Slices(columns=("a",), limits={"artifact-size-mb": Limit(at_most=1)})).fix


def test_no_checks_at_all() -> None:
    assert "no checks" in refused().what


def test_a_first_version_needs_an_absolute_limit() -> None:
    compared = {"accuracy_score": Comparison(not_worse_by=0.1)}
    validate_policy(Gate(against_production=compared))
    assert "at-least" in refused(first_version=True, against_production=compared).fix
    validate_policy(Gate(against_production=compared, limits=FINE), first_version=True)


@pytest.mark.parametrize("limit", [Limit(), Limit(at_least=0.1, at_most=0.9)])
def test_a_limit_has_exactly_one_bound(limit: Limit) -> None:
    assert refused(limits={"accuracy_score": limit}).where == "gate.limits.accuracy_score"


@pytest.mark.parametrize("comparison", [Comparison(), Comparison(better_by=0.1, not_worse_by=0.1)])
def test_a_comparison_asks_exactly_one_question(comparison: Comparison) -> None:
    assert "exactly one" in refused(against_production={"accuracy_score": comparison}).fix


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("accuracy_score", Limit(at_most=0.9)),
        ("log_loss", Limit(at_least=0.3)),
        ("latency-ms-per-row", Limit(at_least=3)),
    ],
)
def test_a_limit_in_the_wrong_direction_would_let_bad_models_in(name: str, limit: Limit) -> None:
    assert "better here" in refused(limits={name: limit}).what


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("accuracy_score", Limit(at_least=0)),  # every model keeps it
        ("accuracy_score", Limit(at_least=85)),  # per cent
        ("accuracy_score", Limit(at_least=math.nan)),
        ("log_loss", Limit(at_most=math.inf)),
        ("log_loss", Limit(at_most=-1)),
        ("brier_score_loss", Limit(at_most=1)),
    ],
)
def test_a_limit_that_cannot_be_broken_or_kept(name: str, limit: Limit) -> None:
    refused(limits={name: limit})


@pytest.mark.parametrize("margin", [1.0, 5.0, math.inf])
def test_a_margin_as_wide_as_the_scale_would_pass_everything(margin: float) -> None:
    refused(against_production={"accuracy_score": Comparison(not_worse_by=margin)})


def test_columns_and_limits_need_each_other() -> None:
    assert refused(limits=FINE, slices=Slices(columns=("a",))).where == "gate.slices.limits"
    assert (
        refused(limits=FINE, fairness=Fairness(limits={"demographic_parity_ratio": Limit(at_least=0.8)})).where
        == "gate.fairness.columns"
    )
    assert refused(slices=Slices(columns=("a", "a"), limits=FINE)).where == "gate.slices.columns"


def test_a_threshold_that_is_no_number() -> None:
    assert refused(limits=FINE, decision_threshold=math.nan).where == "gate.decision-threshold"
