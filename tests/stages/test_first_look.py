"""Stable's traffic is watched from the beginning of a command on, and not only once all else is done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from modelway.config import Deploy, Judge
from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, Snapshot
from modelway.stages.rollouts import planned

DEPLOY = Deploy(strategy="canary", judge=Judge(block_seconds=2))
STATE: Any = SimpleNamespace(current=SimpleNamespace(side=SimpleNamespace(slot="v1-r1", name="version 1")))


class World:
    """A clock, and a source that counts 100 requests a second and keeps no past."""

    bounds_ms = (100.0, 1000.0)

    def __init__(self) -> None:
        self.now, self.reads, self.recorded, self.is_down = 50.0, 0, None, False

    def counts(self, state: Any) -> World:
        return self

    def snapshot(self) -> Snapshot:
        if self.is_down:
            raise OutsideFailure("it does not answer")
        self.reads += 1
        count = round(100 * self.now)
        counters = Counters(count, 0, count, {100.0: count})
        return Snapshot(self.now, {"v1-r1": counters}, self.now, {"v1-r1": {"one": counters}})

    def past(self, seconds: float) -> Any:
        return self.recorded

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = World()
    monkeypatch.setattr(planned, "time", made)
    return made


def test_what_is_done_meanwhile_counts_as_watching(world: Any) -> None:
    seconds = []
    for meanwhile in (0.0, 1.5, 60.0):
        looked = planned.first_look(world, STATE, DEPLOY)
        world.now += meanwhile
        began = world.now
        past = planned.watched(world, STATE, DEPLOY, looked)
        seconds.append(world.now - began)
        assert past.requests_per_second == pytest.approx(100, rel=0.05)
        assert len(past.blocks) >= planned.WATCHED_BLOCKS
    assert seconds == [6.0, 4.5, 6.0]


def test_only_what_will_be_compared_and_is_recorded_nowhere_is_looked_at(world: Any) -> None:
    assert planned.first_look(world, None, DEPLOY) == ()
    assert planned.first_look(world, SimpleNamespace(current=None), DEPLOY) == ()  # type: ignore[arg-type]
    assert planned.first_look(world, STATE, Deploy(strategy="all-at-once")) == ()
    world.recorded = []
    assert planned.first_look(world, STATE, DEPLOY) == ()
    assert world.reads == 0


def test_what_cannot_be_read_yet_is_told_later_on(world: Any) -> None:
    """After a reboot stable has to be started first, which the same command does."""
    world.is_down = True
    assert planned.first_look(world, STATE, DEPLOY) == ()
