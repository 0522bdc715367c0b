"""What is taken from stable's own past: how far its rate wanders, and how much its errors come in bursts."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config import Judge
from modelway.config.sections import Harm, Latency
from modelway.rollout import history, judge
from modelway.rollout.observations import Block
from rollout.judged import block

HALF_HOUR = 360


def binomial(rng: random.Random, n: int, p: float) -> int:
    return sum(rng.random() < p for _ in range(n))


def test_without_half_an_hour_the_tolerance_is_a_cautious_constant() -> None:
    assert history.wagering([], 5)[:2] == (0, 1.25)
    assert history.wagering([(250, 1)] * (HALF_HOUR * 9 // 10 - 1), 5)[:2] == (0, 1.25)
    assert history.wagering([(250, 1)] * HALF_HOUR, 5)[:2] == (0, 1.05)


def test_a_rate_that_wanders_needs_tolerance() -> None:
    """A rate that doubles and halves by the minute: s of the slow part is known."""
    blocks = [(1000, 20 if block // 12 % 2 else 10) for block in range(HALF_HOUR)]
    found = history.wagering(blocks, 5).tolerance
    x = 5 * 2  # by which a bin of 10 s differs from its mean of 30
    covariance = x * x * (179 - 2 * 29) / 179
    assert found == pytest.approx(math.exp(1.25 * math.sqrt((covariance - x * x / math.sqrt(180)) / 30**2)))
    assert found > 1.3


def test_a_wager_is_longer_than_the_rate_stays_where_it_is() -> None:
    """A rate that wanders for about 60 s, and for less than a block."""
    rng = random.Random(5)
    z, long = 0.0, list[tuple[int, int]]()
    for _ in range(4 * HALF_HOUR):
        z = math.exp(-5 / 60) * z + math.sqrt(1 - math.exp(-10 / 60)) * rng.gauss(0, 0.5)
        long.append((1000, binomial(rng, 1000, min(1.0, 0.05 * math.exp(z)))))
    found = history.wander(long, 5)
    assert found is not None and 30 < found.seconds < 120 and 0.3 < found.deviation < 0.7
    assert history.wagering(long, 5).blocks(5) == math.ceil(1.5 * found.seconds / 5)
    assert history.wagering(long[: HALF_HOUR // 3 - 1], 5).blocks(5) == 1, "nobody knows yet"
    assert history.wagering(long[: HALF_HOUR // 2], 5).seconds > 30, "ten minutes tell that it wanders,"
    caution = history.Caution(unknown=30.0)
    assert history.wagering([(1000, 50)] * (HALF_HOUR // 2), 5, caution)[:2] == (30, 1.25), "and not that it does not"
    assert history.wagering(STEADY, 5).blocks(5) == 1


STEADY = [(1000, 50)] * HALF_HOUR


def test_what_may_be_hidden_makes_wagers_longer_and_says_why() -> None:
    caution = history.Caution(unknown=150.0, hidden=30.0)
    assert history.wagering(STEADY, 5, caution) == (0, 1.05, "")
    assert history.wagering(STEADY, 5, caution, replica_ratio=9) == (30, 1.25, history.HIDDEN)
    assert history.wagering(STEADY, 5, caution, remembered=True) == (30, 1.25, history.SHORT)
    assert history.wagering(STEADY[:100], 5, caution, replica_ratio=9) == (150, 1.25, history.UNKNOWN)


def test_a_wander_that_hardly_shows_in_a_sum_is_larger_in_one_of_nine() -> None:
    """Off by a tenth for a minute at a time: three tenths for each of nine."""
    rng, missed = random.Random(8), {1.0: 0, 9.0: 0}
    for _ in range(20):
        z, found = 0.0, list[tuple[int, int]]()
        for _ in range(HALF_HOUR):
            z = math.exp(-5 / 60) * z + math.sqrt(1 - math.exp(-10 / 60)) * rng.gauss(0, 0.1)
            found.append((100, binomial(rng, 100, 0.05 * math.exp(z))))
        for ratio in missed:
            missed[ratio] += history.wagering(found, 5, replica_ratio=ratio).seconds == 0
    assert missed[9.0] <= 5 < 10 <= missed[1.0], missed


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda c: (sum(c), c[0])), max_size=400),
    st.floats(1, 50),
    st.booleans(),
)
def test_nothing_that_may_be_hidden_makes_a_judge_less_cautious(
    blocks: list[tuple[int, int]], ratio: float, remembered: bool
) -> None:
    caution = history.Caution(unknown=150.0, hidden=30.0)
    plain = history.wagering(blocks, 5, caution)
    more = history.wagering(blocks, 5, caution, remembered=remembered, replica_ratio=ratio)
    assert more.seconds >= plain.seconds
    assert more.tolerance >= min(plain.tolerance, history.UNKNOWN_TOLERANCE)
    assert bool(more.why) == (more.seconds > 0)


def test_an_outage_that_lasted_longer_than_a_block_makes_wagers_longer() -> None:
    """Even where there were no errors besides, and so too few of them to tell how the rate wanders."""
    quiet = [(250, 0)] * HALF_HOUR
    quiet[50], quiet[200] = (250, 25), (250, 25)
    assert history.wagering(quiet, 5) == (0, history.FEW_TOLERANCE, ""), "two of one block each"
    quiet[51] = (250, 5)
    assert history.wagering(quiet, 5) == (30, history.FEW_TOLERANCE, "they came for 10 s on end")
    quiet[52:55] = [(250, 25)] * 3
    assert history.wagering(quiet, 5).seconds == 1.5 * 25
    rng = random.Random(9)
    for _ in range(50):
        chance = [(250, binomial(rng, 250, 0.003)) for _ in range(HALF_HOUR)]
        assert history.spell(chance) == 0


def test_few_errors_tell_nothing_of_wandering() -> None:
    """Two errors next to each other would otherwise be the largest tolerance there is."""
    rare = [(2, 0)] * HALF_HOUR
    rare[100:104] = [(2, 1)] * 4
    assert history.wagering(rare, 5)[:2] == (0, history.FEW_TOLERANCE)


def test_a_steady_rate_needs_hardly_any() -> None:
    rng = random.Random(3)
    steady = [(250, binomial(rng, 250, 0.02)) for _ in range(HALF_HOUR)]
    assert history.wagering(steady, 5).tolerance < 1.3
    assert history.dispersion(steady, 5) < 2.5


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda c: (sum(c), c[0])), max_size=400))
def test_both_are_numbers_in_their_range(blocks: list[tuple[int, int]]) -> None:
    for seconds in (2.0, 5.0, 60.0):
        assert 1.05 <= history.wagering(blocks, seconds).tolerance <= 5
        assert 1 <= history.dispersion(blocks, seconds) < math.inf


def test_bursts_are_dispersion() -> None:
    """Thirty errors in one block of every sixty: Pearson's statistic by hand, in bins of one block."""
    blocks = [(100, 30 if block % 60 == 0 else 0) for block in range(HALF_HOUR)]
    mean = 0.5
    by_hand = (6 * (30 - mean) ** 2 / mean + 354 * mean) / 359
    assert history.dispersion(blocks, 60.0) == pytest.approx(by_hand)
    bins = [(1000, 30 if b % 6 == 0 else 0) for b in range(36)]
    assert history.dispersion(bins, 60.0) == pytest.approx((6 * 25**2 / 5 + 30 * 5) / 35)


def test_the_slowest_bins_count_too() -> None:
    """Bursts of five minutes hardly show from one 10 s bin to the next."""
    blocks = [(100, 3 if block // 60 % 2 else 1) for block in range(12 * 60)]
    assert history.dispersion(blocks, 5.0) == pytest.approx(60**2 / 120 * 12 / 11)


def test_settings_come_from_the_configuration_and_the_past() -> None:
    config = Judge(false_rollback=0.02, block_seconds=5, errors=Harm(margin_ratio=2, margin_rate=0.0))
    past = [block((0, 0), (250, 2, 12 + 8 * (b // 12 % 2)), 0.0) for b in range(HALF_HOUR)]
    settings = judge.settings_from(config, [*past, block((0, 0), (9, 9, 9), 0.0, dropped="restarted")])
    errors, latency = settings.metrics
    assert (settings.alpha, settings.beta, settings.block_seconds) == (0.02, 0.05, 5)
    assert errors.margins == ((2.0, 0.0),)
    assert latency.margins == ((1.0, 0.01), (1.5, 0.0))
    assert (errors.past_requests, errors.past_count) == (HALF_HOUR * 250, HALF_HOUR * 2)
    assert latency.past_count == HALF_HOUR * 16
    assert errors.tolerance == 1.05 and latency.tolerance > 1.2
    assert errors.phi == 1.0


@pytest.mark.parametrize(
    ("ratio", "rate", "margins"),
    [
        (1.5, 0.01, ((1.0, 0.01), (1.5, 0.0))),
        (1.0, 0.01, ((1.0, 0.01),)),
        (1.5, 0.0, ((1.5, 0.0),)),
        (1.0, 0.0, ((1.0, 0.0),)),
    ],
)
def test_a_margin_that_can_never_be_the_larger_is_left_out(
    ratio: float, rate: float, margins: tuple[tuple[float, float], ...]
) -> None:
    config = Judge(errors=Harm(margin_ratio=ratio, margin_rate=rate))
    assert judge.settings_from(config, []).metrics[0].margins == margins


def wandering(rng: random.Random, blocks: int, rate: float) -> list[Block]:
    """Of stable alone, whose slow requests are off by themselves for a minute or two."""
    z, found = 0.0, list[Block]()
    for _ in range(blocks):
        z = math.exp(-5 / 90) * z + math.sqrt(1 - math.exp(-10 / 90)) * rng.gauss(0, 0.7)
        found.append(block((0, 0), (400, 2, binomial(rng, 400, min(1.0, rate * math.exp(z)))), 0.0))
    return found


def test_rollouts_of_before_tell_what_a_short_history_cannot() -> None:
    rng = random.Random(3)
    earlier = [wandering(rng, 120, rate) for rate in (0.03, 0.06, 0.05)]
    short, long = wandering(rng, 6, 0.05), wandering(rng, HALF_HOUR, 0.05)
    unknown, known = judge.settings_from(Judge(), short), judge.settings_from(Judge(), short, 0.0, earlier)
    assert [metric.wager_blocks for metric in unknown.metrics] == [1, 30]
    assert known.metrics[0].tolerance == unknown.metrics[0].tolerance, "that errors never wandered is no promise"
    assert known.metrics[0].wager_blocks == 1 and known.metrics[1].wager_blocks > 6
    assert known.metrics[1].tolerance > unknown.metrics[1].tolerance
    assert known.metrics[1].past_count == unknown.metrics[1].past_count, "its rate is that of now"
    assert judge.settings_from(Judge(), long, 0.0, earlier) == judge.settings_from(Judge(), long)


def test_that_one_day_is_worse_than_another_is_no_wandering() -> None:
    days = [[(1000, errors)] * 120 for errors in (20, 80, 0, 50)]
    apart, joined = history.levelled(days), [counts for day in days for counts in day]
    assert history.wagering(joined, 5).blocks(5) > 1 and history.dispersion(joined, 5) > 10
    assert history.wagering(apart, 5)[:2] == (0, history.LEAST_TOLERANCE) and history.dispersion(apart, 5) == 1
    assert history.levelled(days[:1]) == days[0] and history.levelled([[], [(5, 0)]]) == [(5, 0)]


def test_a_team_that_knows_its_replicas_says_how_long_they_are_off() -> None:
    """It is for slow requests alone, and a past that shows a longer time is believed more."""
    latency = Latency(wander_seconds=10)
    assert [metric.wager_blocks for metric in judge.settings_from(Judge(latency=latency), []).metrics] == [1, 2]
    steady = [block((0, 0), (1000, 5, 50), 0.0)] * HALF_HOUR
    for ratio in (1.0, 9.0):
        found = judge.settings_from(Judge(latency=latency), steady, replica_ratio=ratio).metrics[1]
        assert found.wager_blocks == (1 if ratio == 1 else 2)
    wandering = [block((0, 0), (1000, 5, 90 if at // 12 % 2 else 10), 0.0) for at in range(HALF_HOUR)]
    assert judge.settings_from(Judge(latency=latency), wandering).metrics[1].wager_blocks >= 6
    never = judge.settings_from(Judge(latency=Latency(wander_seconds=0)), []).metrics[1]
    assert (never.wager_blocks, never.mostly_slow) == (1, False)
