"""Without an analysis a release is adopted soon, with traffic or without, and total failure is taken back all the same."""

from __future__ import annotations

import random

import msgspec
import pytest

from modelway.config import Judge
from modelway.rollout import journal
from modelway.rollout.observations import Counts
from modelway.rollout.plan import Plan
from modelway.rollout.settings import without_analysis
from rollout.simulated import Traffic, World, plan, run, traffic


def skipping(past: tuple[int, int] = (5000, 25)) -> Plan:
    settings = without_analysis(Judge(), past)
    changed = {"settings": settings, "skipped": "hotfix of incident 4711", "step_seconds": 60.0}
    return msgspec.structs.replace(plan(blue_green=True), **changed)


def carried(planned: Plan, traffic_: Traffic) -> World:
    world = World(planned, traffic_, random.Random(1))
    run(world)
    assert all(written == follows for written, follows in journal.replay(world.story))
    return world


@pytest.mark.parametrize("per_block", [0, 1, 1000])
def test_it_is_adopted_after_a_minute_whatever_comes(per_block: int) -> None:
    world = carried(skipping(), traffic(per_block, 0.2, 0.0))
    assert (world.story.outcome, world.clock) == ("deployed", 60.0)
    assert "the analysis was skipped" in world.story.state.reasons[0]


@pytest.mark.parametrize(("per_block", "said"), [(1, "dead on arrival"), (1000, "dead on arrival")])
def test_what_answers_nothing_is_taken_back(per_block: int, said: str) -> None:
    world = carried(skipping(), traffic(per_block, 1.0, 0.0))
    assert world.story.outcome == "rolled-back" and world.stable == "v1"
    assert said in world.story.state.reasons[0]


def test_what_fails_after_its_first_answers_blows_the_fuse() -> None:
    def later(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return Counts(100, 100 if world.clock > 5 else 0), Counts()

    world = World(skipping(), later, random.Random(1))
    run(world)
    assert world.story.outcome == "rolled-back"
    assert "total failure" in world.story.state.reasons[0]


def test_where_stable_failed_too_nothing_is_held_against_it() -> None:
    """A hotfix of what fails altogether, and clients that go on sending what nobody can answer."""
    assert carried(skipping((5000, 4000)), traffic(100, 1.0, 0.0)).story.outcome == "deployed"
