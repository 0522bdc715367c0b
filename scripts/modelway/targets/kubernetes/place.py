"""A namespace of a Kubernetes cluster as a place for releases.

The team's own Deployment has the stable one; a rollout runs the new one beside it; once that is adopted, the team's Deployment
gets its image, and the traffic again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe.counts import CountsSource
from modelway.observe.pods import PodMetrics, PodsCounts
from modelway.records import Release
from modelway.rollout.plan import Side, side_of
from modelway.targets.kubernetes import beside, gateway, guard, home, names, objects, owners, traffic
from modelway.targets.kubernetes.cluster import ApiError, Cluster, Object, changed
from modelway.targets.kubernetes.home import Home
from modelway.targets.kubernetes.lease import KubernetesLease
from modelway.targets.kubernetes.pods import Pods
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from modelway.targets.place import HeldTarget, TargetPlace

ENDPOINT_SECONDS = 15.0
POLL_SECONDS = 0.1
UNKNOWN = 0
"""The version of what ran before modelway came, where it does not say which it is."""
Say = Callable[[str], None]
KubernetesClaim = HeldTarget[KubernetesState, KubernetesSlot]


@dataclass(frozen=True)
class KubernetesPlace(TargetPlace[KubernetesState, KubernetesSlot]):
    """key: the target's name in its namespace. wanted: what modelway.yml says of it."""

    cluster: Cluster
    key: str
    wanted: Kubernetes
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
        if not release.image:
            raise InvalidInput(
                f"version {release.version} was built and not pushed, so no cluster can pull it",
                where="build.image",
                fix="name the repository to push to, and run build-image again",
            )
        there = self._home()
        home.check(there)
        self._check_ours(there)
        return KubernetesSlot(side_of(release), release.image)

    def existing(self) -> KubernetesSlot | None:
        """What the team's Deployment runs, as a release: its version, where its server says which it is."""
        there = self._home()
        if not there.is_there:
            return None
        running = self._pods_at_home(there).running()
        said = self._pods_at_home(there).release_of(running[0]["metadata"]["name"]) if running else None
        version = said["version"] if said else UNKNOWN
        assert isinstance(version, int)
        side = Side(
            slot="before",
            version=version,
            built_for=str(said["environment"]) if said else "",
            config_digest="",
            manifest_digest=there.image.rpartition("@")[2] if "@" in there.image else "",
            model_digest=str(said["digest"]) if said else "",
        )
        return KubernetesSlot(side, there.image, home=True, replicas=there.replicas)

    def check_kept(self, slot: KubernetesSlot) -> None:
        """Its image is in a registry: whether it still is, the nodes will say."""

    # what runs

    def start(self, claim: KubernetesClaim, slot: KubernetesSlot | None) -> KubernetesSlot | None:
        there = self._home()
        self._fence(claim, there)
        if slot is None:
            return None
        if claim.state.deployment != there.name:
            claim.change(deployment=there.name)
        if not there.is_there:
            slot = msgspec.structs.replace(slot, home=True)  # it disturbs nothing there
            self._make_home(claim, slot.image)
        elif slot.home:
            self._scale_up(claim, there)
        else:
            self._run_beside(claim, there, slot)
        return slot if slot.replicas else msgspec.structs.replace(slot, replicas=there.replicas)

    def wait_until_ready(self, claim: KubernetesClaim, slot: KubernetesSlot, say: Say) -> None:
        there = self._home()
        pods = self._pods(there, slot)
        ready = pods.wait_until_ready(f"version {slot.side.version}", self.wanted.ready_seconds, say)
        pods.check_release(ready, slot.side, slot.image)
        self._wait_for_endpoints(self._service(there, slot), len(ready))
        if self.wanted.guardian and not slot.home:
            self._wait_for_guardian(slot)

    def retire(self, claim: KubernetesClaim, name: str) -> None:
        there, leaving = self._home(), claim.state.slots.get(name)
        stable = claim.state.current
        if leaving is not None and leaving.home and stable is not None and not stable.home:
            self._settle(claim, there, leaving, stable)
        with claim.held():
            self._traffic(there).restore(_lease(claim).check)
            claim.forget(name)
        if not claim.state.slots and leaving is not None and leaving.home:
            self._remove_home()
        kept = {slot.side.slot for slot in claim.state.slots.values() if not slot.home}
        self._remove_beside(item for item in self._beside() if item not in kept)

    def _settle(self, claim: KubernetesClaim, there: Home, leaving: KubernetesSlot, stable: KubernetesSlot) -> None:
        """The team's Deployment gets the image of what is stable now, without any traffic, and then all of it."""
        with claim.held():
            self._set_image(claim, there, stable.image)
        pods = self._pods_at_home(there)
        ready = pods.wait_until_ready(f"version {stable.side.version}", self.wanted.ready_seconds, lambda said: None)
        pods.check_release(ready, stable.side, stable.image)
        self._wait_for_endpoints(there.service, len(ready))
        shares = {there.service: 1.0}
        with claim.held():
            self._traffic(there).put(shares, self._services_beside(claim, there), "", _lease(claim).check)
        self._traffic(there).follow()
        with claim.held():
            slots = {name: slot for name, slot in claim.state.slots.items() if name != leaving.side.slot}
            at_home = msgspec.structs.replace(stable, home=True, replicas=there.replicas)
            claim.change(slots=slots | {stable.side.slot: at_home})

    # who gets requests

    def route(self, claim: KubernetesClaim, shares: Mapping[str, float], back: str) -> None:
        there, slots = self._home(), claim.state.slots
        services = {self._service(there, slots[name]): share for name, share in shares.items()}
        for name, share in shares.items():
            self._make_room(claim, there, slots[name], share)
        beside_ = self._services_beside(claim, there)
        way_back = self._service(there, slots[back]) if back else ""
        self._traffic(there).put(services, beside_, way_back, _lease(claim).check)

    def verify(self, claim: KubernetesClaim, shares: Mapping[str, float]) -> None:
        self._traffic(self._home()).follow()
        asked = {name: shares.get(name, 0.0) for name in claim.state.slots}
        if shares:
            traffic.counted(self.counts(claim.state), asked)

    def back(self, claim: KubernetesClaim) -> None:
        self._traffic(self._home()).back(_lease(claim).check)

    def adopted(self, claim: KubernetesClaim) -> None:
        self._traffic(self._home()).forget_back(_lease(claim).check)

    def counts(self, state: KubernetesState) -> CountsSource:
        there = self._home()

        def pods() -> list[PodMetrics]:
            return [item for name, slot in state.slots.items() for item in self._pods(there, slot).metrics(name)]

        return PodsCounts(pods)

    def address(self, state: KubernetesState | None) -> str:
        return self.wanted.address or ""

    def check_answer(self, state: KubernetesState) -> None:
        stable, there = state.current, self._home()
        assert stable is not None
        pods = self._pods(there, stable)
        ready = pods.wait_until_ready(f"version {stable.side.version}", ENDPOINT_SECONDS, lambda said: None)
        if not ready:
            raise OutsideFailure(
                f"no pod of version {stable.side.version} runs",
                where=self.cluster.where,
                fix="run the same command again",
            )
        pods.check_release(ready, stable.side, stable.image)

    # its end

    def is_running(self) -> bool:
        deployment = self.cluster.get("Deployment", self.wanted.deployment)
        return bool(self._beside()) or (deployment is not None and deployment["spec"].get("replicas", 1) > 0)

    def stop(self) -> None:
        def to_zero(deployment: Object) -> gateway.Operations:
            replicas = deployment["spec"].get("replicas", 1)
            if not replicas:
                return []
            noted = gateway.annotated(deployment, {names.REPLICAS: str(replicas)})
            return [*noted, {"op": "replace", "path": "/spec/replicas", "value": 0}]

        changed(self.cluster, "Deployment", self.wanted.deployment, to_zero, lambda: None)
        self._remove_beside(self._beside())

    def tidy(self, say: Say) -> None:
        """Nothing is left that `retire` does not remove."""

    # the parts

    def _home(self) -> Home:
        return home.find(self.cluster, self.wanted)

    def _traffic(self, there: Home) -> traffic.GatewayTraffic:
        made = objects.route(self.wanted, self.wanted.create) if self.wanted.create is not None else None
        return traffic.GatewayTraffic(self.cluster, self._route(there), there.service, made)

    def _route(self, there: Home) -> str:
        """The HTTPRoute's name. InvalidInput where none, or more than one, leads to the Service."""
        if self.wanted.route is not None:
            return self.wanted.route
        if self.wanted.create is not None and self.wanted.create.gateway is not None:
            return self.wanted.deployment
        found = sorted(
            str(item["metadata"]["name"])
            for item in self.cluster.list("HTTPRoute")
            if gateway.refers(item, there.service)
        )
        if len(found) != 1:
            raise InvalidInput(
                f"{' and '.join(found) or 'no HTTPRoute'} lead{'s' if len(found) < 2 else ''} to Service {there.service}",
                where="deploy.kubernetes.route",
                fix="name the one whose weights are to be set" if found else "make one for it",
            )
        return found[0]

    def _check_ours(self, there: Home) -> None:
        """InvalidInput where what a rollout changes belongs to another program, or could not be changed."""
        if not there.is_there:
            return
        traffic_ = self._traffic(there)
        route = self.cluster.get("HTTPRoute", traffic_.route)
        if route is None:
            raise InvalidInput(
                f"there is no HTTPRoute {traffic_.route} in {self.cluster.where}",
                where="deploy.kubernetes.route",
                fix="name one that is there",
            )
        gateway.check(route, there.service)
        other = (there.deployment["metadata"].get("annotations") or {}).get(names.TARGET, self.key)
        if other != self.key:
            raise InvalidInput(
                f"Deployment {there.name} is that of another model or environment, {other}",
                where="deploy.kubernetes.deployment",
                fix="give every model and environment a Deployment of its own",
            )
        image = ("spec", "template", "spec", "containers", {"name": there.container}, "image")
        for body, path in ((route, ("spec", "rules")), (there.deployment, image)):
            if (manager := owners.foreign(body, path, self.wanted.take_over)) is not None:
                raise owners.refusal(manager, body["kind"], body["metadata"]["name"], path)

    def _pods(self, there: Home, slot: KubernetesSlot) -> Pods:
        if slot.home:
            return self._pods_at_home(there)
        name = names.workload(there.name, slot.side.slot)
        selector = f"{names.TARGET}={self.key},{names.SLOT}={slot.side.slot}"
        return Pods(self.cluster, name, selector, there.container, there.port)

    def _pods_at_home(self, there: Home) -> Pods:
        return Pods(self.cluster, there.name, there.selector, there.container, there.port)

    def _service(self, there: Home, slot: KubernetesSlot) -> str:
        return there.service if slot.home else names.workload(there.name, slot.side.slot)

    def _services_beside(self, claim: KubernetesClaim, there: Home) -> list[str]:
        return sorted(self._service(there, slot) for slot in claim.state.slots.values() if not slot.home)

    def _fence(self, claim: KubernetesClaim, there: Home) -> None:
        """Once for every command, before its first change: what an earlier one still wants to change is refused."""
        nonce = _lease(claim).nonce
        if nonce in self._fenced:
            return
        self._traffic(there).fence(nonce, _lease(claim).check)
        changed(
            self.cluster,
            "Deployment",
            there.name,
            lambda deployment: gateway.annotated(deployment, {names.FENCE: nonce, names.TARGET: self.key}),
            _lease(claim).check,
        )
        self._fenced.add(nonce)

    def _run_beside(self, claim: KubernetesClaim, there: Home, slot: KubernetesSlot) -> None:
        name, side = names.workload(there.name, slot.side.slot), slot.side.slot
        owner = beside.owner(self.key, side, name)
        try:
            owner = self.cluster.create(owner)
        except ApiError as error:
            if error.status != 409:
                raise self.cluster.told(error) from None
            owner = self.cluster.get("ConfigMap", name) or owner
        services = self.cluster.list("Service")
        made = beside.deployment(there, services, self.key, side, slot.image, there.replicas, owner)
        if caught := beside.caught(services, made["spec"]["template"]["metadata"]["labels"], name):
            raise InvalidInput(
                f"Service {caught} selects the pods of every release",
                where=self.cluster.where,
                fix="give its selector a label of the team's Deployment alone",
            )
        guarded = self._guardian(there, slot, owner) if self.wanted.guardian else []
        for body in (*guarded, made, beside.service(there, self.key, side, owner)):
            _lease(claim).check()
            self._apply(body)

    def _guardian(self, there: Home, slot: KubernetesSlot, owner: Object) -> list[Object]:
        """What takes the traffic back when nobody comes any more."""
        target = self.cluster.path("HTTPRoute", self._route(there))
        name, of = _guardian_of(owner["metadata"]["name"]), [beside.reference(owner)]
        labels = {names.TARGET: self.key, names.GUARDIAN: slot.side.slot}  # its Service finds pods by SLOT
        common: dict[str, Any] = {"lease": self.key, "target": target, "labels": labels, "owners": of}
        secrets = there.template["spec"].get("imagePullSecrets") or ()
        return [
            *guard.account(name, self.cluster.namespace, **common),
            guard.job(
                name,
                self.cluster.namespace,
                image=slot.image,
                python="python3",
                pull_secrets=secrets,
                lease_seconds=self.wanted.lease_seconds,
                **common,
            ),
        ]

    def _apply(self, body: Object) -> Object:
        try:
            return self.cluster.apply(body, force=True)
        except ApiError as error:
            raise self.cluster.told(error) from None

    def _set_image(self, claim: KubernetesClaim, there: Home, image: str) -> None:
        """In the team's Deployment, and nothing else of it."""
        path = ("spec", "template", "spec", "containers", {"name": there.container}, "image")
        for _ in range(20):
            now = self._home()
            if now.image == image:
                return
            if (manager := owners.foreign(now.deployment, path, self.wanted.take_over)) is not None:
                raise owners.refusal(manager, "Deployment", now.name, path)
            _lease(claim).check()
            version = now.deployment["metadata"]["resourceVersion"]
            container = {"name": now.container, "image": image}
            body: Object = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": now.name, "resourceVersion": version},
                "spec": {"template": {"spec": {"containers": [container]}}},
            }
            try:
                self.cluster.apply(body, force=True)
                return
            except ApiError as error:
                if not error.is_conflict:
                    raise self.cluster.told(error) from None
        raise OutsideFailure(f"Deployment {there.name} is changed by others all the time", where=self.cluster.where)

    def _make_home(self, claim: KubernetesClaim, image: str) -> None:
        """The objects of a team that has no manifests; they get no traffic by this."""
        create, wanted = self.wanted.create, self.wanted
        assert create is not None, "what is the team's is there"
        made = [objects.deployment(wanted, create, image), objects.service(wanted), objects.disruption_budget(wanted)]
        for body in filter(None, (*made, objects.autoscaler(wanted, create))):
            _lease(claim).check()
            self._apply(body)

    def _remove_home(self) -> None:
        for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Deployment", "Service"):
            self.cluster.delete(kind, self.wanted.deployment)

    def _scale_up(self, claim: KubernetesClaim, there: Home) -> None:
        """Where it was stopped, it runs again with as many pods as before."""

        def scaled(deployment: Object) -> gateway.Operations:
            noted = (deployment["metadata"].get("annotations") or {}).get(names.REPLICAS)
            if deployment["spec"].get("replicas", 1) or noted is None:
                return []
            forgotten = gateway.annotated(deployment, {names.REPLICAS: None})
            return [*forgotten, {"op": "replace", "path": "/spec/replicas", "value": int(noted)}]

        changed(self.cluster, "Deployment", there.name, scaled, _lease(claim).check)

    def _make_room(self, claim: KubernetesClaim, there: Home, slot: KubernetesSlot, share: float) -> None:
        """Before a release gets more traffic, it has as many ready pods as that needs: something may have scaled it down while
        it had less."""
        needed = max(1, math.ceil(share * slot.replicas))
        name = self._pods(there, slot).deployment
        deadline = time.monotonic() + self.wanted.ready_seconds
        while True:
            deployment = self.cluster.get("Deployment", name) or {"spec": {}, "status": {}}
            if (deployment.get("status") or {}).get("readyReplicas", 0) >= needed:
                return
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"version {slot.side.version} has fewer than the {needed} ready pods that its traffic needs",
                    where=f"Deployment {name}",
                    fix="see why its pods do not become ready",
                )
            if deployment["spec"].get("replicas", 1) < needed:
                _lease(claim).check()
                scale = [{"op": "replace", "path": "/spec/replicas", "value": needed}]
                try:
                    self.cluster.patch("Deployment", name, scale, "scale")
                except ApiError as error:
                    raise self.cluster.told(error) from None
            time.sleep(POLL_SECONDS)

    def _wait_for_endpoints(self, service: str, count: int) -> None:
        """What routes requests knows the pods of the Service: a share of one without any is answered 503."""
        deadline = time.monotonic() + ENDPOINT_SECONDS
        while True:
            slices = self.cluster.list("EndpointSlice", f"kubernetes.io/service-name={service}")
            endpoints = [item for piece in slices for item in piece.get("endpoints") or ()]
            ready = sum((item.get("conditions") or {}).get("ready", True) is not False for item in endpoints)
            if ready >= count:
                return
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"Service {service} has {ready} of {count} pods",
                    where=self.cluster.where,
                    fix="do its ports fit the pods?",
                )
            time.sleep(POLL_SECONDS)

    def _wait_for_guardian(self, slot: KubernetesSlot) -> None:
        name = _guardian_of(names.workload(self.wanted.deployment, slot.side.slot))
        deadline = time.monotonic() + self.wanted.ready_seconds
        while not ((self.cluster.get("Job", name) or {}).get("status") or {}).get("ready"):
            if time.monotonic() > deadline:
                pods = self.cluster.list("Pod", f"{names.TARGET}={self.key},{names.GUARDIAN}={slot.side.slot}")
                words = self.cluster.lines(pods[0]["metadata"]["name"], "guardian", previous=False) if pods else ""
                raise OutsideFailure(
                    f"the guardian does not run{f': {words}' if words else ''}",
                    where=f"Job {name}",
                    fix="kubectl describe its pod; or do without it: deploy.kubernetes.guardian: false",
                )
            time.sleep(POLL_SECONDS)

    def _beside(self) -> list[str]:
        """Slots that run beside the team's Deployment."""
        found = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.SLOT}")
        return [str(item["metadata"]["labels"][names.SLOT]) for item in found]

    def _remove_beside(self, slots: Iterable[str]) -> None:
        for slot in slots:
            labels = f"{names.TARGET}={self.key},{names.SLOT}={slot}"
            self.cluster.delete("Job", _guardian_of(names.workload(self.wanted.deployment, slot)))
            for kind in ("Deployment", "Service", "ConfigMap"):
                for item in self.cluster.list(kind, labels, metadata=True):
                    self.cluster.delete(kind, item["metadata"]["name"])


def _guardian_of(workload: str) -> str:
    return f"{workload}-guardian"


def _lease(claim: KubernetesClaim) -> KubernetesLease:
    found = claim.lease
    assert isinstance(found, KubernetesLease), "its records are the cluster's"
    return found
