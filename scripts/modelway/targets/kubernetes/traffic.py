"""How requests are shared among releases: by an HTTPRoute or a VirtualService where one leads to the team's Service. Weights
are believed once nothing that is said of the route speaks against them, and what is counted does not contradict it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.targets.kubernetes import claims, gateway, names, routes
from modelway.targets.kubernetes.cluster import Cluster, Object, Operations, changed
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.routes import RouteKind, Sharing

FOLLOW_SECONDS = 15.0
"""For the gateway's controller to take up a route: it was seen to need 10 after the API server came back."""
COUNT_SECONDS = 10.0
SILENT_SECONDS = 3.0
"""Without any request in them there is nothing to count: the judge asks for requests later on."""
POLL_SECONDS = 0.1
PROPAGATION_SECONDS = 1.0
"""From the gateway's controller to its proxies, which nothing tells; weights were seen to move after 28 ms."""
EXPECTED = 20
"""An arm that got no request where so many were expected does not follow its weight: by chance twice in 10^9."""


class Traffic(Protocol):
    """What shares the requests to the team's Service among releases. check: whether this command may still act; it raises
    where not. connections: whether these are shared, and not requests: one that was there stays where it is."""

    connections: ClassVar[bool]

    def put(self, wanted: Sharing, check: Callable[[], None]) -> None:
        """From now on it is shared so."""

    def introduce(self, back: str, beside: Sequence[str], check: Callable[[], None]) -> bool:
        """All traffic goes to the Service `back`, and every Service beside is known before it has its first request. False
        where all of them were: then nothing is changed."""

    def follows(self) -> bool:
        """Whether what routes says that it does."""

    def follow(self) -> None:
        """Until what routes says that it follows; OutsideFailure where it does not in time."""

    def back(self, check: Callable[[], None]) -> None:
        """All traffic to the Service that was prepared for it; nothing where none was."""

    def forget_back(self, check: Callable[[], None]) -> None:
        """From now on there is no way back to what was stable: the new release is."""

    def fence(self, nonce: str, check: Callable[[], None]) -> None:
        """Whatever an earlier holder of the lease still wants to change was read before this, and is refused."""

    def restore(self, check: Callable[[], None]) -> None:
        """All as the team wrote it."""


@dataclass(frozen=True)
class GatewayTraffic(Traffic):
    """route: its name. service: the team's, which its rules refer to. made: the route, where it is ours to make. kind: of
    the route."""

    connections = False
    cluster: Cluster
    route: str
    service: str
    made: Object | None = None
    kind: RouteKind = gateway.KIND

    def put(self, wanted: Sharing, check: Callable[[], None]) -> None:
        if self.made is not None and not wanted.shares:
            check()
            self.cluster.delete(self.kind.name, self.route)
            return
        if self.made is not None and self.cluster.get(self.kind.name, self.route) is None:
            check()
            self._create(self.made)

        if wanted.beside and wanted.back and self.introduce(wanted.back, wanted.beside, check):
            self.follow()
            time.sleep(PROPAGATION_SECONDS)
        if wanted.beside:
            self._changed(lambda route: self._shared(route, wanted), check)
        else:
            self._changed(lambda route: routes.as_before(self.kind, route, self.service), check)

    def _shared(self, route: Object, wanted: Sharing) -> Operations:
        """And whose the rules were, which become ours by the change."""
        operations = routes.weights(self.kind, route, self.service, wanted)
        return operations + claims.noted(route, ("spec", self.kind.rules), operations)

    def introduce(self, back: str, beside: Sequence[str], check: Callable[[], None]) -> bool:
        """A request that is sent to a Service before the gateway knows it, and its pods, fails."""
        before = self._read()
        if before is None or all(routes.refers(self.kind, before, name) for name in beside):
            return False
        known = Sharing({back: 1.0}, beside, back)
        self._changed(lambda route: self._shared(route, known), check)
        return True

    def restore(self, check: Callable[[], None]) -> None:
        def change(route: Object) -> Operations:
            return routes.as_before(self.kind, route, self.service)

        def give_back(route: Object) -> Operations:
            return claims.given_back(route, ("spec", self.kind.rules))

        changed(self.cluster, self.kind.name, self.route, change, check)
        changed(self.cluster, self.kind.name, self.route, give_back, check)

    def _create(self, made: Object) -> None:
        try:
            self.cluster.create(made)
        except ApiError as error:
            if error.status != 409:
                raise self.cluster.told(error) from None

    def follows(self) -> bool:
        route = self._read()
        return route is None or self.kind.problem(route) is None

    def follow(self, seconds: float = FOLLOW_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while True:
            route = self._read()
            if route is None:
                return
            said = self.kind.problem(route)
            if said is None:
                return
            if time.monotonic() > deadline:
                raise self.kind.not_followed(route, seconds)
            time.sleep(POLL_SECONDS)

    def back(self, check: Callable[[], None]) -> None:
        if self.made is None or self.cluster.get(self.kind.name, self.route) is not None:
            self._changed(lambda route: routes.way_back(self.kind, route), check)

    def forget_back(self, check: Callable[[], None]) -> None:
        self._changed(lambda route: routes.annotated(route, {names.BACK: None}), check)

    def fence(self, nonce: str, check: Callable[[], None]) -> None:
        def change(route: Object) -> Operations:
            return routes.annotated(route, {names.FENCE: nonce})

        changed(self.cluster, self.kind.name, self.route, change, check)

    def _read(self) -> Object | None:
        """None where it is ours, and nothing is deployed."""
        route = self.cluster.get(self.kind.name, self.route)
        if route is None and self.made is None:
            raise self._gone()
        return route

    def _changed(self, change: Callable[[Object], Operations], check: Callable[[], None]) -> None:
        if changed(self.cluster, self.kind.name, self.route, change, check) is None:
            raise self._gone()

    def _gone(self) -> OutsideFailure:
        return OutsideFailure(
            f"{self.kind.name} {self.route} is not there any more",
            where=self.cluster.where,
            fix="apply the team's manifest again",
        )


def counted(source: CountsSource, shares: Mapping[str, float], *, connections: bool = False) -> None:
    """Watch until what is counted agrees with the shares. OutsideFailure where it contradicts them; where no request comes,
    nothing contradicts them. shares: slot -> its part; of every slot that has replicas. connections: one that was there
    before may still bring requests where there should be none."""
    began = since = time.monotonic()
    before = source.snapshot()
    while True:
        time.sleep(POLL_SECONDS)
        now, waited = source.snapshot(), time.monotonic() - began
        if before.gap or now.gap:
            before = now
        elif any(_has_lost(before, now, slot) for slot in shares):
            before, since = now, time.monotonic()  # what is left of a sum says nothing of the weights
        got = {slot: max(0, _requests(now, slot) - _requests(before, slot)) for slot in shares}
        total = sum(got.values())
        wrong = _contradiction(got, shares, connections) if total else ""
        if wrong == "stray" and waited < COUNT_SECONDS:
            before, since = now, time.monotonic()  # what was on its way when the weights changed
            continue
        if total and not wrong and all(got[slot] > 0 for slot, share in shares.items() if share > 0):
            return
        if waited > COUNT_SECONDS or (not total and time.monotonic() - since > SILENT_SECONDS):
            break
    if wrong:
        said = ", ".join(f"{slot} got {got[slot]}, asked {100 * share:g} %" for slot, share in sorted(shares.items()))
        raise OutsideFailure(
            f"the traffic does not follow the weights: of {total} requests {said}",
            where="what was counted",
            fix="is there another route for the same host, or a client that keeps its connection to one pod?",
        )


def _requests(snapshot: Snapshot, slot: str) -> int:
    return snapshot.releases.get(slot, Counters()).requests


def _has_lost(before: Snapshot, now: Snapshot, slot: str) -> bool:
    """Whether a part of the release is gone meanwhile, such as a pod that an autoscaler took, or has begun anew at zero."""
    there = now.parts(slot)
    return any(
        name not in there or there[name].requests < sample.requests for name, sample in before.parts(slot).items()
    )


def _contradiction(got: Mapping[str, int], shares: Mapping[str, float], connections: bool) -> str:
    """`stray`: a request where there should be none; `share`: none where there should be many; else nothing."""
    total = sum(got.values())
    if not connections and any(got[slot] and share == 0 for slot, share in shares.items()):
        return "stray"
    silent = any(not got[slot] and share * total >= EXPECTED for slot, share in shares.items())
    return "share" if silent else ""
