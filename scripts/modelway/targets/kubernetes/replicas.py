"""Traffic without a gateway: the team's Service sends every new connection to one of its pods, so a release's share is that of
its pods. It shares connections, not requests: a client that keeps one stays with its pod.

Pods of a release beside get the Service's labels one by one, and lose them again: nothing is started or ended by that. For all
of the traffic the Service selects the new release alone; what it selected before is kept in an annotation of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from modelway.errors import InvalidInput, OutsideFailure
from modelway.rollout.rolling import CarriedTraffic
from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.additions import NO_ADDITIONS
from modelway.targets.kubernetes.cluster import Cluster, Object, Operations, changed
from modelway.targets.kubernetes.home import selector_of
from modelway.targets.kubernetes.names import pointer
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.routes import Sharing
from modelway.targets.kubernetes.traffic import Traffic

TOLERANCE = 0.02
"""How far a share of pods may be from what is asked."""
FOLLOW_SECONDS = 15.0
POLL_SECONDS = 0.1
SHOWN = 6
Check = Callable[[], None]


def pods_for(share: float, stable: int) -> int:
    """Of the new release beside so many of stable, for a share below 1."""
    return round(share * stable / (1 - share))


def check_reach(shares: Sequence[float], stable: int) -> None:
    """InvalidInput where so many pods of stable allow no such share."""
    for share in shares:
        if share < 1 and abs((count := pods_for(share, stable)) / (stable + count) - share) > TOLERANCE:
            reached = ", ".join(f"{100 * count / (stable + count):.0f}" for count in range(1, SHOWN + 1))
            raise InvalidInput(
                f"{share:.0%} of the connections cannot be reached beside {stable} pods (no HTTPRoute: pods are counted)",
                where="deploy.steps",
                fix=f"use some of {reached} and 100, or more pods, or make an HTTPRoute for the Service",
            )


@dataclass(frozen=True)
class ReplicaTraffic(Traffic):
    """service: the team's. stable: how many pods carry its traffic. own: the selector of a release's pods, by its Service's
    name."""

    connections = True
    cluster: Cluster
    service: str
    stable: int
    own: Callable[[str], Mapping[str, str]]

    def put(self, wanted: Sharing, check: Check) -> None:
        assert wanted.additions == NO_ADDITIONS, "a Service knows neither copies nor headers: such a plan is refused"
        if wanted.carried is not None:
            self._put_rolling(wanted, wanted.carried, check)
            return
        alone = next((name for name in wanted.beside if wanted.shares.get(name, 0.0) == 1), "")
        if alone:
            self._select(self.own(alone), wanted.back, check)
        for name in wanted.beside:
            share = wanted.shares.get(name, 0.0)
            self._label(name, pods_for(share, self.stable) if share < 1 else 0, check)
            self._note(name, bool(wanted.back) and 0 < share < 1, check)
        if not alone:
            self._changed(self._restored, check)

    def _put_rolling(self, wanted: Sharing, carried: CarriedTraffic, check: Check) -> None:
        """Pods come and go, and the Service selects those of both: all of the traffic is that of its last release's pods."""
        for name in wanted.beside:
            share = wanted.shares.get(name, 0.0)
            self._label(name, pods_for(share, carried.stable) if share < 1 else None, check)
            self._note(name, bool(wanted.back) and 0 < share < 1, check, carried.missing)
        self._changed(self._restored, check)

    def follow(self, seconds: float = FOLLOW_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while True:
            selector = self._read()["spec"]["selector"]
            pods = self.cluster.list("Pod", ",".join(f"{key}={said}" for key, said in sorted(selector.items())))
            ready = {pod["metadata"]["name"] for pod in pods if _is_ready(pod)}
            slices = self.cluster.list("EndpointSlice", f"kubernetes.io/service-name={self.service}")
            endpoints = [item for piece in slices for item in piece.get("endpoints") or ()]
            leads = {
                item["targetRef"]["name"]
                for item in endpoints
                if (item.get("conditions") or {}).get("ready") is not False
            }
            if leads == ready:
                return
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    f"Service {self.service} leads to {len(leads)} pods and selects {len(ready)} that are ready",
                    where=self.cluster.where,
                    fix="is the cluster's controller manager running?",
                )
            time.sleep(POLL_SECONDS)

    def introduce(self, back: str, beside: Sequence[str], check: Check) -> bool:
        return False  # pods get no label, and no connection, before they are ready

    def follows(self) -> bool:
        return True

    def back(self, check: Check) -> None:
        self._changed(lambda service: routes.taken(service, routes.prepared(service)), check)
        for deployment in self.cluster.list("Deployment", names.SLOT):
            if names.BACK in (deployment["metadata"].get("annotations") or {}):
                name = deployment["metadata"]["name"]
                left = json.loads(deployment["metadata"]["annotations"][names.BACK])[0]["value"]
                self._label(name, left, check)
                self._note(name, False, check)

    def forget_back(self, check: Check) -> None:
        self._changed(lambda service: routes.annotated(service, {names.BACK: None}), check)

    def fence(self, nonce: str, check: Check) -> None:
        self._changed(lambda service: routes.annotated(service, {names.FENCE: nonce}), check)

    def restore(self, check: Check) -> None:
        self._changed(self._restored, check)

    def _select(self, selector: Mapping[str, str], back: str, check: Check) -> None:
        """All connections go to the pods with these labels."""

        def change(service: Object) -> Operations:
            before = selector_of(service)
            returning = [{"op": "replace", "path": "/spec/selector", "value": before}]
            notes = {names.BEFORE: json.dumps(before), names.BACK: json.dumps(returning) if back else None}
            return [
                {"op": "replace", "path": "/spec/selector", "value": dict(selector)},
                *routes.annotated(service, notes),
            ]

        self._changed(change, check)

    @staticmethod
    def _restored(service: Object) -> Operations:
        noted = (service["metadata"].get("annotations") or {}).get(names.BEFORE)
        written = [{"op": "replace", "path": "/spec/selector", "value": json.loads(noted)}] if noted else []
        return [*written, *routes.annotated(service, {names.BEFORE: None, names.BACK: None})]

    def _label(self, beside: str, wanted: int | None, check: Check) -> None:
        """So many of the release's pods are selected by the Service; None: all that are ready."""
        own, service = self.own(beside), self._read()
        selector = selector_of(service)
        pods = self.cluster.list("Pod", ",".join(f"{key}={said}" for key, said in sorted(own.items())))
        pods = sorted((pod for pod in pods if _is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
        labelled = [pod for pod in pods if _has(pod, selector)]
        others = [pod for pod in pods if not _has(pod, selector)]
        count = len(pods) if wanted is None else wanted
        if len(labelled) + len(others) < count:
            raise OutsideFailure(
                f"{len(pods)} pods are ready, and {count} are needed",
                where=f"Deployment {beside}",
                fix="see what they say",
            )
        for pod in others[: max(0, count - len(labelled))]:
            self._set(pod, selector, check)
        for pod in labelled[count:] if count < len(labelled) else ():
            self._set(pod, dict.fromkeys(selector), check)

    def _set(self, pod: Object, labels: Mapping[str, str | None], check: Check) -> None:
        check()
        try:
            self.cluster.merge("Pod", pod["metadata"]["name"], {"metadata": {"labels": dict(labels)}})
        except ApiError as error:
            if error.status != 404:
                raise self.cluster.told(error) from None

    def _note(self, deployment: str, shares: bool, check: Check, left: int = 0) -> None:
        """While it has a part of the connections, its guardian ends them by ending its pods. left: but for so many, without
        which stable's are too few."""
        returning = json.dumps([{"op": "replace", "path": pointer("spec", "replicas"), "value": left}])
        notes = {names.BACK: returning if shares else None}
        changed(self.cluster, "Deployment", deployment, lambda found: routes.annotated(found, notes), check)

    def _read(self) -> Object:
        service = self.cluster.get("Service", self.service)
        if service is None:
            raise self._gone()
        return service

    def _changed(self, change: Callable[[Object], Operations], check: Check) -> None:
        if changed(self.cluster, "Service", self.service, change, check) is None:
            raise self._gone()

    def _gone(self) -> OutsideFailure:
        return OutsideFailure(
            f"Service {self.service} is not there any more",
            where=self.cluster.where,
            fix="apply the team's manifest again",
        )


def _has(pod: Object, selector: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == said for key, said in selector.items())


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        item["type"] == "Ready" and item["status"] == "True" for item in conditions
    )
