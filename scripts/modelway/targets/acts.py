"""What a rollout asks of a target, each act under the lease: the same on every target."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Generic, Literal, TypeVar

from modelway.errors import ModelwayError
from modelway.observe.counts import Counters, Snapshot, counted, grown, unknown_between
from modelway.rollout import engine, journal
from modelway.rollout.comparison import RowCounts
from modelway.rollout.observations import Block, Counts, WatchedCounts
from modelway.rollout.plan import Plan, Side
from modelway.rollout.rolling import CarriedTraffic
from modelway.rollout.rolling import Replicas as Sizes
from modelway.rollout.run import Waiting
from modelway.targets.counting_servers import keep_counts
from modelway.targets.place import Replica, Routing
from modelway.targets.state import Deployment, Slot, TargetState
from modelway.targets.target import Claim
from modelway.targets.watching import ShareWatch

KEPT_DEPLOYMENTS = 20
LOOK_SECONDS = 2.0
"""Whether another command has the target by now."""
SLACK_SECONDS = 0.5
"""Readings of the past are some seconds apart, so a block of them is right to within this."""
SAMPLED_VARIABLE = "MODELWAY_SAMPLE_TOKEN_SHA256"
"""Of the model server: what makes it remember a sample of its rows (docs/serving.md)."""
T = TypeVar("T", bound=TargetState[Any])
S = TypeVar("S", bound=Slot)
Replicas = Callable[[], Sequence[Replica]]
Comparison = Callable[[Replicas, Replicas, str, int, float], RowCounts]
"""(the shadow's, stable's, token, most rows, seconds) -> what was compared; it never raises."""


@dataclass(frozen=True)
class LeftRollout:
    """Until when a rollout was observed, in seconds of the epoch, and the new release's share since then."""

    at: float
    weight: float

    @classmethod
    def of(cls, story: journal.Story) -> LeftRollout | None:
        """None where it has no traffic."""
        for event in reversed(story.events):
            if isinstance(event, engine.Observed):
                return cls(event.block.began + event.block.seconds, event.block.weight)
            if isinstance(event, engine.Routed):
                return cls(event.at, event.weight) if event.weight or event.tested else None
        return None


class TargetActs(Generic[T, S]):
    """`rollout.run.Acts` on a claimed target. new: the release to bring; None where it never came so far as to have a
    place. left: where an earlier command has left the rollout; None: nothing of what was counted since is used. warm_up: what
    replicas go through before their first request; True: they are the new release's, held to what the gate saw. comparison: of
    a shadow's predictions; None: there is none."""

    def __init__(
        self,
        claim: Claim[T, S],
        plan: Plan,
        new: S | None,
        say: Callable[[str], None],
        left: LeftRollout | None = None,
        warm_up: Callable[[Sequence[Replica], bool], None] | None = None,
        comparison: Comparison | None = None,
    ) -> None:
        self.comparison, self._token = comparison, ""
        self.claim, self.plan, self.new, self.say, self.left = claim, plan, new, say, left
        self.warm_up = warm_up
        self._shares = ShareWatch(claim, plan)
        self._last: Snapshot | None = None
        self._past = deque[tuple[Snapshot, Snapshot]]()
        """Blocks that have passed and that nobody has looked at: their first and last readings."""
        self._started = time.time() - time.monotonic()
        """Fixed, so that a clock that is set meanwhile moves no block of the report."""

    def start(self) -> None:
        claim = self.claim
        slot = claim.state.slots.get(self.plan.new.slot, self.new)
        assert slot is not None, "only what has a place is started"
        if self.plan.rolling is not None:
            slot = claim.place.rolled(slot, self.plan.rolling.bounds)
        with claim.held():
            self.new = claim.start(slot, self._variables(slot))
        with claim.watched():
            claim.place.wait_until_ready(claim, self.new, self.say)
            if self.warm_up is not None:
                self.warm_up(claim.place.replicas(claim, self.new), True)

    def sizes(self) -> Sizes:
        return Sizes(self._size(self.plan.new), self._size(self.plan.stable))

    def _size(self, side: Side | None) -> int:
        place, slot = self.claim.place, self.claim.state.slots.get(side.slot) if side else None
        if slot is None:
            return 0
        with self.claim.watched():
            place.ended(self.claim, slot, self.say)
        return place.size(slot)

    def scale(self, replicas: Sizes) -> None:
        plan, growing = self.plan, list[tuple[Side, int]]()
        for side, count in ((plan.new, replicas.new), (plan.stable, replicas.stable)):
            if side is None or side.slot not in self.claim.state.slots:
                assert side is None or not count, "only what has a place has replicas"
            elif count > self.claim.place.size(self.claim.state.slots[side.slot]):
                growing.append((side, count))
            else:
                self._scale(side, count)
                with self.claim.watched():
                    self.claim.place.ended(self.claim, self.claim.state.slots[side.slot], self.say)
        for side, count in growing:
            self._grow(side, count)
        self._last = None  # what was counted while replicas came and went is no block

    def _scale(self, side: Side, count: int) -> None:
        with self.claim.held():
            self.claim.place.scale(self.claim, self.claim.state.slots[side.slot], count)

    def _grow(self, side: Side, count: int) -> None:
        claim, place = self.claim, self.claim.place
        before = {item.name for item in place.replicas(claim, claim.state.slots[side.slot])}
        self._scale(side, count)
        slot = claim.state.slots[side.slot]
        with claim.watched():
            place.wait_until_ready(claim, slot, self.say)
            if self.warm_up is not None:
                fresh = [item for item in place.replicas(claim, slot) if item.name not in before]
                self.warm_up(fresh, side == self.plan.new)

    def _variables(self, slot: S) -> dict[str, str]:
        """The servers know what the token's digest is, and nobody can read the token itself from them."""
        if self.comparison is None:
            return {}
        self._token = self.claim.place.rows_token(slot)
        return {SAMPLED_VARIABLE: hashlib.sha256(self._token.encode()).hexdigest()} if self._token else {}

    def compare(self, most: int) -> RowCounts:
        if self.comparison is None or not self._token:
            return RowCounts(failed=1, why="this target gives the release no token to tell rows for")

        def replicas(side: Side | None) -> Sequence[Replica]:
            slot = self.claim.state.slots.get(side.slot) if side else None
            return self.claim.place.replicas(self.claim, slot) if slot is not None else ()

        stable = partial(replicas, self.plan.stable)
        return self.comparison(partial(replicas, self.plan.new), stable, self._token, most, self.plan.block_seconds / 2)

    def route(
        self, weight: float, waiting: Waiting = nullcontext, *, tested: bool = False, stable: int | None = None
    ) -> None:
        rolling, left = self.plan.rolling, stable
        claim, old, new = self.claim, self.plan.stable.slot if self.plan.stable else "", self.plan.new.slot
        taken, leads = 0.0 if self.plan.is_trial else weight, self.plan.led is not None and weight > 0
        shares = {old: 1 - taken if old else 0.0, new: taken}
        routing = Routing(
            {name: share for name, share in shares.items() if share > 0},
            mirror=new if self.plan.mirror and weight > 0 else "",
            tested=new if tested or leads else "",
            testers=self.plan.led if leads else self.plan.testers if tested else None,
            judged=leads,
            carried=CarriedTraffic(rolling.bounds, left) if rolling is not None and left is not None else None,
        )
        forth = weight > 0 or tested
        with claim.held():
            claim.place.route(claim, routing, old if forth and old in claim.state.slots else "")
        with waiting(), claim.watched():
            claim.place.verify(claim, routing)
        if forth:  # a way back waits for nothing that is counted
            self._last = claim.place.counts(claim.state).snapshot()
            self._shares.begin()
            if self.left is not None and weight == self.left.weight:
                self._look_back(self.left.at)
        self.left = None

    def _look_back(self, since: float) -> None:
        """What was counted while no command was there. since: seconds of the epoch."""
        seconds, readings = time.time() - since, list[Snapshot]()
        began = time.monotonic() - seconds
        for reading in self.claim.place.counts(self.claim.state).past(seconds) or ():
            if reading.ticks >= began and (
                not readings or reading.ticks - readings[-1].ticks >= self.plan.block_seconds - SLACK_SECONDS
            ):
                readings.append(reading)
        self._past.extend(pairwise(readings))
        if readings:
            self._last = readings[-1]

    def is_due(self) -> bool:
        waited = time.monotonic() - self._last.ticks if self._last is not None else 0.0
        return bool(self._past) or waited >= self.plan.block_seconds

    def observe(self, weight: float) -> Block:
        watched: tuple[WatchedCounts, ...] = ()
        unwatched = ""
        if self._past:
            before, after = self._past.popleft()
            unwatched = "no command was there to read the servers" if self._shares.shares else ""
        else:
            source = self.claim.place.counts(self.claim.state)
            before = self._last or source.snapshot()
            time.sleep(max(0.0, before.ticks + self.plan.block_seconds - time.monotonic()))
            self._last = after = source.snapshot()
            watched, unwatched = self._shares.since()
        with self.claim.held():
            pass  # what was counted is of use only to the one that may act on it
        counts, dropped = dict[str, Counts](), ""
        for side, share in ((self.plan.new, weight), (self.plan.stable, 1 - weight)):
            if side is None:
                continue
            if unknown := unknown_between(before, after, side.slot):
                dropped = dropped or (unknown if share > 0 else "")  # who gets no traffic may go uncounted
                continue
            done = counted(Counters(), grown(before, after, side.slot), self.plan.slow_ms)
            assert done is not None, "nothing of it is unknown"
            counts[side.slot] = Counts(*done)
        if dropped:
            counts.clear()
        return Block(
            began=round(self._started + before.ticks, 3),
            seconds=round(after.ticks - before.ticks, 3),
            weight=weight,
            canary=counts.get(self.plan.new.slot, Counts()),
            stable=counts.get(self.plan.stable.slot, Counts()) if self.plan.stable else Counts(),
            dropped=dropped,
            watched=() if dropped else watched,
            unwatched=unwatched,
            more=self.is_due(),
        )

    def continued(self, weight: float) -> engine.Continued | None:
        try:
            return self.claim.records.word(self.plan.number, weight)
        except ModelwayError as error:  # as if there were none: the next block asks again, and nothing goes back for it
            self.say(f"whether somebody has continued it is not known: {error.line()}")
            return None

    def adopt(self) -> tuple[int, int]:
        claim, sent = self.claim, self._shares.sent()
        with claim.held():
            if claim.state.stable == self.plan.new.slot:
                return sent
            new = claim.state.slots.get(self.plan.new.slot, self.new)
            assert new is not None, "only what runs is adopted"
            claim.place.adopted(claim)
            deployment = Deployment(new, self.plan.kind, self.plan.number, time.time())
            kept = (*claim.state.deployments, deployment)[-KEPT_DEPLOYMENTS:]
            claim.change(stable=self.plan.new.slot, deployments=kept)
        return sent

    def keep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            with self.claim.held():
                pass  # a rollback does not wait for this command, nor this one for what is over

    def retire(self, which: Literal["new", "stable"]) -> None:
        side = self.plan.new if which == "new" else self.plan.stable
        leaving = self.claim.state.slots.get(side.slot) if side is not None else None
        if leaving is not None and not (which == "new" and self.plan.mirror):  # stable was asked the same as a shadow
            keep_counts(self.claim.place, leaving)
        if side is not None:
            with self.claim.watched():
                self.claim.place.retire(self.claim, side.slot)

    def back(self) -> None:
        with self.claim.held():
            self.claim.place.back(self.claim)

    def write(self, line: journal.Line) -> None:
        self.claim.append(self.plan.number, line)
