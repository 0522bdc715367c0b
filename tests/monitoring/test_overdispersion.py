"""How much days differ, beyond what their counts explain; and how many requests a day should have."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.monitoring.overdispersion import (
    LEAST_SPREAD,
    log_excess,
    poisson_log_variance,
    usual_count,
    usual_share,
)


def poisson(mean: float, chance: random.Random) -> int:
    """Knuth's: for small means."""
    product, count = chance.random(), 0
    while product > math.exp(-mean):
        product, count = product * chance.random(), count + 1
    return count


@pytest.mark.parametrize("mean", [0.3, 2.0, 20.0, 49.0])
def test_the_variance_of_a_logarithm_is_that_of_drawn_counts(mean: float) -> None:
    chance = random.Random(3)
    drawn = pvariance([math.log(poisson(mean, chance) + 0.5) for _ in range(20_000)])
    assert poisson_log_variance(mean) == pytest.approx(drawn, rel=0.06)
    assert poisson_log_variance(0) == 0 and poisson_log_variance(51) == 1 / 51


def test_the_noise_of_few_failures_is_no_spread_of_days() -> None:
    chance = random.Random(4)
    alike = [usual_share([(poisson(3, chance), 10_000) for _ in range(56)]) for _ in range(20)]
    assert LEAST_SPREAD <= fmean(one.spread for one in alike if one) < 0.35, "their logarithms differ by 0.5"
    assert fmean(one.rate for one in alike if one) == pytest.approx(3e-4, rel=0.05)


def test_days_that_differ_have_their_spread() -> None:
    chance = random.Random(5)
    found = [
        usual_share([(round(100_000 * 0.001 * math.exp(chance.gauss(0, 0.7))), 100_000) for _ in range(56)])
        for _ in range(20)
    ]
    assert 0.65 < fmean(one.spread for one in found if one) < 0.9


@given(st.floats(0.01, 40))
def test_at_its_limit_a_count_is_no_evidence(expected: float) -> None:
    """The mean over a Poisson count, by its definition."""
    chances = [math.exp(-expected)]
    while len(chances) < expected + 12 * math.sqrt(expected) + 30:
        chances.append(chances[-1] * expected / len(chances))
    assert sum(chance * log_excess(count, expected) for count, chance in enumerate(chances)) <= 1e-9


def test_a_weekday_has_its_median_and_the_trend() -> None:
    start, rise = date(2026, 1, 5), 1.02
    counts = [
        (start + timedelta(days=at), 1000 * rise ** (at / 7) * (0.5 if at % 7 > 4 else 1.0) * (0.1 if at == 20 else 1))
        for at in range(70)
    ]
    monday, sunday = (usual_count(counts, start + timedelta(days=at)) for at in (70, 76))
    assert monday and monday.expected == pytest.approx(1000 * rise**10, rel=0.01)
    assert sunday and sunday.expected == pytest.approx(500 * rise ** (76 / 7), rel=0.01)
    assert usual_count(counts[:30], start + timedelta(days=30)) is None, "four weeks, and the one before the day"
