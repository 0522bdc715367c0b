"""What the journals of the last rollouts tell a judge, where nothing else remembers what stable did."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from modelway.errors import InvalidInput
from modelway.rollout.journal import Story
from modelway.rollout.observations import Counts
from modelway.stages.rollouts import planned
from rollout.simulated import Traffic, World, plan, run, traffic

GOOD = traffic(1000, 0.002, 0.002)


def story(share: Traffic = GOOD, **of_the_plan: object) -> Story:
    world = World(plan(**of_the_plan), share, random.Random(1))  # type: ignore[arg-type]
    run(world)
    return world.story


def test_it_is_what_whoever_had_the_traffic_did() -> None:
    (blocks,) = planned.earlier([story()], 5)
    assert {block.canary.requests for block in blocks} == {0}
    assert {block.stable.requests for block in blocks} == {900, 500, 1000}


def test_what_harmed_at_100_percent_is_no_healthy_past() -> None:
    def later(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        return traffic(1000, 0.5 if weight == 1 else 0.002, 0.002)(weight, chance)

    harmful = story(later)
    assert harmful.outcome == "rolled-back"
    (blocks,) = planned.earlier([harmful], 5)
    assert {block.stable.requests for block in blocks} == {900, 500}


def test_no_more_is_read_than_half_an_hour_and_nothing_of_other_blocks() -> None:
    one = story()
    length = len(planned.earlier([one], 5)[0])

    def stories() -> Iterator[Story]:
        while True:
            yield one

    found = planned.earlier(stories(), 5)
    assert (len(found) - 1) * length * 5 < 1800 <= len(found) * length * 5
    assert planned.earlier([one] * 3, 2) == ()


@pytest.mark.parametrize("healthy", [0, 2])
def test_a_damaged_journal_is_no_matter_of_the_next_release(healthy: int) -> None:
    def stories() -> Iterator[Story]:
        yield from [story()] * healthy
        raise InvalidInput("line 3 is not of a rollout", fix="put it back")

    assert len(planned.earlier(stories(), 5)) == healthy
