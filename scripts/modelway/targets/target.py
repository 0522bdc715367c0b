"""A target: its records and its place, and all that is the same wherever releases run.

`Target` reads, and needs no lease. `Claim` is a target in one command's hands: all that changes it goes through one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import NO_ROOM
from modelway.rollout.journal import Line, Story
from modelway.rollout.plan import Plan
from modelway.targets.place import TargetPlace
from modelway.targets.records import Lease, TargetRecords
from modelway.targets.state import Deployment, Slot, TargetState

T = TypeVar("T", bound=TargetState[Any])
S = TypeVar("S", bound=Slot)


@dataclass(frozen=True)
class Target(Generic[T, S]):
    """The target of one environment of a model."""

    model: str
    environment: str
    records: TargetRecords[T]
    place: TargetPlace[T, S]

    def state(self) -> T | None:
        """None where nothing was ever deployed. InvalidInput where it is another model's or environment's."""
        state = self.records.read()
        if state is not None and (state.model, state.environment) != (self.model, self.environment):
            raise InvalidInput(
                f"is the target of {state.model} in {state.environment}",
                where=self.records.where,
                fix="give every model and environment a target of its own (such as deploy.local.folder)",
            )
        return state

    def address(self) -> str:
        return self.place.address(self.state())

    def stories(self) -> list[Story]:
        """Every rollout, oldest first."""
        return list(self.latest())[::-1]

    def latest(self) -> Iterator[Story]:
        """Every rollout, newest first, read when it is asked for."""
        state = self.state()
        return _latest(self.records, state.rollouts if state else 0)

    def unfinished(self) -> Story | None:
        """The last rollout, where it has no end."""
        state = self.state()
        return _unfinished(self.records, state) if state else None

    def last(self) -> Story | None:
        """The last rollout, whether it has an end or not."""
        state = self.state()
        return self.records.story(state.rollouts) if state and state.rollouts else None

    def claim(
        self, who: str, what: str, *, always: bool = False, say: Callable[[str], None] = lambda said: None
    ) -> Claim[T, S]:
        """The target in this command's hands, made where there is none yet: the state is read after the lease was taken.
        AtWork where a command that lives has it, unless `always`."""
        self.state()  # what is wrong takes the target from nobody
        lease = self.records.take(who, what, always=always, say=say)
        state = self.state() or self.records.empty(self.model, self.environment)
        return Claim(self.records, self.place, lease, state, say)

    def stop(self, who: str, warn: Callable[[str], None]) -> bool:
        """End all that runs, whoever has the lease; False where nothing did."""
        if not self.records.exist():
            return False
        try:
            lease = self.records.take(who, "stopping the deployment", always=True)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            warn(f"without the target's lease: {error.strerror}")  # a full disk keeps nobody from it
            return self._stop()
        try:
            with lease.held():
                return self._stop()
        finally:
            lease.give_back()

    def _stop(self) -> bool:
        ran = self.place.is_running()
        self.place.stop()
        return ran


class Claim(Generic[T, S]):
    """state: as it was read under this lease, so nobody else has changed it since, or this command has the lease no more.
    say: what is waited for."""

    def __init__(
        self, records: TargetRecords[T], place: TargetPlace[T, S], lease: Lease, state: T, say: Callable[[str], None]
    ) -> None:
        self.records, self.place, self.lease, self.state, self.say = records, place, lease, state, say
        self._acting = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One act: the target is this command's alone for the moment. Superseded where another has taken it over."""
        with self.lease.held():
            self._acting = True
            try:
                yield
            finally:
                self._acting = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Waiting, without the lease: what fails because another command has the target by now is told as that."""
        try:
            yield
        except OutsideFailure:
            with self.held():
                raise

    def change(self, **fields: object) -> None:
        """Write the state with these fields replaced, within an act: one that was held up would undo another's."""
        assert self._acting, "the state changes under the lease alone"
        changed = msgspec.structs.replace(self.state, **fields)
        self.records.write(changed)
        self.state = changed

    def keep(self, slot: S) -> None:
        """The slot is in the state from now on, as it is now."""
        if self.state.slots.get(slot.side.slot) != slot:
            self.change(slots={**self.state.slots, slot.side.slot: slot})

    def forget(self, name: str) -> None:
        """The slot is in the state no more."""
        if name in self.state.slots:
            self.change(slots={other: slot for other, slot in self.state.slots.items() if other != name})

    def next_number(self) -> int:
        """Of a rollout whose journal does not exist: a runner may have died between that and the state."""
        return max((self.state.rollouts, *self.records.numbers())) + 1

    def begin(self, plan: Plan) -> None:
        """A new rollout: its journal begins, and its number is taken."""
        with self.held():
            self.records.begin(plan)
            self.change(rollouts=plan.number)

    def append(self, number: int, line: Line) -> None:
        """A line of the rollout's journal."""
        with self.held():
            self.records.append(number, line)

    def story(self, number: int) -> Story:
        """The journal of a rollout that this command has begun or gone on with."""
        story = self.records.story(number)
        assert story is not None
        return story

    def stories(self) -> list[Story]:
        """Every rollout, oldest first."""
        return list(self.latest())[::-1]

    def latest(self) -> Iterator[Story]:
        """Every rollout, newest first, read when it is asked for."""
        return _latest(self.records, self.state.rollouts)

    def unfinished(self) -> Story | None:
        """The last rollout, where it has no end."""
        return _unfinished(self.records, self.state)

    def take_in(self) -> None:
        """Where nothing was ever deployed and something serves all the same, it is stable from now on: the first rollout
        compares with it, and can go back to it."""
        if self.state.rollouts or self.state.deployments or (found := self.place.existing()) is None:
            return  # what a first rollout has left is its own to finish
        name = found.side.slot
        with self.held():
            self.change(slots={name: found}, stable=name, deployments=(Deployment(found, "deploy", 0, time.time()),))

    def start(self, slot: S, variables: Mapping[str, str] | None = None) -> S:
        """What routes requests runs, and so do the slot's replicas. variables: of its servers' environment. The slot as the
        state has it from now on."""
        more = (variables,) if variables else ()  # a place that gives no token need not take any
        started = self.place.start(self, slot, *more)
        assert started is not None, "what is given is started"
        self.keep(started)
        return started

    def run_stable(self, say: Callable[[str], None]) -> None:
        """What routes requests runs, and all replicas of stable do, and are ready."""
        with self.held():
            stable = self.start(self.state.current) if self.state.current else self.place.start(self, None)
        if stable is not None:
            with self.watched():
                self.place.wait_until_ready(self, stable, say)

    def check_answer(self) -> None:
        """What answers at the environment's own address is the stable release, where there is one; else OutsideFailure."""
        if self.state.current is not None:
            with self.watched():
                self.place.check_answer(self.state)

    def give_back(self, *, left: bool = False) -> None:
        """left: a rollout may be under way, which the next command goes on with."""
        with contextlib.suppress(ModelwayError):
            left = left and self.unfinished() is not None
        self.lease.give_back(left=left)


def _latest(records: TargetRecords[Any], begun: int) -> Iterator[Story]:
    """begun: the number of the last rollout that the state has. Who died between writing a plan and taking its number has
    begun nothing."""
    found = (records.story(number) for number in reversed(records.numbers()))
    return (story for story in found if story is not None and (story.lines or story.plan.number == begun))


def _unfinished(records: TargetRecords[T], state: T) -> Story | None:
    story = records.story(state.rollouts) if state.rollouts else None
    return story if story is not None and not story.outcome else None
