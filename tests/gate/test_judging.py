"""The three outcomes: where an interval lies decides, in the right direction, and nothing unsure becomes a pass."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from modelway.config.keys import Comparison, Limit
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate import decide, judge
from modelway.gate.estimate import Estimate, estimate
from modelway.gate.kinds.fairness import Fairness
from modelway.gate.kinds.slices import Slices
from modelway.gate.limits import absolute, against_production


def found(low: float, high: float) -> Estimate:
    return estimate(100, (low + high) / 2, (low, high), "")


@pytest.mark.parametrize(
    ("interval", "at_least", "at_most"),
    [
        ((0.6, 0.7), "pass", "fail"),
        ((0.5, 0.7), "pass", "inconclusive"),
        ((0.4, 0.6), "inconclusive", "inconclusive"),
        ((0.3, 0.5), "inconclusive", "pass"),
        ((0.3, 0.4), "fail", "pass"),
    ],
)
def test_an_absolute_limit_of_a_half(interval: tuple[float, float], at_least: str, at_most: str) -> None:
    assert absolute("m", Limit(at_least=0.5), found(*interval)).outcome == at_least
    assert absolute("m", Limit(at_most=0.5), found(*interval)).outcome == at_most


@pytest.mark.parametrize(
    ("interval", "not_worse", "better"),
    [
        ((0.02, 0.04), "pass", "pass"),
        ((0.01, 0.04), "pass", "inconclusive"),  # superiority asks for more than the limit
        ((-0.005, 0.005), "pass", "fail"),
        ((-0.01, 0.01), "inconclusive", "fail"),  # worse by exactly the margin is possible
        ((-0.02, 0.02), "inconclusive", "inconclusive"),
        ((-0.03, -0.01), "fail", "fail"),
        ((-0.03, -0.02), "fail", "fail"),
    ],
)
def test_a_comparison_with_a_margin_of_a_hundredth(interval: tuple[float, float], not_worse: str, better: str) -> None:
    low, high = interval
    for greater, turned in ((True, found(low, high)), (False, found(-high, -low))):
        margin = against_production("m", Comparison(not_worse_by=0.01), greater, turned)
        superior = against_production("m", Comparison(better_by=0.01), greater, turned)
        assert (margin.outcome, superior.outcome) == (not_worse, better), greater
        assert margin.limit == (-0.01 if greater else 0.01)
        assert superior.limit == (0.01 if greater else -0.01)


def test_an_interval_without_width_is_never_judged() -> None:
    check = against_production("m", Comparison(not_worse_by=0.01), True, estimate(50, 0.0, (0.0, 0.0), "bootstrap"))
    assert check.outcome == "inconclusive" and check.interval is None and "no width" in check.detail


@pytest.mark.parametrize("numbers", [(np.nan, 0.1, 0.2), (0.1, np.nan, 0.2), (0.1, 0.0, np.inf), (0.1, 0.2, 0.1)])
def test_an_interval_that_is_none_is_never_judged(numbers: tuple[float, float, float]) -> None:
    value, low, high = numbers
    assert absolute("m", Limit(at_least=0.0), estimate(50, value, (low, high), "")).outcome == "inconclusive"


def two_models(n: int, worse: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """truth, and scores of the candidate (with that much more noise) and of production."""
    rng = np.random.default_rng(11)
    truth = rng.random(n) < 0.4
    shared = rng.normal(size=n)
    candidate, production = (
        1 / (1 + np.exp(-(3 * truth - 1.5 + shared + noise * rng.normal(size=n)))) for noise in (0.3 + worse, 0.3)
    )
    return truth, candidate, production


def columns(score: np.ndarray) -> np.ndarray:
    return np.stack([1 - score, score], axis=1)


COMPARISONS = {
    "roc_auc_score": Comparison(not_worse_by=0.02),
    "accuracy_score": Comparison(not_worse_by=0.02),
    "log_loss": Comparison(not_worse_by=0.05),
    "brier_score_loss": Comparison(not_worse_by=0.02),
    "f1_score": Comparison(not_worse_by=0.05),
    "average_precision_score": Comparison(not_worse_by=0.05),
}


def test_an_equal_model_is_not_worse_and_not_better(policy, scored, held_out) -> None:
    truth, candidate, production = two_models(6000)
    sides = scored(columns(candidate)), scored(columns(production))
    judgement = judge(policy(against_production=COMPARISONS), held_out(truth), *sides)
    assert {check.outcome for check in judgement.checks} == {"pass"} and judgement.outcome == "pass"
    better = {name: Comparison(better_by=0.02) for name in COMPARISONS}
    judgement = judge(policy(against_production=better), held_out(truth), *sides)
    assert {check.outcome for check in judgement.checks[1:]} == {"fail"} and judgement.outcome == "fail"


def test_a_worse_model_fails_every_comparison_and_its_opposite_passes(policy, scored, held_out) -> None:
    """Losses and scores point in opposite directions; both have to see which model is worse."""
    truth, candidate, production = two_models(6000, worse=3.0)
    gate = policy(against_production=COMPARISONS)
    worse, better = scored(columns(candidate)), scored(columns(production))
    assert {check.outcome for check in judge(gate, held_out(truth), worse, better).checks[1:]} == {"fail"}
    assert {check.outcome for check in judge(gate, held_out(truth), better, worse).checks[1:]} == {"pass"}


def test_few_rows_are_inconclusive(policy, scored, held_out) -> None:
    truth, candidate, production = two_models(60)
    gate = policy(against_production=COMPARISONS)
    judgement = judge(gate, held_out(truth), scored(columns(candidate)), scored(columns(production)))
    assert judgement.outcome == "inconclusive"
    assert all(check.detail for check in judgement.checks if check.outcome == "inconclusive")


def test_the_same_model_again_is_inconclusive_in_auc_and_not_worse_in_accuracy(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(6000)
    side = scored(columns(candidate))
    checks = judge(policy(against_production=COMPARISONS), held_out(truth), side, side).checks
    outcomes = {check.name: check.outcome for check in checks}
    assert outcomes["accuracy_score against production"] == "pass"
    assert outcomes["roc_auc_score against production"] == "inconclusive"


def test_a_first_version_skips_comparisons_and_says_so(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(2000)
    gate = policy(against_production=COMPARISONS | {"artifact-size-mb": Comparison(not_worse_by=1)})
    judgement = judge(gate, held_out(truth), scored(columns(candidate)), None)
    assert [check.outcome for check in judgement.checks] == ["pass"] + ["skipped"] * 7
    assert judgement.outcome == "pass" and "skipped" in judgement.warnings[0]


def test_nothing_but_skipped_checks_is_no_pass(scored, held_out) -> None:
    truth, candidate, _ = two_models(100)
    gate = Gate(slices=Slices(columns=("c",), limits={"accuracy_score": Limit(at_least=0.1)}))
    judgement = judge(gate, held_out(truth, c=["x"] * 100), scored(columns(candidate)), None)
    assert [check.outcome for check in judgement.checks] == ["skipped"]
    assert judgement.outcome == "inconclusive"


@pytest.mark.parametrize(("policys", "decided"), [("stop", "inconclusive"), ("fail", "fail"), ("pass", "pass")])
def test_the_policy_decides_what_is_inconclusive_and_nothing_else(policy, policys: str, decided: str) -> None:
    gate = policy(inconclusive=policys)
    assert decide(gate, "inconclusive") == decided
    assert decide(gate, "fail") == "fail"
    assert decide(gate, "pass") == "pass"


def test_a_fail_outweighs_what_is_inconclusive(scored, held_out) -> None:
    truth, candidate, _ = two_models(60)
    gate = Gate(limits={"accuracy_score": Limit(at_least=0.999), "matthews_corrcoef": Limit(at_least=0.1)})
    judgement = judge(gate, held_out(truth), scored(columns(candidate)), None)
    assert [check.outcome for check in judgement.checks] == ["fail", "inconclusive"]
    assert judgement.outcome == "fail"


def test_costs(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(1000)
    cheap, dear = (
        scored(columns(candidate)),
        scored(columns(candidate), seconds=[2, 2.1, 2.2, 2.3, 2, 2.1], size=9_000_000),
    )
    gate = policy(
        limits={"latency-ms-per-row": Limit(at_most=1), "artifact-size-mb": Limit(at_most=5)},
        against_production={
            "latency-ms-per-row": Comparison(not_worse_by=0.5),
            "artifact-size-mb": Comparison(not_worse_by=7),
        },
    )
    assert [check.outcome for check in judge(gate, held_out(truth), cheap, dear).checks] == ["pass"] * 4
    checks = {check.name: check for check in judge(gate, held_out(truth), dear, cheap).checks}
    assert {check.outcome for check in checks.values()} == {"fail"}
    assert checks["latency-ms-per-row"].value == pytest.approx(2.1)
    assert checks["latency-ms-per-row"].interval == (2.0, 2.3) and checks["latency-ms-per-row"].n == 6
    assert checks["artifact-size-mb against production"].value == 7.0
    assert checks["artifact-size-mb"].interval is None and checks["artifact-size-mb"].n == 1


@pytest.mark.parametrize(
    "seconds", [[], [0.1] * 5, [0.1] * 9, [0.1, 0.2, np.nan, 0.1, 0.3, 0.4], [-1.0] * 3 + [1.0] * 5]
)
def test_timings_that_say_nothing_are_inconclusive(policy, scored, held_out, seconds: list[float]) -> None:
    truth, candidate, _ = two_models(100)
    gate = policy(limits={"latency-ms-per-row": Limit(at_most=1e9)})
    check = judge(gate, held_out(truth), scored(columns(candidate), seconds=seconds), None).checks[0]
    assert check.outcome == "inconclusive" and check.interval is None


def whole(policy) -> Gate:
    return policy(
        limits={"accuracy_score": Limit(at_least=0.5), "average_precision_score": Limit(at_least=0.5)},
        against_production=COMPARISONS,
        slices=Slices(columns=("c",), minimum_rows=100, limits={"roc_auc_score": Limit(at_least=0.5)}),
        fairness=Fairness(columns=("c",), minimum_rows=100, limits={"equalized_odds_ratio": Limit(at_least=0.5)}),
    )


def test_the_same_input_gives_the_same_bytes(policy, scored, held_out) -> None:
    truth, candidate, production = two_models(2500)
    c = np.random.default_rng(1).choice(["x", "y", "z"], size=2500)
    made = [
        msgspec.json.encode(
            judge(whole(policy), held_out(truth, c=c), scored(columns(candidate)), scored(columns(production))).checks
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_the_order_of_the_rows_does_not_matter_where_there_is_a_formula(policy, scored, held_out) -> None:
    truth, candidate, production = two_models(2500)
    c = np.random.default_rng(1).choice(["x", "y", "z"], size=2500)
    shuffled = np.random.default_rng(2).permutation(2500)
    one, other = (
        judge(
            whole(policy),
            held_out(truth[order], c=c[order]),
            scored(columns(candidate[order])),
            scored(columns(production[order])),
        ).checks
        for order in (np.arange(2500), shuffled)
    )
    for first, second in zip(one, other, strict=True):
        assert first.name == second.name and first.value == pytest.approx(second.value)
        if "bootstrap" not in first.method:
            assert first.interval == pytest.approx(second.interval)


def test_names_are_unique_even_when_the_data_try(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(900)
    one = np.where(np.arange(900) < 450, "y = z", "w")
    other = np.where(np.arange(900) < 450, "z", "w")
    gate = policy(
        slices=Slices(columns=("x", "x = y"), minimum_rows=100, limits={"accuracy_score": Limit(at_least=0.5)})
    )
    judgement = judge(gate, held_out(truth, **{"x": one, "x = y": other}), scored(columns(candidate)), None)
    names = [check.name for check in judgement.checks]
    assert len(set(names)) == len(names) == 5


def test_productions_faults_leave_the_candidates_own_limits(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(3000)
    broken = columns(candidate)
    broken[5] = np.nan
    judgement = judge(
        policy(against_production=COMPARISONS), held_out(truth), scored(columns(candidate)), scored(broken)
    )
    assert [check.outcome for check in judgement.checks] == ["pass"] + ["inconclusive"] * 6
    assert "1 of 3000 rows" in judgement.warnings[0]


def test_production_with_labels_only_cannot_be_compared_in_scores(policy, scored, held_out) -> None:
    truth, candidate, production = two_models(3000)
    gate = policy(
        against_production={
            "roc_auc_score": Comparison(not_worse_by=0.1),
            "accuracy_score": Comparison(not_worse_by=0.1),
        }
    )
    judgement = judge(gate, held_out(truth), scored(columns(candidate)), scored((production > 0.5).astype(int)))
    assert [check.outcome for check in judgement.checks] == ["pass", "inconclusive", "pass"]
    assert "labels only" in judgement.checks[1].detail


def test_a_candidate_with_labels_only_is_told_how_to_give_scores(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(300)
    gate = policy(limits={"roc_auc_score": Limit(at_least=0.5)})
    with pytest.raises(InvalidInput, match="predict_proba") as caught:
        judge(gate, held_out(truth), scored((candidate > 0.5).astype(int)), None)
    assert caught.value.where == "gate.limits.roc_auc_score"


def test_scores_outside_0_to_1_are_ranked_but_are_no_probabilities(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(300)
    margin = np.log(candidate / (1 - candidate))
    gate = policy(limits={"roc_auc_score": Limit(at_least=0.5)}, decision_threshold=0.0)
    assert judge(gate, held_out(truth), scored(margin), None).outcome == "pass"
    with pytest.raises(InvalidInput, match="no probabilities"):
        judge(policy(limits={"log_loss": Limit(at_most=0.5)}), held_out(truth), scored(margin), None)


def test_an_unknown_column_is_named_with_the_nearest(policy, scored, held_out) -> None:
    truth, candidate, _ = two_models(300)
    gate = policy(slices=Slices(columns=("carier",), limits={"accuracy_score": Limit(at_least=0.5)}))
    with pytest.raises(InvalidInput, match="did you mean carrier"):
        judge(gate, held_out(truth, carrier=["x"] * 300), scored(columns(candidate)), None)
