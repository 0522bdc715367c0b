"""A release beside becomes known to the gateway while its pods start: its Service is in the route, without any weight, and
their addresses are in its Service before they are ready. A request that is sent to what the gateway's proxies do not know
fails, and nothing tells when they know it: so they have had the time for it by the moment the pods are ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelway.targets.kubernetes import capacity
from modelway.targets.kubernetes.cluster import Object, Operations, changed
from modelway.targets.kubernetes.home import Home
from modelway.targets.kubernetes.state import KubernetesSlot
from modelway.targets.kubernetes.traffic import PROPAGATION_SECONDS
from modelway.targets.kubernetes.whereabouts import Whereabouts

Check = Callable[[], None]


@dataclass(frozen=True)
class Introduction:
    """Of a release that is beside and is not stable; of any other one nothing is done. since: by Service, since when, of
    time.monotonic, the gateway's controller knows of it and of all its pods. stable: what has all traffic meanwhile."""

    where: Whereabouts
    since: dict[str, float]
    stable: KubernetesSlot | None

    def is_early(self, there: Home, slot: KubernetesSlot) -> bool:
        """Whether the addresses of its pods are told before they are ready: nobody sends them anything then."""
        return self._comes(slot) and slot.bounds is None and self.where.route(there) is not None

    def begin(self, there: Home, slot: KubernetesSlot, kept: Sequence[str], check: Check) -> None:
        """Its Service is there. kept: the Services beside that were there before."""
        if self.stable is not None and self._comes(slot):
            beside = sorted({*kept, self.where.service(there, slot)})
            self.where.traffic(there).introduce(self.where.service(there, self.stable), beside, check)

    def watch(self, there: Home, slot: KubernetesSlot) -> Callable[[], None] | None:
        """To be called again and again while its pods start."""
        if not self._comes(slot):
            return None
        service, sharing = self.where.service(there, slot), self.where.traffic(there)

        def look() -> None:
            if service in self.since or sharing.connections:
                return
            if capacity.endpoints(self.where.cluster, service) >= max(1, slot.replicas) and sharing.follows():
                self.since[service] = time.monotonic()

        return look

    def end(self, there: Home, slot: KubernetesSlot, ready: int, check: Check) -> None:
        """So many pods are ready. From now on those alone that are get requests; what the gateway knows of them stays."""
        if not ready or not self._comes(slot):
            return
        service, sharing = self.where.service(there, slot), self.where.traffic(there)
        changed(self.where.cluster, "Service", service, _those_ready, check)
        if service not in self.since and not sharing.connections:
            sharing.follow()
            self.since[service] = time.monotonic()

    def wait(self, beside: Sequence[str]) -> None:
        """Until the proxies know those of these Services that this command has introduced."""
        since = [self.since[name] for name in beside if name in self.since]
        if since:
            time.sleep(max(0.0, max(since) + PROPAGATION_SECONDS - time.monotonic()))

    def _comes(self, slot: KubernetesSlot) -> bool:
        return not slot.home and (self.stable is None or slot.side.slot != self.stable.side.slot)


def _those_ready(service: Object) -> Operations:
    early = service["spec"].get("publishNotReadyAddresses", False)
    return [{"op": "remove", "path": "/spec/publishNotReadyAddresses"}] if early else []
