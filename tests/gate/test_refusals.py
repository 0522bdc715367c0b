"""Where an interval is known to be too short, no limit is held against it: just below the minimum, refused; at it, not."""

from __future__ import annotations

import numpy as np
import pytest

from modelway import distributions
from modelway.config.keys import Limit
from modelway.config.sections import Gate
from modelway.gate import HeldOut, Scored, counts, delong, influence, judge, losses, multiclass, ranking, regression
from modelway.gate.estimate import Estimate
from modelway.gate.kinds.slices import Slices
from modelway.gate.limits import absolute

CONFIDENCE = 0.95


def rows(n: int, positives: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """truth with that many positives, and a score of middling quality."""
    truth = np.arange(n) < positives
    return truth, truth + 1.5 * np.random.default_rng(seed).normal(size=n)


def test_a_reason_outweighs_an_interval() -> None:
    found = Estimate(n=10, value=0.9, interval=(0.8, 0.95), reason="the rows are not to be trusted")
    assert absolute("m", Limit(at_least=0.5), found).outcome == "inconclusive"


def intervals_of(truth: np.ndarray, score: np.ndarray) -> list[bool]:
    """Whether Matthews, a difference of F1, average precision and its difference are judged."""
    label, other = score > 0.5, score > 0.9
    found = (
        counts.matthews(truth, label, CONFIDENCE),
        counts.smooth_difference(counts.f1_of, truth, label, other, CONFIDENCE),
        ranking.average_precision(truth, score, CONFIDENCE),
        ranking.average_precision_difference(truth, score, score + np.sin(np.arange(len(score))), CONFIDENCE),
    )
    assert all((one.interval is None) == bool(one.reason) for one in found)
    return [one.interval is not None for one in found]


@pytest.mark.parametrize(("n", "judged"), [(149, False), (150, True)])
def test_the_delta_method_needs_150_rows(n: int, judged: bool) -> None:
    assert influence.MINIMUM_ROWS == 150
    truth, score = rows(n, n // 2)
    assert intervals_of(truth, score) == [judged] * 4
    codes = np.arange(n) % 3
    guess = np.where(np.random.default_rng(5).random(n) < 0.7, codes, (codes + 1) % 3)
    assert (multiclass.macro_value(counts.f1_of, codes, guess, CONFIDENCE).interval is not None) == judged
    assert (multiclass.macro_difference(counts.f1_of, codes, guess, codes, CONFIDENCE).interval is not None) == judged
    numbers = np.random.default_rng(6).normal(size=(3, n))
    assert (regression.r2(numbers[0], numbers[1], CONFIDENCE).interval is not None) == judged
    assert (regression.r2_difference(numbers[0], numbers[1], numbers[2], CONFIDENCE).interval is not None) == judged


@pytest.mark.parametrize(("positives", "judged"), [(9, False), (10, True)])
def test_ratios_of_counts_need_rows_of_every_kind(positives: int, judged: bool) -> None:
    """However many negatives there are."""
    truth, score = rows(3000, positives)
    label, other = score > 0.5, score > 0.9
    assert (counts.matthews(truth, label, CONFIDENCE).interval is not None) == judged
    assert (counts.matthews(~truth, label, CONFIDENCE).interval is not None) == judged
    assert (counts.matthews(label, truth, CONFIDENCE).interval is not None) == judged
    found = counts.smooth_difference(counts.precision_of, truth, label, other, CONFIDENCE)
    assert (found.interval is not None) == judged


@pytest.mark.parametrize(("positives", "judged"), [(19, False), (20, True)])
def test_average_precision_needs_20_of_each_class(positives: int, judged: bool) -> None:
    truth, score = rows(3000, positives)
    for labels in (truth, ~truth):
        assert (ranking.average_precision(labels, score, CONFIDENCE).interval is not None) == judged
        found = ranking.average_precision_difference(labels, score, -score, CONFIDENCE)
        assert (found.interval is not None) == judged


@pytest.mark.parametrize(("differing", "judged"), [(2, False), (3, True)])
def test_a_difference_needs_rows_on_which_the_models_differ(differing: int, judged: bool) -> None:
    truth, score = rows(3000, 1500)
    label = score > 0.5
    other = label ^ (np.arange(3000) % 100 < 1) & (np.cumsum(np.arange(3000) % 100 < 1) <= differing)
    assert int((label != other).sum()) == differing
    for statistic in (counts.f1_of, counts.precision_of, counts.matthews_of):
        found = counts.smooth_difference(statistic, truth, label, other, CONFIDENCE)
        assert (found.interval is not None) == judged
        macro = multiclass.macro_difference(statistic, truth.astype(int), label.astype(int), other.astype(int), 0.95)
        assert (macro.interval is not None) == judged


@pytest.mark.parametrize(("rarest", "judged"), [(4, False), (5, True)])
def test_a_mean_over_classes_needs_5_rows_of_each(rarest: int, judged: bool) -> None:
    codes = np.where(np.arange(600) < rarest, 2, np.arange(600) % 2)
    guess = np.where(np.arange(600) % 7 == 6, 1 - codes % 2, codes)
    guess[:rarest] = 2
    assert (multiclass.macro_value(counts.f1_of, codes, guess, CONFIDENCE).interval is not None) == judged
    assert (multiclass.macro_value(counts.f1_of, guess, codes, CONFIDENCE).interval is not None) == judged


def test_r_squared_that_a_few_rows_carry_is_far_less_sure() -> None:
    """Two rows of 600 with an error a hundred times the others': had they not been drawn, the value would be another."""
    rng = np.random.default_rng(7)
    truth, errors = rng.normal(size=600), rng.normal(size=600)

    def against_plain_t(errors: np.ndarray) -> float:
        found = regression.r2(truth, errors, CONFIDENCE).interval
        plain = influence.of_one(influence.explained(truth, errors), influence.UNEXPLAINED, 599, CONFIDENCE).interval
        assert found and plain
        return (found[1] - found[0]) / (plain[1] - plain[0])

    assert 1 < against_plain_t(errors) < 1.05
    errors[:2] *= 100
    assert against_plain_t(errors) > 4


@pytest.mark.parametrize(("positives", "judged"), [(19, False), (20, True)])
def test_an_area_needs_20_of_each_class(positives: int, judged: bool) -> None:
    truth, score = rows(500, positives)
    assert delong.area(truth, score).area < distributions.NEAR_ONE
    assert (ranking.auc(truth, score, CONFIDENCE).interval is not None) == judged
    assert (ranking.auc(~truth, -score, CONFIDENCE).interval is not None) == judged


@pytest.mark.parametrize(("positives", "judged"), [(39, False), (40, True)])
def test_an_area_near_1_needs_40_of_each_class(positives: int, judged: bool) -> None:
    truth, score = rows(500, positives)
    high, other = score + 3.5 * truth, score + 3.4 * truth + 0.1 * np.sin(np.arange(500))
    assert delong.area(truth, high).area >= distributions.NEAR_ONE
    assert (ranking.auc(truth, high, CONFIDENCE).interval is not None) == judged
    assert (ranking.auc_difference(truth, high, other, CONFIDENCE).interval is not None) == judged


def test_an_area_near_1_is_no_narrower_than_the_score_interval() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(1100) < 100
    found = delong.area(truth, np.where(truth, 3.2, 0) + rng.normal(size=1100))
    low, high = delong.area_interval(found, CONFIDENCE)
    score_low, score_high = distributions.area_score_interval(found.area, 100, 1000, CONFIDENCE)
    assert found.area > distributions.NEAR_ONE
    assert low <= score_low
    assert high >= score_high


def test_losses_carried_by_a_few_rows_are_refused() -> None:
    """A class of 1 in 500: the few large losses may all be missing from the sample, and the mean then looks small."""
    losses_of_a_rare_class = np.where(np.arange(1000) < 2, 5.0, 0.01) + 0.001 * np.random.default_rng(2).random(1000)
    refused = losses.mean_loss(losses_of_a_rare_class, CONFIDENCE)
    assert refused.interval is None
    assert "a few rows carry most of the loss" in refused.reason


@pytest.mark.parametrize(("n", "judged"), [(29, False), (30, True)])
def test_a_mean_needs_30_rows(n: int, judged: bool) -> None:
    assert (losses.mean_loss(np.linspace(0, 1, n), CONFIDENCE).interval is not None) == judged


@pytest.mark.parametrize(("rows_of_slice", "names"), [(199, ["slices of c"]), (200, ["accuracy_score where c = x"])])
def test_a_slice_of_exactly_the_minimum_is_judged(rows_of_slice: int, names: list[str]) -> None:
    policy = Gate(slices=Slices(columns=("c",), minimum_rows=200, limits={"accuracy_score": Limit(at_least=0.1)}))
    truth = np.arange(rows_of_slice) % 2
    held_out = HeldOut(truth, {"c": np.full(rows_of_slice, "x")})
    assert [check.name for check in judge(policy, held_out, Scored(truth, None, (), 1), None).checks] == names


def test_a_score_at_the_threshold_is_the_positive_class() -> None:
    policy = Gate(limits={"accuracy_score": Limit(at_least=0.1)}, decision_threshold=0.5)
    at_threshold = np.full((50, 2), 0.5)
    for predictions in (at_threshold, np.append(np.full(49, 0.5), 0.7)):
        judgement = judge(policy, HeldOut(np.ones(50), {}), Scored(predictions, None, (), 1), None)
        assert judgement.checks[0].value == 1
