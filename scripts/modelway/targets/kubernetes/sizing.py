"""Pods that a rolling rollout starts and ends one by one: of the release beside the team's Deployment, and of that itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelway.rollout.rolling import CarriedTraffic, ReplicaBounds, Replicas, leaving, share
from modelway.targets.kubernetes import capacity
from modelway.targets.kubernetes.home import Home
from modelway.targets.kubernetes.routes import Sharing
from modelway.targets.kubernetes.state import KubernetesSlot
from modelway.targets.kubernetes.whereabouts import Whereabouts

Check = Callable[[], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizing:
    """check, of every method: whether this command may still act; it raises where not."""

    where: Whereabouts

    def whole(self, slot: KubernetesSlot) -> int:
        there = self.where.home()
        return there.replicas if slot.home else self.wanted(there, slot)

    def wanted(self, there: Home, slot: KubernetesSlot) -> int:
        """As many as its Deployment is to have; 0 where there is none yet."""
        found = self.where.cluster.get("Deployment", self.where.pods(there, slot).deployment)
        return int(found["spec"].get("replicas", 1)) if found is not None else 0

    def size(self, slot: KubernetesSlot) -> int:
        """How many are ready, of those that are to be there."""
        found = self.where.cluster.get("Deployment", self.where.pods(self.where.home(), slot).deployment)
        if found is None:
            return 0
        return min(int(found["spec"].get("replicas", 1)), int((found.get("status") or {}).get("readyReplicas", 0)))

    def scale(self, slot: KubernetesSlot, replicas: int, check: Check) -> None:
        there = self.where.home()
        whole = there.replicas if slot.home else 0
        capacity.resize(self.where.cluster, self.where.pods(there, slot).deployment, replicas, whole, check)

    def ended(self, slot: KubernetesSlot, say: Say) -> None:
        pods, seconds = self.where.pods(self.where.home(), slot), self.where.wanted.ready_seconds
        if not capacity.wait_for_end(self.where.cluster, pods.deployment, pods.selector, seconds):
            say(f"pods of {slot.side.name} that are to end have not after {seconds:.0f} s")

    def into_home(self, slot: KubernetesSlot, bounds: ReplicaBounds, beside: list[str], check: Check, say: Say) -> None:
        """The pods beside are replaced by those of the team's Deployment, which has the release's image by now: as
        gradually as they came, and with the traffic on whatever is ready."""
        there = self.where.home()
        at_home = KubernetesSlot(slot.side, slot.image, home=True)
        while (now := Replicas(self.size(slot), self.size(at_home))) != (0, bounds.whole):
            then = bounds.back(now)
            left = leaving(now, then)
            shares = {self.where.service(there, slot): share(left), there.service: 1 - share(left)}
            shares = {name: part for name, part in shares.items() if part > 0}
            sharing = self.where.traffic(there)
            sharing.put(Sharing(shares, beside, carried=CarriedTraffic(bounds, left.stable)), check)
            sharing.follow()
            self.scale(slot, then.new, check)
            self.ended(slot, say)
            self.scale(at_home, then.stable, check)
            pods = self.where.pods_at_home(there)
            ready = pods.wait_until_ready(slot.side.name, self.where.wanted.ready_seconds, say)
            pods.check_release(ready, slot.side, slot.image)
            capacity.wait_for_endpoints(self.where.cluster, there.service, len(ready), say)
