"""What is known of stable before a rollout: by the source of counts, and by the journals of the last rollouts where that
remembers nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from modelway.config import Deploy
from modelway.errors import InvalidInput
from modelway.observe.counts import Counters
from modelway.observe.history import past_of
from modelway.rollout import history
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
    assert {(block.weight, block.stable.requests) for block in blocks} == {(0.1, 900), (0.5, 500), (1.0, 1000)}


def test_that_a_replica_is_slower_under_more_load_is_no_wandering() -> None:
    def shares(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        slow = 0.05 if weight < 0.5 else 0.005
        canary, stable = traffic(1000, 0.002, 0.002)(weight, chance)
        return tuple(Counts(arm.requests, arm.errors, round(slow * arm.requests)) for arm in (canary, stable))  # type: ignore[return-value]

    one = story(shares)
    past = past_of(
        [(float(at), Counters(200 * at, 0, 200 * at, {10.0: 190 * at, 20.0: 200 * at})) for at in range(60)],
        (10.0, 20.0),
        5.0,
        None,
    )
    assert past is not None
    _, latency = planned.settings_of(Deploy(), past, [one] * 6).metrics
    assert latency.phi == 1


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


@pytest.mark.parametrize("apart", [1.0, 3.0], ids=["a recorder's readings", "a Prometheus'"])
def test_the_half_hour_that_a_source_remembers_is_half_an_hour(apart: float) -> None:
    """A window of readings ends a reading early, and a block of theirs may be a second longer than the judge's."""

    def counters(at: float) -> Counters:
        return Counters(round(50 * at), round(at / 4), round(50 * at), {10.0: round(47.5 * at), 20.0: round(50 * at)})

    samples = [(apart * at, counters(apart * at)) for at in range(round(1800 / apart))]
    past = past_of(samples, (10.0, 20.0), 5.0, None)
    assert past is not None and past.seconds < history.SECONDS

    def unread() -> Iterator[Story]:
        raise AssertionError("no journal is needed")
        yield

    settings = planned.settings_of(Deploy(), past, unread())
    assert [metric.wager_blocks for metric in settings.metrics] == [1, 1]
    assert max(metric.tolerance for metric in settings.metrics) <= history.FEW_TOLERANCE
    beside = planned.settings_of(Deploy(), past, unread(), 9.0)
    assert [metric.wager_blocks for metric in beside.metrics] == [1, 6]
    assert beside.metrics[1].why_longer == history.HIDDEN


class _Place:
    def __init__(self, by_replicas: bool) -> None:
        self.by_replicas = by_replicas

    def shares_by_replicas(self) -> bool:
        return self.by_replicas


@pytest.mark.parametrize(
    ("strategy", "by_replicas", "ratio"),
    [("canary", False, 1.0), ("canary", True, 9.0), ("rolling", False, 9.0), ("shadow", True, 1.0)],
)
def test_a_canary_has_fewer_replicas_where_its_share_is_theirs(strategy: str, by_replicas: bool, ratio: float) -> None:
    deploy = Deploy(strategy=strategy)  # type: ignore[arg-type]
    assert planned.replica_ratio(deploy, (0.1, 0.5, 1.0), _Place(by_replicas)) == pytest.approx(ratio)  # type: ignore[arg-type]
    assert planned.replica_ratio(deploy, (0.9, 1.0), _Place(by_replicas)) == 1.0  # type: ignore[arg-type]


@pytest.mark.parametrize(("idle", "ceased"), [(0, False), (1, True), (5, True)])
def test_traffic_has_ceased_where_many_requests_were_due(idle: int, ceased: bool) -> None:
    samples = [(float(at), Counters(30 * min(at, 20))) for at in range(21 + idle)]
    assert planned._has_ceased(samples, 5.0) is ceased
    rare = [(float(at), Counters(min(at, 20))) for at in range(21 + idle)]
    assert planned._has_ceased(rare, 5.0) is (idle == 5), "one a second may well leave one out"
