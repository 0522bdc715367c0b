"""How many pods a release has: as many as its traffic needs before it gets that, none after a stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from modelway.errors import OutsideFailure
from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.cluster import Cluster, Object, Operations, changed
from modelway.targets.kubernetes.refusals import ApiError

POLL_SECONDS = 0.1
ENDPOINT_SECONDS = 15.0


def make_room(
    cluster: Cluster, deployment: str, replicas: int, share: float, seconds: float, check: Callable[[], None]
) -> None:
    """Before a release gets this share, it has as many ready pods as that needs of the `replicas` that carry all of it:
    something may have scaled it down while it had less. OutsideFailure where it does not within seconds."""
    needed, deadline = max(1, math.ceil(share * replicas - 1e-9)), time.monotonic() + seconds
    while True:
        found = cluster.get("Deployment", deployment) or {"spec": {}}
        if (found.get("status") or {}).get("readyReplicas", 0) >= needed:
            return
        if time.monotonic() > deadline:
            raise OutsideFailure(
                f"it has fewer than the {needed} ready pods that {share:.0%} of the traffic need",
                where=f"Deployment {deployment}",
                fix="see why its pods do not become ready",
            )
        if found["spec"].get("replicas", 1) < needed:
            check()
            try:
                cluster.patch("Deployment", deployment, [_unchanged(found), _replicas(needed)], "scale")
            except ApiError as error:
                if not error.is_test_failed:
                    raise cluster.told(error) from None
        time.sleep(POLL_SECONDS)


def to_zero(cluster: Cluster, deployment: str) -> None:
    """No pod of it runs any more; how many there were is noted on it. An autoscaler leaves it so."""

    def change(found: Object) -> Operations:
        noted = found["metadata"].get("annotations") or {}
        now = found["spec"].get("replicas", 1)
        if not now and names.WHOLE not in noted:
            return []
        replicas = noted.get(names.WHOLE, now)  # a rolling rollout may have left it fewer
        return [*routes.annotated(found, {names.REPLICAS: str(replicas), names.WHOLE: None}), _replicas(0)]

    changed(cluster, "Deployment", deployment, change, lambda: None)


def as_before_the_stop(cluster: Cluster, deployment: str, check: Callable[[], None]) -> None:
    """Where it was stopped, it has as many pods again as it had."""

    def change(found: Object) -> Operations:
        noted = (found["metadata"].get("annotations") or {}).get(names.REPLICAS)
        if found["spec"].get("replicas", 1) or noted is None:
            return []
        return [*routes.annotated(found, {names.REPLICAS: None}), _replicas(int(noted))]

    changed(cluster, "Deployment", deployment, change, check)


def resize(cluster: Cluster, deployment: str, replicas: int, whole: int, check: Callable[[], None]) -> None:
    """It is to have so many pods. whole: as many as it had before the rollout, which is noted on it while it has fewer; 0: it
    is one beside."""

    def change(found: Object) -> Operations:
        now = found["spec"].get("replicas", 1)
        notes = {names.WHOLE: str(whole) if replicas < whole else None} if whole else {}
        return [*routes.annotated(found, notes), *([_replicas(replicas)] if now != replicas else [])]

    if changed(cluster, "Deployment", deployment, change, check) is None and replicas:
        raise OutsideFailure(f"Deployment {deployment} was deleted by somebody else", where=cluster.where)


def wait_for_end(cluster: Cluster, deployment: str, selector: str, seconds: float) -> bool:
    """Until no more pods take room, in nodes and of a quota, than it is to have: those that end may finish what they began.
    False where some still do after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        wanted = (cluster.get("Deployment", deployment) or {"spec": {"replicas": 0}})["spec"].get("replicas", 1)
        pods = cluster.list("Pod", selector)
        if sum((pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed") for pod in pods) <= wanted:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def wait_for_endpoints(cluster: Cluster, service: str, count: int, say: Callable[[str], None]) -> None:
    """What routes requests knows the pods of the Service: the share of one without any is answered 503. It hears of them by a
    watch of its own, which is back later than the API server after an outage."""
    deadline = time.monotonic() + ENDPOINT_SECONDS
    while True:
        ready = endpoints(cluster, service)
        if ready >= count:
            cluster.outages.wait(say)
            return
        if time.monotonic() > deadline:
            raise OutsideFailure(
                f"Service {service} has {ready} of {count} pods", where=cluster.where, fix="do its ports fit the pods?"
            )
        time.sleep(POLL_SECONDS)


def endpoints(cluster: Cluster, service: str) -> int:
    """How many pods the Service leads to."""
    slices = cluster.list("EndpointSlice", f"kubernetes.io/service-name={service}")
    found = [item for piece in slices for item in piece.get("endpoints") or ()]
    return sum((item.get("conditions") or {}).get("ready", True) is not False for item in found)


def _unchanged(found: Object) -> dict[str, object]:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]}


def _replicas(number: int) -> dict[str, object]:
    return {"op": "replace", "path": "/spec/replicas", "value": number}
