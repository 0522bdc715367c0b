"""What a rollout asks of the local target, each act under the lease."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Literal

from modelway.observe import envoy
from modelway.rollout import journal
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan
from modelway.targets.local import proxy
from modelway.targets.local.machine import Machine
from modelway.targets.local.state import Deployment, Slot

DRAIN_SECONDS = 30
KEPT_DEPLOYMENTS = 20


class LocalTarget:
    """`rollout.run.Target` on this machine. new: the release to bring, with the ports that its replicas will have."""

    def __init__(
        self, machine: Machine, plan: Plan, new: Slot, ready_seconds: float, say: Callable[[str], None]
    ) -> None:
        self.machine, self.lease, self.plan, self.new = machine, machine.lease, plan, new
        self.ready_seconds, self.say = ready_seconds, say
        self._last: envoy.Snapshot | None = None
        self._started = time.time() - time.monotonic()
        """Fixed, so that a clock that is set meanwhile moves no block of the report."""

    def start(self) -> None:
        name = self.new.side.slot
        with self.lease.held():
            self.machine.start_proxy()
            self.new = self.machine.start_replicas(self.machine.deployed.slots.get(name, self.new), dict(os.environ))
        self.machine.wait_until_ready(self.new, self.ready_seconds, self.say)

    def route(self, weight: float) -> None:
        stable = self.plan.stable.slot if self.plan.stable else ""
        with self.lease.held():
            if weight == 0 and not stable:
                self.machine.put_routes({})
                return
            if weight > 0 and stable in self.machine.deployed.slots:
                self.machine.put_routes({stable: 1.0}, proxy.BACK)  # the way back is there before the way forth
            shares = {stable: 1 - weight, self.new.side.slot: weight}
            self.machine.put_routes({name: share for name, share in shares.items() if share > 0})
        self._last = envoy.snapshot(self.machine.admin)

    def observe(self, weight: float) -> Block:
        before = self._last or envoy.snapshot(self.machine.admin)
        time.sleep(max(0.0, before.ticks + self.plan.block_seconds - time.monotonic()))
        after = envoy.snapshot(self.machine.admin)
        self._last = after
        with self.lease.held():
            pass  # what was counted is of use only to the one that may act on it
        counts, dropped = [], ""
        for side in (self.plan.new, self.plan.stable):
            if side is None:
                counts.append(Counts())
                continue
            samples = (envoy.sample_of(before.clusters, side.slot), envoy.sample_of(after.clusters, side.slot))
            between = envoy.counted(*samples, self.plan.slow_ms)
            if between is None:
                dropped = "Envoy was started anew, its counters began at zero"
            counts.append(Counts(*between) if between else Counts())
        return Block(
            began=round(self._started + before.ticks, 3),
            seconds=round(after.ticks - before.ticks, 3),
            weight=weight,
            canary=Counts() if dropped else counts[0],
            stable=Counts() if dropped else counts[1],
            dropped=dropped,
        )

    def adopt(self) -> None:
        with self.lease.held():
            deployed = self.machine.deployed
            if deployed.stable == self.new.side.slot:
                return
            deployment = Deployment(self.new, self.plan.kind, self.plan.number, time.time())
            kept = (*deployed.deployments, deployment)[-KEPT_DEPLOYMENTS:]
            self.machine.change(stable=self.new.side.slot, deployments=kept)

    def retire(self, which: Literal["new", "stable"]) -> None:
        side = self.plan.new if which == "new" else self.plan.stable
        if side is None:
            return
        self.machine.drain(side.slot, DRAIN_SECONDS)  # without the lease: a rollback does not wait for it
        with self.lease.held():
            self.machine.forget(side.slot)
        self.machine.end_replicas(side.slot)

    def back(self) -> None:
        prepared = self.machine.config / proxy.BACK
        with self.lease.held():
            if prepared.exists():
                prepared.replace(self.machine.config / proxy.ROUTES)

    def write(self, line: journal.Line) -> None:
        with self.lease.held():
            journal.append(self.machine.journal(self.plan.number), line)
