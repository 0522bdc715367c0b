"""What a rollout asks of a target, each act under the lease: the same on every target."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Generic, Literal, TypeVar

from modelway.observe.counts import Counters, Snapshot, counted, grown, unknown_between
from modelway.rollout import journal
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan
from modelway.rollout.run import Waiting
from modelway.targets.state import Deployment, Slot, TargetState
from modelway.targets.target import Claim

KEPT_DEPLOYMENTS = 20
T = TypeVar("T", bound=TargetState[Any])
S = TypeVar("S", bound=Slot)


class TargetActs(Generic[T, S]):
    """`rollout.run.Acts` on a claimed target. new: the release to bring; None where it never came so far as to have a
    place."""

    def __init__(self, claim: Claim[T, S], plan: Plan, new: S | None, say: Callable[[str], None]) -> None:
        self.claim, self.plan, self.new, self.say = claim, plan, new, say
        self._last: Snapshot | None = None
        self._started = time.time() - time.monotonic()
        """Fixed, so that a clock that is set meanwhile moves no block of the report."""

    def start(self) -> None:
        claim = self.claim
        slot = claim.state.slots.get(self.plan.new.slot, self.new)
        assert slot is not None, "only what has a place is started"
        with claim.held():
            self.new = claim.start(slot)
        claim.place.wait_until_ready(claim, self.new, self.say)

    def route(self, weight: float, waiting: Waiting = nullcontext) -> None:
        claim, stable = self.claim, self.plan.stable.slot if self.plan.stable else ""
        shares = {stable: 1 - weight if stable else 0.0, self.plan.new.slot: weight}
        shares = {name: share for name, share in shares.items() if share > 0}
        with claim.held():
            claim.place.route(claim, shares, stable if weight > 0 and stable in claim.state.slots else "")
        with waiting():
            claim.place.verify(claim, shares)
        if weight > 0:  # a way back waits for nothing that is counted
            self._last = claim.place.counts(claim.state).snapshot()

    def observe(self, weight: float) -> Block:
        source = self.claim.place.counts(self.claim.state)
        before = self._last or source.snapshot()
        time.sleep(max(0.0, before.ticks + self.plan.block_seconds - time.monotonic()))
        after = source.snapshot()
        self._last = after
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
        )

    def adopt(self) -> None:
        claim = self.claim
        with claim.held():
            if claim.state.stable == self.plan.new.slot:
                return
            assert self.new is not None, "only what runs is adopted"
            claim.place.adopted(claim)
            deployment = Deployment(self.new, self.plan.kind, self.plan.number, time.time())
            kept = (*claim.state.deployments, deployment)[-KEPT_DEPLOYMENTS:]
            claim.change(stable=self.plan.new.slot, deployments=kept)

    def retire(self, which: Literal["new", "stable"]) -> None:
        side = self.plan.new if which == "new" else self.plan.stable
        if side is not None:
            self.claim.place.retire(self.claim, side.slot)

    def back(self) -> None:
        with self.claim.held():
            self.claim.place.back(self.claim)

    def write(self, line: journal.Line) -> None:
        self.claim.append(self.plan.number, line)
