"""What is expected of a week without labels: by hand where scores mean what they meant, and nothing where they are others."""

from __future__ import annotations

import math
import random
from statistics import stdev

import pytest
from scipy import stats

from modelway.data.labelled import BinCounts
from modelway.monitoring.estimated import ScoredWeek, WeekEstimate, estimated, expected, like_before

SHARES = (0.1, 0.3, 0.7, 0.9)
UPPER = 2


def week(chance: random.Random, rows: tuple[int, ...] = (400, 200, 200, 200), better: float = 0.0) -> ScoredWeek:
    """better: added to how often its predictions are right."""
    bins = []
    for at, (n, share) in enumerate(zip(rows, SHARES, strict=True)):
        share += better if at >= UPPER else -better
        bins.append(BinCounts(n, n, sum(chance.random() < share for _ in range(n))))
    right = sum(one.positives if at >= UPPER else one.rows - one.positives for at, one in enumerate(bins))
    return ScoredWeek(tuple(bins), {"accuracy_score": right / sum(rows)})


def made(
    weeks: int, target: tuple[int, ...] = (400, 200, 200, 200), wobble: float = 0.0, seed: int = 1
) -> WeekEstimate:
    chance = random.Random(seed)
    known = [week(chance, better=chance.gauss(0, wobble)) for _ in range(weeks)]
    return estimated(week(chance, target), known, UPPER, 0.95)


def test_it_is_the_mean_of_what_each_bin_had_before() -> None:
    known = [BinCounts(10, 10, positives) for positives in (1, 3, 7, 9)]
    found = expected([BinCounts(n, 0, 0) for n in (40, 20, 20, 20)], known, UPPER)
    assert found["accuracy_score"] == pytest.approx(0.4 * 0.9 + 0.2 * 0.7 + 0.2 * 0.7 + 0.2 * 0.9)
    positives, negatives = [4, 6, 14, 18], [36, 14, 6, 2]
    wins = sum(p * (sum(negatives[:at]) + negatives[at] / 2) for at, p in enumerate(positives))
    assert found["roc_auc_score"] == pytest.approx(wins / (42 * 58))


def test_the_interval_is_as_wide_as_weeks_differ() -> None:
    steady, unsteady = made(10), made(10, wobble=0.08)
    value, (low, high) = steady.values["accuracy_score"]
    assert low < 0.82 < high and value == pytest.approx(0.82, abs=0.02)
    wide_low, wide_high = unsteady.values["accuracy_score"][1]
    assert wide_high - wide_low > 2 * (high - low)


@pytest.mark.parametrize(
    ("weeks", "target", "said"),
    [
        (7, (400, 200, 200, 200), "7 labelled weeks are too few"),
        (10, (30, 20, 20, 20), "90 predictions are too few"),
        (10, (10, 10, 10, 2000), "too unlike"),
    ],
)
def test_where_too_little_is_known_there_is_none(weeks: int, target: tuple[int, ...], said: str) -> None:
    found = made(weeks, target)
    assert found.values == {} and said in found.reason


def test_scores_that_moved_a_little_have_a_wider_interval() -> None:
    near, far = made(10), made(10, (200, 200, 300, 300))
    assert near.like and far.like and near.like.area <= 0.6 < far.like.area <= 0.75
    (_, near_ends), (_, far_ends) = near.values["accuracy_score"], far.values["accuracy_score"]
    assert far_ends[1] - far_ends[0] > 1.2 * (near_ends[1] - near_ends[0])


def test_the_same_scores_are_alike_and_scores_that_were_never_there_are_not() -> None:
    known = [BinCounts(100, 100, 50)] * 20
    same = like_before(known, known)
    assert (same.area, same.effective, same.share) == (pytest.approx(0.5), pytest.approx(2000), pytest.approx(1))
    elsewhere = like_before([*[BinCounts(0, 0, 0)] * 20, BinCounts(500, 0, 0)], [*known, BinCounts(0, 0, 0)])
    assert elsewhere.share == 0 and not elsewhere.enough


def test_a_week_is_backtested_on_those_that_are_not_beside_it() -> None:
    """By hand: the error of each labelled week, with neither itself nor its neighbours in the shares."""
    chance = random.Random(5)
    known = [week(chance, better=0.01 * number) for number in range(-5, 5)]
    off = []
    for number, one in enumerate(known):
        others = [other.bins for at, other in enumerate(known) if at not in (number - 1, number, number + 1)]
        guess = 0.0
        for at, bin_ in enumerate(one.bins):
            share = sum(bins[at].positives for bins in others) / sum(bins[at].rows for bins in others)
            guess += bin_.rows * (share if at >= UPPER else 1 - share)
        off.append(one.actual["accuracy_score"] - guess / one.rows)
    half = stats.t.ppf(0.975, 9) * stdev(off) * math.sqrt(1 + 1 / 10)
    low, high = estimated(week(chance), known, UPPER, 0.95).values["accuracy_score"][1]
    assert (high - low) / 2 == pytest.approx(half)
