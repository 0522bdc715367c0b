"""The lease on a Kubernetes target: an object of coordination.k8s.io that whoever acts renews, and whoever takes it over
replaces.

A holder is alive while the object changes within its duration, by the clock of whoever looks: no clock is compared with
another machine's. Every write carries the resourceVersion that was read, so of two takers one wins, and something fresh: an
equal write would be answered with success to both.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from modelway.errors import ModelwayError, OutsideFailure
from modelway.rollout.run import AtWork, Superseded
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Cluster, Object
from modelway.targets.kubernetes.refusals import ApiError

NONCE, WHAT, WHO, GUARD = (f"{names.DOMAIN}/{name}" for name in ("nonce", "what", "who", "guard-seconds"))
RENEWALS = 3
"""Within the lease's duration."""
GUARDIAN = "guardian "
"""What a guardian is called as a holder begins with it."""
WATCH_SECONDS = 0.3


class KubernetesLease:
    """This command's own, renewed by a thread until it is given back or lost. guard_seconds: after so long without anybody,
    the guardian of a rollout that was left takes its traffic back."""

    def __init__(self, cluster: Cluster, body: Object, guard_seconds: float) -> None:
        self._cluster, self._body, self._guard_seconds = cluster, body, guard_seconds
        self._mutex, self._ended = threading.Lock(), threading.Event()
        self._seconds = body["spec"]["leaseDurationSeconds"]
        threading.Thread(target=self._renew_always, name="lease", daemon=True).start()

    @property
    def nonce(self) -> str:
        return str(self._body["metadata"]["annotations"][NONCE])

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self.check()
        yield

    def check(self) -> None:
        """Renew it; Superseded where another command has it by now. What is written afterwards carries the version that was
        read before, or the fence of a later taker refuses it."""
        with self._mutex:
            self._put(holder=self._body["spec"]["holderIdentity"])

    def give_back(self, *, left: bool = False) -> None:
        self._ended.set()
        with contextlib.suppress(ModelwayError), self._mutex:
            if left:
                self._body["metadata"]["annotations"][GUARD] = f"{self._guard_seconds:g}"
            self._put(holder="")

    def _renew_always(self) -> None:
        while not self._ended.wait(self._seconds / RENEWALS):
            try:
                self.check()
            except Superseded:
                return
            except ModelwayError:
                continue  # the next act says so

    def _put(self, holder: str) -> None:
        body = _fresh(self._body, holder)
        try:
            self._body = self._cluster.replace(body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise self._cluster.told(error) from None
            now = self._cluster.get("Lease", body["metadata"]["name"])
            if now is None or _annotations(now).get(NONCE) != self.nonce:
                self._ended.set()
                raise self._superseded(now) from None
            self._body = now  # an answer was lost, and the write was not
            if (now["spec"].get("holderIdentity"), _annotations(now)) != (holder, _annotations(body)):
                self._body = {**now, "metadata": {**now["metadata"], "annotations": _annotations(body)}}
                self._put(holder)  # that write was an earlier one

    def _superseded(self, now: Object | None) -> Superseded:
        said = _annotations(now) if now else {}
        by = (
            f"{said.get(WHAT, 'a command')} by {said.get(WHO, 'somebody')}" if now else "somebody who removed the lease"
        )
        return Superseded(
            f"superseded: {by} has taken the target over, so this command changes nothing more",
            where=f"{self._cluster.where}, lease {self._body['metadata']['name']}",
            fix="look at what is there now, then decide",
        )


def take(
    cluster: Cluster,
    name: str,
    who: str,
    what: str,
    *,
    seconds: float,
    guard_seconds: float,
    always: bool,
    say: Callable[[str], None],
) -> KubernetesLease:
    """The lease. AtWork where its holder is alive, unless `always`; one that may be dead is watched for its duration."""
    labels = {names.TARGET: name, "app.kubernetes.io/managed-by": "modelway"}
    for _ in range(20):
        # one of its own for each try: who takes it again from a later taker is later than that one
        annotations = {NONCE: uuid.uuid4().hex, WHAT: what, WHO: who}
        now = cluster.get("Lease", name)
        if now is not None and now["spec"].get("holderIdentity") and not always:
            now = _died(cluster, now, say)
        metadata: Object = {"name": name, "labels": labels, "annotations": annotations}
        spec: Object = {"leaseDurationSeconds": round(seconds), "leaseTransitions": 1, "acquireTime": _time()}
        body: Object = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        if now is not None:
            metadata["resourceVersion"] = now["metadata"]["resourceVersion"]
            spec["leaseTransitions"] = (now["spec"].get("leaseTransitions") or 0) + 1
        body = _fresh(body, f"{what} by {who}"[:200])
        try:
            made = cluster.create(body) if now is None else cluster.replace(body)
            return KubernetesLease(cluster, made, guard_seconds)
        except ApiError as error:
            read = cluster.get("Lease", name) if error.status in (404, 409) else None
            if read is not None and _annotations(read).get(NONCE) == annotations[NONCE]:
                return KubernetesLease(cluster, read, guard_seconds)  # the answer was lost, and the write was not
            if error.status != 409:
                raise cluster.told(error) from None
    raise OutsideFailure("others take the lease all the time", where=f"{cluster.where}, lease {name}", fix="end them")


def _died(cluster: Cluster, seen: Object, say: Callable[[str], None]) -> Object | None:
    """The lease once its holder has not renewed it for its duration; AtWork where it does. A guardian that takes it over
    meanwhile gives it back in a moment."""
    name, seconds = seen["metadata"]["name"], float(seen["spec"].get("leaseDurationSeconds") or 15)
    said = _annotations(seen)
    who = f"{said.get(WHAT, 'a command')} by {said.get(WHO, seen['spec']['holderIdentity'])}"
    say(f"the target is in the hands of {who}: waiting whether it is alive (at most {seconds:.0f} s)")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(WATCH_SECONDS)
        now = cluster.get("Lease", name)
        if now is None or not now["spec"].get("holderIdentity"):
            return now
        if now["metadata"]["resourceVersion"] != seen["metadata"]["resourceVersion"]:
            if _annotations(now).get(NONCE) != said.get(NONCE) and now["spec"]["holderIdentity"].startswith(GUARDIAN):
                return _died(cluster, now, say)
            raise AtWork(
                f"{who} is at work on this target",
                where=f"{cluster.where}, lease {name}",
                fix="wait until it has ended, or end it with rollback-release",
            )
    return seen


def _fresh(body: Object, holder: str) -> Object:
    return {**body, "spec": {**body["spec"], "holderIdentity": holder, "renewTime": _time()}}


def _time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _annotations(body: Object) -> dict[str, Any]:
    return body["metadata"].get("annotations") or {}
