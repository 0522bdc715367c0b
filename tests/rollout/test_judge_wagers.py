"""Wagers that go over several blocks, and the first seconds of a weight in which slow requests are not judged."""

from __future__ import annotations

import msgspec
import pytest

from modelway.rollout import engine, harm, judge
from rollout.judged import HEALTHY, SETTINGS, UNKNOWN, after, block, verdict

LONG = msgspec.structs.replace(
    SETTINGS, metrics=tuple(msgspec.structs.replace(metric, wager_blocks=3) for metric in SETTINGS.metrics)
)
COLD = msgspec.structs.replace(SETTINGS, warm_up_seconds=30.0)
SLOW = block((50, 0, 30), (450, 2, 22))
BAD = block((50, 25, 0), (450, 2, 0))


def test_a_wager_over_three_blocks_is_one_wager_on_their_sum() -> None:
    counts = ((50, 3), (40, 0), (60, 1)), ((450, 4), (460, 2), (440, 0))
    blocks = [block(mine, theirs) for mine, theirs in zip(*counts, strict=True)]
    assert after(*blocks[:2], settings=LONG).held[0] == harm.PRIOR, "nothing is decided before it is over"
    tolerance = SETTINGS.metrics[0].tolerance
    paid = harm.beside_stable(harm.PRIOR, (150, 4), (1350, 6), tolerance)
    assert after(*blocks, settings=LONG).held[0] == harm.give_back(paid, 3 * harm.RETURNED)
    assert after(*blocks, settings=LONG).wagers[0] == harm.Wager()


def test_a_change_of_weight_settles_what_is_open() -> None:
    open_ = after(BAD, BAD, settings=LONG)
    assert open_.held[0] == harm.PRIOR
    at_half = judge.observe(LONG, open_, msgspec.structs.replace(HEALTHY, weight=0.5))
    assert harm.wealth(at_half.held[0]) > 2, "two bad blocks are not forgotten"
    alone = judge.observe(LONG, open_, block((500, 2), (0, 0), 1.0))
    assert harm.wealth(alone.held[0]) > 2
    further = judge.observe(LONG, alone, block((500, 2), (0, 0), 1.0))
    assert further.wagers[0].blocks == 2


def test_three_short_wagers_win_more_than_a_long_one() -> None:
    """What a long one costs, and why noise of single replicas needs it."""
    assert harm.wealth(after(BAD, BAD, BAD).held[0]) > 20 * harm.wealth(after(BAD, BAD, BAD, settings=LONG).held[0])


def test_a_cold_canary_is_not_a_slow_one() -> None:
    cold = after(*[SLOW] * 6, settings=COLD)
    assert cold.held[1] == harm.PRIOR and not cold.failed
    assert verdict(after(*[SLOW] * 6, *[HEALTHY] * 60, settings=COLD), baked=True, settings=COLD) == "pass"
    assert after(*[SLOW] * 6).failed, "which it is without"


def test_slow_for_longer_than_it_may_warm_up_is_slow() -> None:
    assert after(*[SLOW] * 12, settings=COLD).failed[0].startswith("latency: ")


def test_errors_are_never_left_out() -> None:
    assert after(*[BAD] * 6, settings=COLD).failed


def test_every_weight_warms_up_anew() -> None:
    half = msgspec.structs.replace(SLOW, weight=0.5)
    state = after(*[HEALTHY] * 10, *[half] * 6, settings=COLD)
    assert not state.failed
    assert after(*[HEALTHY] * 10, *[half] * 12, settings=COLD).failed


def test_what_was_left_out_is_in_no_rate_that_is_shown() -> None:
    state = after(*[SLOW] * 6, *[HEALTHY] * 4, settings=COLD)
    errors, latency = judge.assess(COLD, state, baked=False, deadline=False).metrics
    assert (errors.canary.requests, latency.canary.requests) == (500, 200)
    assert (latency.canary.count, latency.stable.count) == (8, 88)


@pytest.mark.parametrize("seconds", [0.0, 30.0, 60.0])
def test_the_plan_waits_for_it(seconds: float) -> None:
    asked = {"base_error_rate": 0.0, "base_slow_rate": 0.05, "requests_per_second": 50.0, "weights": [0.1, 0.5, 1.0]}
    times = {"step_seconds": 60.0, "bake_seconds": 0.0, "timeout_seconds": 36_000.0}
    warm = judge.plan_numbers(msgspec.structs.replace(SETTINGS, warm_up_seconds=seconds), **asked, **times)
    cold = judge.plan_numbers(SETTINGS, **asked, **times)
    assert warm.expected_seconds is not None and cold.expected_seconds is not None
    assert warm.expected_seconds >= cold.expected_seconds + seconds - 1


def test_without_a_history_slow_requests_are_wagered_on_by_minutes() -> None:
    """Replicas that are slow for a minute or two by themselves are no release that is; that nobody knows them costs time."""
    assert [metric.wager_blocks for metric in UNKNOWN.metrics] == [1, 30]
    assert not after(*[SLOW] * 24, *[HEALTHY] * 120, settings=UNKNOWN).failed
    assert after(*[SLOW] * 180, settings=UNKNOWN).failed
    assert after(*[BAD] * 12, settings=UNKNOWN).failed, "errors are judged as ever"


def test_without_a_history_mostly_slow_for_some_minutes_is_enough() -> None:
    """Once it is warm, and where stable is not as slow."""
    most, half_of_them = block((50, 0, 35), (450, 2, 22)), block((50, 0, 30), (450, 2, 22))
    both = block((50, 0, 35), (450, 2, 300))
    warm = msgspec.structs.replace(UNKNOWN, warm_up_seconds=30.0)
    assert not after(*[most] * 47, settings=warm).failed
    assert after(*[most] * 48, settings=warm).failed == ("latency: the canary has 70.00% of 2,100 in the last 210 s",)
    assert not after(*[half_of_them] * 48, settings=warm).failed and not after(*[both] * 60, settings=warm).failed
    half = msgspec.structs.replace(most, weight=0.5)
    assert not after(*[most] * 47, *[half] * 47, settings=warm).failed, "every weight warms up anew"
    assert after(*[most] * 47, *[half] * 48, settings=warm).failed
    alone = block((500, 0, 350), (0, 0, 0), 1.0)
    assert not after(*[HEALTHY] * 10, *[alone] * 41, settings=UNKNOWN).failed
    assert after(*[HEALTHY] * 10, *[alone] * 42, settings=UNKNOWN).failed


def test_without_a_history_a_slow_canary_is_suspect_long_before_it_is_taken_back() -> None:
    """Four times as many slow requests, for a minute: it gets no more traffic."""
    state = after(*[block((25, 0, 5), (225, 0, 11))] * 12, settings=UNKNOWN)
    seen = judge.assess(UNKNOWN, state, baked=False, deadline=False)
    assert seen.verdict == "continue" and seen.promotion <= engine.SUSPECT_PROMOTION
