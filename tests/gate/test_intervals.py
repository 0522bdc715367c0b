"""Intervals equal published and independently computed numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from modelway import distributions
from modelway.gate import delong, intervals

CONFIDENCE = 0.95


@pytest.mark.parametrize(
    ("hits", "n", "expected"),
    [
        (81, 263, (0.2527, 0.3676)),  # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 5
        (15, 148, (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1684)),
        (1, 29, (0.0009, 0.1776)),
    ],
)
def test_clopper_pearson_as_published(hits: int, n: int, expected: tuple[float, float]) -> None:
    assert intervals.clopper_pearson(hits, n, CONFIDENCE) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 7), (50, 50), (1999, 2000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_rates_equal_scipys(hits: int, n: int, confidence: float) -> None:
    result = stats.binomtest(hits, n)
    exact = result.proportion_ci(confidence, "exact")
    assert intervals.clopper_pearson(hits, n, confidence) == pytest.approx((exact.low, exact.high))
    score = result.proportion_ci(confidence, "wilson")
    z = intervals.normal_quantile(confidence)
    low, high = intervals.wilson(np.array([float(hits)]), np.array([float(n)]), z)
    assert (low[0], high[0]) == pytest.approx((score.low, score.high), abs=1e-12)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # The worked values of the R package contingencytables (Fagerland, Lydersen and Laake 2017, chapter 8).
        ((59, 6, 16, 80), (-0.1186, -0.0046)),
        ((1, 0, 0, 1), (-0.5734, 0.5734)),
        # The counts that Newcombe 1998 (Statistics in Medicine 17:2635-2650) tabulates, method 10.
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((20, 12, 2, 16), (0.0562, 0.3292)),
        ((36, 14, 0, 0), (0.1528, 0.4167)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
        # The worked example of docs/gate.md.
        ((6079, 144, 116, 661), (-0.00053, 0.00855)),
        ((347, 8, 7, 38), (-0.0183, 0.0234)),
    ],
)
def test_newcombe_paired_as_published(table: tuple[int, int, int, int], expected: tuple[float, float]) -> None:
    assert intervals.newcombe_paired(*table, CONFIDENCE) == pytest.approx(expected, abs=5e-5)


def test_newcombe_paired_turns_with_its_arguments() -> None:
    low, high = intervals.newcombe_paired(30, 7, 3, 10, CONFIDENCE)
    assert intervals.newcombe_paired(30, 3, 7, 10, CONFIDENCE) == pytest.approx((-high, -low))


def test_paired_rates_without_a_single_disagreement_keep_a_width() -> None:
    """The percentile bootstrap says [0, 0] here, and [0, 0] is not worse by anything."""
    low, high = intervals.newcombe_paired(50, 0, 0, 0, CONFIDENCE)
    assert low < -0.05 and high > 0.05


def naive_structural_components(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong 1988, equations 4 to 6, pair by pair."""
    positives, negatives = score[truth], score[~truth]
    kernel = (positives[:, None] > negatives).astype(float) + 0.5 * (positives[:, None] == negatives)
    return kernel.mean(axis=1), kernel.mean(axis=0)


@pytest.mark.parametrize("ties", [False, True])
def test_delong_equals_the_pair_by_pair_definition(ties: bool) -> None:
    rng = np.random.default_rng(7)
    truth = rng.random(300) < 0.2
    scores = [truth + rng.normal(size=300) for _ in range(2)]
    if ties:
        scores = [np.round(score) for score in scores]
    found = [delong.area(truth, score) for score in scores]
    naive = [naive_structural_components(truth, score) for score in scores]
    for one, (positives, negatives) in zip(found, naive, strict=True):
        assert one.positives == pytest.approx(positives)
        assert one.negatives == pytest.approx(negatives)
        assert one.area == pytest.approx(positives.mean())
    p, q = int(truth.sum()), int((~truth).sum())
    of_positives = np.cov(np.stack([naive[0][0], naive[1][0]])) / p
    of_negatives = np.cov(np.stack([naive[0][1], naive[1][1]])) / q
    total = of_positives + of_negatives
    error = math.sqrt(total[0, 0] + total[1, 1] - 2 * total[0, 1])
    gap = found[0].area - found[1].area
    half = stats.t.ppf(0.975, min(p, q) - 1) * error
    assert delong.difference_interval(found[0], found[1], CONFIDENCE) == pytest.approx((gap - half, gap + half))


def test_midranks_equal_scipys() -> None:
    values = np.round(np.random.default_rng(8).normal(size=500), 1)
    assert delong.midranks(values) == pytest.approx(stats.rankdata(values))


def test_the_score_interval_of_an_area_solves_its_equation() -> None:
    """At both ends, the distance to the area is z standard errors (Newcombe 2006, method 5)."""
    area, p, q, z = 0.97, 40, 400, stats.norm.ppf(0.975)
    for end in distributions.area_score_interval(area, p, q, CONFIDENCE):
        factor = 1 + ((p + q) / 2 - 1) * ((1 - end) / (2 - end) + end / (1 + end))
        assert abs(area - end) == pytest.approx(z * math.sqrt(end * (1 - end) * factor / (p * q)), rel=1e-6)


def test_a_perfect_area_keeps_a_width() -> None:
    truth = np.arange(100) < 50
    low, high = delong.area_interval(delong.area(truth, truth.astype(float)), CONFIDENCE)
    assert 0.9 < low < 0.98 and high == 1


@pytest.mark.parametrize(("n", "depth"), [(6, 1), (8, 1), (9, 2), (20, 6), (100, 40)])
def test_median_interval_has_the_tabulated_depth(n: int, depth: int) -> None:
    """The d-th smallest and largest of n at 95 %, as in Conover's and David and Nagaraja's tables."""
    values = np.arange(1.0, n + 1)
    assert intervals.median_by_order(values[::-1], CONFIDENCE) == (depth, n + 1 - depth)


def test_five_timings_have_no_interval_at_95_percent() -> None:
    assert intervals.median_by_order(np.arange(5.0), CONFIDENCE) is None


def test_the_mean_of_symmetric_losses_has_students_interval() -> None:
    losses = np.concatenate([np.arange(40.0), -np.arange(40.0)])
    expected = stats.t.interval(CONFIDENCE, 79, 0, stats.sem(losses))
    assert intervals.mean_by_t(losses, CONFIDENCE) == pytest.approx(expected)


def test_a_long_tail_moves_the_interval_towards_it() -> None:
    losses = np.random.default_rng(9).lognormal(size=500)
    low, high = intervals.mean_by_t(losses, CONFIDENCE)
    assert (low + high) / 2 > losses.mean()
