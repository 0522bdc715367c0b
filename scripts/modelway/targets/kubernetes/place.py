"""A namespace of a Kubernetes cluster as a place for releases.

The team's own Deployment has the stable one; a rollout runs the new one beside it; once that is adopted, the team's Deployment
gets its image, and the traffic again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import msgspec

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe.counts import CountsSource
from modelway.observe.pods import PodMetrics, PodsCounts
from modelway.records import Release
from modelway.rollout.plan import Side, side_of
from modelway.rollout.rolling import ReplicaBounds
from modelway.targets.counting_servers import CountingPlace, keep_counts
from modelway.targets.kubernetes import capacity, counting, existing, home, names, objects, routes, traffic
from modelway.targets.kubernetes.additions import Additions
from modelway.targets.kubernetes.checks import Checks, image_of
from modelway.targets.kubernetes.cluster import Cluster, changed
from modelway.targets.kubernetes.home import Home
from modelway.targets.kubernetes.introduction import Introduction
from modelway.targets.kubernetes.lease import KubernetesLease
from modelway.targets.kubernetes.replicas import check_reach, pods_for
from modelway.targets.kubernetes.routes import Sharing
from modelway.targets.kubernetes.running import Running
from modelway.targets.kubernetes.sizing import Sizing
from modelway.targets.kubernetes.sketches import PodSketches
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from modelway.targets.kubernetes.whereabouts import Whereabouts
from modelway.targets.place import HeldTarget, Replica, Routing, TargetPlace

ENDPOINT_SECONDS = 15.0
Say = Callable[[str], None]
KubernetesClaim = HeldTarget[KubernetesState, KubernetesSlot]


@dataclass(frozen=True)
class KubernetesPlace(TargetPlace[KubernetesState, KubernetesSlot]):
    """key: the target's name in its namespace. wanted: what modelway.yml says of it."""

    scales: ClassVar[bool] = True
    cluster: Cluster
    key: str
    wanted: Kubernetes
    shares: tuple[float, ...] = ()
    """The parts of the traffic that the steps of a canary ask for."""
    block_seconds: float = 5.0
    """How often requests are counted."""
    by_key: bool = False
    """Requests are led to the new release by a key."""
    needs_route: str = ""
    """The key of the deploy section that only a gateway can do; empty: none is there."""
    rolling: bool = False
    """Pods of the team's Deployment are started and ended within a rollout."""
    sketches: bool = True
    """Pods count what they are asked, where their release has a sketch of its training data."""
    _sources: dict[object, CountsSource] = field(default_factory=dict)
    """Kept for a whole rollout: one may know when its next reading is due."""
    _tokens: dict[str, str] = field(default_factory=dict)
    """By slot. The namespace has no place that only this command could read, so they last as long as it does."""
    _counting: dict[str, str] = field(default_factory=dict)
    """The token of what pods have counted."""
    _introduced: dict[str, float] = field(default_factory=dict)
    """By Service, as of `Introduction`."""
    _fenced: set[str] = field(default_factory=set)
    """Nonces of the leases under which the team's objects were marked."""

    # before anything is touched

    def objection(self, state: KubernetesState | None, ephemeral: bool) -> InvalidInput | None:
        if state is None or state.deployment in ("", self.wanted.deployment):
            return None
        return InvalidInput(
            f"{state.environment} is in Deployment {state.deployment}, and modelway.yml says {self.wanted.deployment}",
            where="deploy.kubernetes.deployment",
            fix=f"write {state.deployment}, or give the other one an environment of its own",
        )

    def prepare(self, release: Release, say: Say) -> KubernetesSlot:
        checks = Checks(self._where, self.shares)
        image, there = image_of(release), checks.own_change_done(say)
        home.check(there)
        checks.check_ours(there)
        checks.check_made(there, image)
        checks.check_counts(there)
        if self.rolling and there.is_there:
            checks.check_sizes(there)
        if self.needs_route == "strategy":
            (counting.check_by_key if self.by_key else counting.check_copied)(self.wanted.counts)
        if not self._where.route(there):
            if self.needs_route:
                raise InvalidInput(
                    f"{self._where.missing(there)}, and pods by number know neither copies nor headers",
                    where=f"deploy.{self.needs_route}",
                    fix="make one for it; or use strategy: canary, without testers",
                )
            say(f"{self._where.missing(there)}: its connections are shared by the number of pods")
            check_reach(self.shares, there.replicas)
        return self._sketches.prepared(KubernetesSlot(side_of(release), image), release, say)

    def manifests(self, release: Release) -> str:
        return objects.render(self.wanted, image_of(release)) if self.wanted.create is not None else ""

    def existing(self) -> KubernetesSlot | None:
        return existing.existing(self._where)

    def check_kept(self, slot: KubernetesSlot) -> None:
        """Its image is in a registry: whether it still is, the nodes will say."""

    def again(self, slot: KubernetesSlot, side: Side, *, way_back: bool = False) -> KubernetesSlot:
        return msgspec.structs.replace(slot, side=side, home=False, replicas=0, guarded=not way_back, bounds=None)

    def rolled(self, slot: KubernetesSlot, bounds: ReplicaBounds) -> KubernetesSlot:
        return msgspec.structs.replace(slot, bounds=bounds)

    def whole(self, slot: KubernetesSlot) -> int:
        return self._sizing.whole(slot)

    def size(self, slot: KubernetesSlot) -> int:
        return self._sizing.size(slot)

    def scale(self, claim: KubernetesClaim, slot: KubernetesSlot, replicas: int) -> None:
        self._sizing.scale(slot, replicas, _lease(claim).check)

    def ended(self, claim: KubernetesClaim, slot: KubernetesSlot, say: Say) -> None:
        self._sizing.ended(slot, say)

    def shares_by_replicas(self) -> bool:
        return self._where.route(self._where.home()) is None

    # what runs

    def rows_token(self, slot: KubernetesSlot) -> str:
        return self._tokens.setdefault(slot.side.slot, secrets.token_hex(32))

    def start(
        self, claim: KubernetesClaim, slot: KubernetesSlot | None, variables: Mapping[str, str] | None = None
    ) -> KubernetesSlot | None:
        there = self._where.home()
        self._fence(claim, there)
        if slot is None:
            return None
        if claim.state.deployment != there.name:
            claim.change(deployment=there.name)
        if not there.is_there:
            slot = msgspec.structs.replace(slot, home=True)  # it disturbs nothing there
            self._running.make_home(slot.image, _lease(claim).check, self._sketches.variables(slot))
        elif slot.home:
            capacity.as_before_the_stop(self.cluster, there.name, _lease(claim).check)
            self._take_home_back(claim, there, slot)
        else:
            rolled = slot.bounds is not None
            replicas = self._sizing.wanted(there, slot) if rolled else max(there.replicas, self._pods_beside(there))
            guarded, check = self._guarded(there, slot), _lease(claim).check
            every = {**self._sketches.variables(slot), **(variables or {})}
            coming, policies = self._introduction(claim), self._where.policies(there)
            early = coming.is_early(there, slot)
            self._running.start_beside(there, slot, replicas, guarded, check, every, policies, early=early)
            coming.begin(there, slot, self._services_beside(claim, there), check)
        return slot if slot.replicas else msgspec.structs.replace(slot, replicas=there.replicas)

    def _take_home_back(self, claim: KubernetesClaim, there: Home, slot: KubernetesSlot) -> None:
        """The team's Deployment was being given to a release that was adopted, and is to have this one again: without traffic,
        which that release has beside it still."""
        stable = claim.state.current
        if there.image == slot.image or stable is None or stable.home:
            return
        beside_ = Sharing({self._where.service(there, stable): 1.0}, self._services_beside(claim, there))
        self._where.traffic(there).put(beside_, _lease(claim).check)
        self._running.set_image(slot.image, _lease(claim).check, self._sketches.variables(slot))

    def wait_until_ready(self, claim: KubernetesClaim, slot: KubernetesSlot, say: Say) -> None:
        there = self._where.home()
        pods, coming = self._where.pods(there, slot), self._introduction(claim)
        ready = pods.wait_until_ready(slot.side.name, self.wanted.ready_seconds, say, coming.watch(there, slot))
        pods.check_release(ready, slot.side, slot.image)
        capacity.wait_for_endpoints(self.cluster, self._where.service(there, slot), len(ready), say)
        coming.end(there, slot, len(ready), _lease(claim).check)
        if self._is_guarded(slot) and not self._running.wait_for_guardian(slot):
            with claim.held():
                self.start(claim, slot)
            self._running.wait_for_guardian(slot)

    def replicas(self, claim: KubernetesClaim, slot: KubernetesSlot) -> list[Replica]:
        return self._where.pods(self._where.home(), slot).replicas()

    def counters(self, slot: KubernetesSlot) -> list[Replica]:
        return self._where.pods(self._where.home(), slot).replicas() if slot.sketch else []

    def counting(self) -> CountingPlace:
        return self._sketches.place()

    def without_sketches(self) -> KubernetesPlace:
        return replace(self, sketches=False)

    def retire(self, claim: KubernetesClaim, name: str) -> None:
        there, leaving = self._where.home(), claim.state.slots.get(name)
        stable = claim.state.current
        if leaving is not None and leaving.home and stable is not None and not stable.home:
            self._settle(claim, there, leaving, stable)
            keep_counts(self, stable)  # its pods beside are about to end
        with claim.held():
            self._where.traffic(there).restore(_lease(claim).check)
            claim.forget(name)
        if not claim.state.slots and leaving is not None and leaving.home:
            self._running.remove_home()
        kept = {slot.side.slot for slot in claim.state.slots.values() if not slot.home}
        self._running.remove_beside(kept, _lease(claim).check)

    def _settle(self, claim: KubernetesClaim, there: Home, leaving: KubernetesSlot, stable: KubernetesSlot) -> None:
        """The team's Deployment gets the image of what is stable now, without any traffic, and then all of it."""
        with claim.held():
            self._running.set_image(stable.image, _lease(claim).check, self._sketches.variables(stable))
        beside_, check = self._services_beside(claim, there), _lease(claim).check
        if stable.bounds is not None:
            self._sizing.into_home(stable, stable.bounds, beside_, check, claim.say)
        pods = self._where.pods_at_home(there)
        ready = pods.wait_until_ready(stable.side.name, self.wanted.ready_seconds, claim.say)
        pods.check_release(ready, stable.side, stable.image)
        capacity.wait_for_endpoints(self.cluster, there.service, len(ready), claim.say)
        with claim.held():
            self._where.traffic(there).put(Sharing({there.service: 1.0}, beside_), check)
        self._where.traffic(there).follow()
        # requests that are sent to a Service that no route knows any more fail: none is left on its way
        left = PodsCounts(lambda: [*pods.metrics("home"), *self._where.pods(there, stable).metrics("beside")])
        traffic.counted(left, {"home": 1.0, "beside": 0.0}, connections=self._where.traffic(there).connections)
        with claim.held():
            slots = {name: slot for name, slot in claim.state.slots.items() if name != leaving.side.slot}
            at_home = msgspec.structs.replace(stable, home=True, replicas=there.replicas, bounds=None)
            claim.change(slots=slots | {stable.side.slot: at_home})

    # who gets requests

    def route(self, claim: KubernetesClaim, routing: Routing, back: str) -> None:
        there, slots = self._where.home(), claim.state.slots
        services = {self._where.service(there, slots[name]): share for name, share in routing.shares.items()}
        led = routing.mirror or (routing.tested if routing.judged else "")  # may get as much as there is
        for name, share in (*routing.shares.items(), *([(led, 1.0)] if led else [])):
            name_, seconds = self._where.pods(there, slots[name]).deployment, self.wanted.ready_seconds
            needed = routing.carried.bounds.least if routing.carried is not None else slots[name].replicas
            capacity.make_room(self.cluster, name_, needed, share, seconds, _lease(claim).check)
        way_back = self._where.service(there, slots[back]) if back else ""
        added = Additions(
            mirror=self._where.service(there, slots[routing.mirror]) if routing.mirror else "",
            tested=self._tested(claim, there, slots[routing.tested], routing.judged) if routing.tested else "",
            testers=routing.testers,
            judged=routing.judged,
        )
        wanted = Sharing(services, self._services_beside(claim, there), way_back, added, routing.carried)
        self._introduction(claim).wait(wanted.beside)
        self._where.traffic(there).put(wanted, _lease(claim).check)

    def _tested(self, claim: KubernetesClaim, there: Home, slot: KubernetesSlot, judged: bool) -> str:
        if judged:
            return self._where.service(there, slot)
        service = self._running.make_testers(there, slot, _lease(claim).check, self._where.policies(there))
        capacity.wait_for_endpoints(self.cluster, service, slot.replicas, claim.say)
        return service

    def verify(self, claim: KubernetesClaim, routing: Routing) -> None:
        sharing = self._where.traffic(self._where.home())
        sharing.follow()
        asked = {name: routing.counted.get(name, 0.0) for name in claim.state.slots}
        if routing.shares and not routing.judged:  # of an A/B nobody knows how many come
            traffic.counted(self.counts(claim.state), asked, connections=sharing.connections)

    def back(self, claim: KubernetesClaim) -> None:
        self._where.traffic(self._where.home()).back(_lease(claim).check)

    def adopted(self, claim: KubernetesClaim) -> None:
        self._where.traffic(self._where.home()).forget_back(_lease(claim).check)

    def counts(self, state: KubernetesState) -> CountsSource:
        there, slots = self._where.home(), state.slots
        key = tuple(sorted((name, slot.home) for name, slot in slots.items()))
        if key not in self._sources:
            released = [self._where.counted(there, slot) for slot in slots.values()]
            made = counting.source(
                self.cluster, self.wanted.counts, released, lambda: self._metrics(there, slots), self.block_seconds
            )
            self._sources[key] = made
        return self._sources[key]

    def servers(self, state: KubernetesState) -> list[PodMetrics]:
        return self._metrics(self._where.home(), state.slots)

    def outcomes(self, state: KubernetesState, trials: str, successes: str, block_seconds: float) -> CountsSource:
        there = self._where.home()
        released = [self._where.counted(there, slot) for slot in state.slots.values()]
        return counting.outcome_source(self.cluster, self.wanted.counts, released, trials, successes, block_seconds)

    def _metrics(self, there: Home, slots: Mapping[str, KubernetesSlot]) -> list[PodMetrics]:
        return [item for name, slot in slots.items() for item in self._where.pods(there, slot).metrics(name)]

    def address(self, state: KubernetesState | None) -> str:
        return self.wanted.address or ""

    def check_answer(self, state: KubernetesState) -> None:
        stable, there = state.current, self._where.home()
        assert stable is not None
        pods = self._where.pods(there, stable)
        ready = pods.wait_until_ready(stable.side.name, ENDPOINT_SECONDS, lambda said: None)
        if not ready:
            where = self.cluster.where
            raise OutsideFailure(f"no pod of {stable.side.name} runs", where=where, fix="run the same command again")
        pods.check_release(ready, stable.side, stable.image)

    # its end

    def is_running(self) -> bool:
        deployment = self.cluster.get("Deployment", self.wanted.deployment)
        return bool(self._running.beside()) or (deployment is not None and deployment["spec"].get("replicas", 1) > 0)

    def stop(self) -> None:
        if (there := self._where.home()).is_there:
            self._where.traffic(there).restore(lambda: None)
        capacity.to_zero(self.cluster, self.wanted.deployment)
        self._running.remove_beside((), lambda: None)

    def tidy(self, claim: KubernetesClaim, say: Say) -> None:
        """What a command left that died, or was superseded, before the state knew of it."""
        kept = {name for name, slot in claim.state.slots.items() if not slot.home}
        left = sorted({name for name in self._running.beside() if name not in kept})
        if not left or kept:
            return
        say(f"removing {', '.join(left)}, which nothing knows of any more")
        with claim.held():
            self._where.traffic(self._where.home()).restore(_lease(claim).check)
        self._where.traffic(self._where.home()).follow()
        time.sleep(traffic.PROPAGATION_SECONDS)
        self._running.remove_beside(kept, _lease(claim).check)

    # the parts

    @property
    def _where(self) -> Whereabouts:
        return Whereabouts(self.cluster, self.key, self.wanted)

    @property
    def _running(self) -> Running:
        return Running(self.cluster, self.key, self.wanted)

    def _introduction(self, claim: KubernetesClaim) -> Introduction:
        return Introduction(self._where, self._introduced, claim.state.current)

    @property
    def _sketches(self) -> PodSketches:
        return PodSketches(self.cluster, self.key, self.sketches, self._counting)

    @property
    def _sizing(self) -> Sizing:
        return Sizing(self._where)

    def _is_guarded(self, slot: KubernetesSlot) -> bool:
        return self.wanted.guardian and slot.guarded and not slot.home

    def _guarded(self, there: Home, slot: KubernetesSlot) -> list[str]:
        """The paths of what gives traffic to the release, and is given back by the guardian."""
        if not self._is_guarded(slot):
            return []
        if route := self._where.route(there):
            return [self.cluster.path(route.kind.name, route.name)]
        beside_ = names.workload(there.name, slot.side.slot)
        return [self.cluster.path("Service", there.service), self.cluster.path("Deployment", beside_)]

    def _pods_beside(self, there: Home) -> int:
        """How many of them the steps need, where pods are counted."""
        partial = [share for share in self.shares if share < 1]
        return 0 if self._where.route(there) else max((pods_for(share, there.replicas) for share in partial), default=0)

    def _services_beside(self, claim: KubernetesClaim, there: Home) -> list[str]:
        """Those that are there: a stop removes them, and the route must lead to none that is not."""
        known = {self._where.service(there, slot) for slot in claim.state.slots.values() if not slot.home}
        return sorted(name for name in known if self.cluster.get("Service", name) is not None)

    def _fence(self, claim: KubernetesClaim, there: Home) -> None:
        """Once for every command, before its first change: what an earlier one still wants to change is refused."""
        nonce = _lease(claim).nonce
        if nonce in self._fenced:
            return
        self._where.traffic(there).fence(nonce, _lease(claim).check)
        notes, check = {names.FENCE: nonce, names.TARGET: self.key}, _lease(claim).check
        sized = [name for name, slot in claim.state.slots.items() if slot.bounds is not None]
        for name in (there.name, *(names.workload(there.name, slot) for slot in sized)):
            changed(self.cluster, "Deployment", name, lambda found: routes.annotated(found, notes), check)
        self._fenced.add(nonce)


def _lease(claim: KubernetesClaim) -> KubernetesLease:
    found = claim.lease
    assert isinstance(found, KubernetesLease), "its records are the cluster's"
    return found
