"""A target under test and its world, and what a test does with it."""

from __future__ import annotations

import abc
import contextlib
import errno
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest

from modelway.config.strategies import RequestMatch
from modelway.observe.counts import Counters, Snapshot
from modelway.records import Release
from modelway.rollout import engine, journal
from modelway.rollout.observations import Block
from modelway.rollout.plan import Plan, side_of
from modelway.targets import Claim, Slot, Target, TargetState
from modelway.targets.acts import TargetActs

BLOCK_SECONDS = 1.0
TESTERS = RequestMatch(header="x-release", value="next")
READ_SECONDS = 3.0
"""Within them a source has counted what was answered."""


class Case(abc.ABC):
    """One target that nothing was deployed to yet, and its world. releases: of three versions; the last one takes its time
    over a request, where requests take any."""

    model: str
    environment: str
    releases: tuple[Release, Release, Release]

    @property
    def old(self) -> str:
        return str(self.releases[0].version)

    @property
    def new(self) -> str:
        return str(self.releases[1].version)

    @abc.abstractmethod
    def open(self, model: str = "") -> Target[Any, Any]:
        """The same target, as another command opens it. model: another one's; left out: its own."""

    @abc.abstractmethod
    def send(self, count: int, bad: bool = False, tested: bool = False) -> Counter[str]:
        """So many requests to the address, one after the other: the version that answered -> how many; "" where none did.
        bad: such that the model refuses them. tested: with the header of `TESTERS`."""

    @abc.abstractmethod
    def deaf(self) -> AbstractContextManager[None]:
        """Within it, what routes requests takes up nothing new."""

    @contextlib.contextmanager
    def full(self, number: int) -> Iterator[None]:
        """Within it nothing can be written into the journal of this rollout."""

        def sync(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "fsync", sync)
            yield

    def long_request(self) -> Callable[[], int] | None:
        """Send a request that takes a while: what waits for its status. None where none does."""
        return None


def plan_of(claim: Claim[Any, Any], new: Slot) -> Plan:
    current = claim.state.current
    return Plan(
        kind="deploy",
        id=uuid.uuid4().hex,
        model=claim.state.model,
        environment=claim.state.environment,
        number=claim.next_number(),
        new=new.side,
        stable=current.side if current else None,
        weights=(1.0,),
        step_seconds=0,
        bake_seconds=0,
        timeout_seconds=60,
        block_seconds=BLOCK_SECONDS,
    )


def claimed(case: Case, what: str = "deploying", always: bool = False) -> Claim[Any, Any]:
    return case.open().claim("a tester", what, always=always)


def begun(case: Case, claim: Claim[Any, Any], release: Release, **planned: object) -> TargetActs[Any, Any]:
    """A rollout of the release, which runs and is ready. planned: fields of its plan."""
    place = claim.place
    slot = place.again(place.prepare(release, lambda said: None), side_of(release, claim.next_number()))
    plan = msgspec.structs.replace(plan_of(claim, slot), **planned)
    claim.begin(plan)
    acts = TargetActs(claim, plan, slot, lambda said: None)
    acts.start()
    return acts


def deployed(case: Case, release: Release) -> None:
    """One command that brings a release in, with all that a rollout does."""
    claim = claimed(case)
    acts = begun(case, claim, release)
    acts.route(1.0)
    acts.adopt()
    acts.retire("stable")
    claim.append(acts.plan.number, journal.Line(act=engine.Finish("deployed")))
    claim.give_back()


def state_of(case: Case) -> TargetState[Any]:
    state: TargetState[Any] | None = case.open().state()
    assert state is not None
    return state


def killed(work: Callable[[], object]) -> None:
    """Done by another process, which is killed within it."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def next_block(acts: TargetActs[Any, Any], requests: int) -> Block:
    """The next block, once so many requests are counted in it: a source may be a little late."""
    source = acts.claim.place.counts(acts.claim.state)
    names = [side.slot for side in (acts.plan.new, acts.plan.stable) if side]

    def total(snapshot: Snapshot | None) -> int:
        assert snapshot is not None
        return sum(snapshot.releases.get(name, Counters()).requests for name in names)

    deadline = time.monotonic() + READ_SECONDS
    while total(source.snapshot()) - total(acts._last) < requests:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return acts.observe(0.25)
