"""An A/B: requests are led by a key, the effect has an interval that holds at any look, and nothing is ever adopted."""

from __future__ import annotations

import itertools
import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.report.rollout import markdown, record
from modelway.report.rollout_page import page
from modelway.rollout import effect, engine, journal
from modelway.rollout.observations import Counts
from rollout.simulated import Traffic, World, plan, run, traffic

KEY = RequestMatch(cookie="arm", value="b")


def carried(traffic_: Traffic, **planned: object) -> World:
    world = World(plan(led=KEY, **planned), traffic_, random.Random(1))  # type: ignore[arg-type]
    run(world)
    assert all(written == follows for written, follows in journal.replay(world.story))
    assert (world.stable, world.routed, world.running, world.tested) == ("v1", {"v1": 1.0}, {"v1"}, "")
    assert world.announced == []
    return world


def arms(new: Counts, stable: Counts) -> Traffic:
    return lambda weight, chance: (new, stable)


@pytest.mark.parametrize("policy", ["rollback", "promote", "extend"])
def test_it_ends_by_its_time_and_says_what_it_has_measured(policy: str) -> None:
    world = carried(traffic(1000, 0.0, 0.0), inconclusive=policy)
    assert world.story.outcome == "compared"
    assert world.clock == 300, "its time, whatever is known before and whatever the policy"
    errors, slow = world.story.state.reasons
    assert errors.startswith("errors: 0.00% of 30,000 with the key, 0.00% of 30,000 without: +0.00 points [")
    assert slow.endswith("no difference shown")


def test_harm_is_taken_back_at_once_by_the_same_judge() -> None:
    world = carried(traffic(1000, 0.3, 0.0))
    assert world.story.outcome == "rolled-back" and world.clock < 90


def test_an_arm_is_as_large_as_it_is() -> None:
    """One request in a thousand has the key: that is no wrong split."""
    world = carried(arms(Counts(1), Counts(999)))
    assert world.story.outcome == "compared"
    assert "[-" in world.story.state.reasons[0]
    assert world.story.state.assessment is not None
    assert world.story.state.assessment.verdict == "continue"


@pytest.mark.parametrize(
    ("new", "stable", "silent"),
    [(Counts(), Counts(900), "with"), (Counts(900), Counts(), "without"), (Counts(), Counts(), "")],
)
def test_one_arm_alone_is_no_comparison(new: Counts, stable: Counts, silent: str) -> None:
    world = carried(arms(new, stable))
    assert world.story.outcome == "compared"
    assert f"no request came {silent}" in world.story.state.reasons[0]


def test_a_stop_keeps_what_was_measured() -> None:
    planned = plan(led=KEY)
    state = engine.begin(planned)
    early = engine.advance(planned, state, engine.Cancelled(0.0, "cancelled"))
    assert early.decision == "revert", "nothing was"
    world = carried(traffic(1000, 0.0, 0.0))
    for event in world.story.events[:10]:
        state = engine.advance(planned, state, event)
    stopped = engine.advance(planned, state, engine.Cancelled(0.0, "stopped by somebody"))
    assert stopped.decision == "withdraw" and stopped.reasons[0] == "stopped by somebody"
    assert "with the key" in stopped.reasons[1]
    assert engine.command(planned, stopped) == engine.Route(0.0)


def test_the_reports_show_both_arms_and_the_interval() -> None:
    story = carried(traffic(1000, 0.004, 0.003)).story
    shown = markdown(story)
    assert "| metric | with cookie arm=b | without | difference |  |" in shown
    assert "at whatever moment one looks" in shown and " points &#91;" in shown
    drawn = page([story])
    assert "with cookie arm=b" in drawn and "compared" in drawn
    effects = record(story)["effects"]
    assert isinstance(effects, tuple) and [item.name for item in effects] == ["errors", "latency"]


COUNTS = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS, st.sampled_from([1.0, 2.5]))
def test_the_interval_is_the_range_of_differences_of_rates_that_are_not_ruled_out(
    new: tuple[int, int], stable: tuple[int, int], phi: float
) -> None:
    """Held against a grid of pairs of rates."""
    low, high = effect.interval(new, stable, phi)
    assert -1 <= low <= high <= 1
    rates = [1e-4, *(number / 100 for number in range(1, 100)), 1 - 1e-4]
    (k1, n1), (k0, n0) = ((k / phi, n / phi) for k, n in (new, stable))
    allowed = [
        one - two
        for one, two in itertools.product(rates, rates)
        if effect.log_evidence(k1, n1, one) + effect.log_evidence(k0, n0, two) < log(20)
    ]
    assert all(low - 1e-9 <= gap <= high + 1e-9 for gap in allowed)
    if allowed and n1 and n0:
        assert max(allowed) > high - 0.06 and min(allowed) < low + 0.06


@given(COUNTS, COUNTS)
def test_swapping_the_arms_turns_the_interval_round(new: tuple[int, int], stable: tuple[int, int]) -> None:
    low, high = effect.interval(new, stable)
    assert effect.interval(stable, new) == pytest.approx((-high, -low), abs=1e-6)


def test_many_requests_need_no_more_time_and_keep_their_digits() -> None:
    low, high = effect.interval((1_000_500, 10_000_000), (1_000_000, 10_000_000))
    assert low < 0.00005 < high and high - low < 0.002
