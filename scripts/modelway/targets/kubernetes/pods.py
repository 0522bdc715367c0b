"""The pods of a release: who they are, whether each one is what was deployed, and their counters."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from modelway.errors import OutsideFailure
from modelway.observe.pods import PodMetrics
from modelway.rollout.plan import Side
from modelway.targets.kubernetes import home, trouble
from modelway.targets.kubernetes.cluster import Cluster, Object
from modelway.targets.kubernetes.refusals import Unserved
from modelway.targets.place import Replica

POLL_SECONDS = 0.1
LOOK_SECONDS = 0.5
"""How often pods and events are searched for what keeps a release from starting."""
WORD_SECONDS = 10.0
ASK_SECONDS = 5.0
POST_SECONDS = 10.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pods:
    """Of one Deployment. selector: of its pods, as a query. container, port: that serve the model."""

    cluster: Cluster
    deployment: str
    selector: str
    container: str
    port: int

    def running(self) -> list[Object]:
        """Those that are not ending, and have begun."""
        found = self.cluster.list("Pod", self.selector)
        return [
            pod
            for pod in found
            if "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") == "Running"
        ]

    def metrics(self, slot: str) -> list[PodMetrics]:
        """Of every pod that is ready, or was: one that never was has had no request."""
        found = []
        for pod in self.running():
            status = self._container_status(pod)
            if status is None or not (status.get("ready") or status.get("restartCount")):
                continue
            name = pod["metadata"]["name"]
            read = partial(self._ask, name, "/metrics")
            found.append(PodMetrics(slot, f"{name}/{status.get('restartCount', 0)}", read))
        return found

    def wait_until_ready(
        self, what: str, seconds: float, say: Say, meanwhile: Callable[[], None] | None = None
    ) -> list[Object]:
        """The pods, once every one of them is of the newest template and ready. meanwhile: called again and again until then.
        OutsideFailure, with what the pods say, where one never will be, or is not in time."""
        began = said = time.monotonic()
        looked = 0.0
        while True:
            deployment = self.cluster.get("Deployment", self.deployment)
            if deployment is None:
                raise OutsideFailure(
                    f"Deployment {self.deployment} was deleted by somebody else",
                    where=self.cluster.where,
                    fix="run the same command again",
                )
            if home.rolled_out(deployment):
                pods = [pod for pod in self.running() if _is_ready(pod)]
                if len(pods) >= deployment["spec"].get("replicas", 1):
                    return pods
            if meanwhile is not None:
                meanwhile()
            time.sleep(POLL_SECONDS)
            if time.monotonic() - looked < LOOK_SECONDS:
                continue
            looked = time.monotonic()
            pods, events = self.cluster.list("Pod", self.selector), self.cluster.list("Event")
            sets = self.cluster.list("ReplicaSet", self.selector)
            found, waited = trouble.find(deployment, sets, pods, events), time.monotonic() - began
            if found is not None and (found.lasting or waited > seconds):
                raise self._failed(what, found)
            if waited > seconds:
                waiting = trouble.waiting(deployment, pods, events)
                raise OutsideFailure(
                    f"{what} is not ready in {seconds:.0f} s: {waiting}",
                    where=f"Deployment {self.deployment}",
                    fix="give it longer with deploy.kubernetes.ready-seconds, or mend what it waits for",
                )
            if time.monotonic() - said > WORD_SECONDS:
                said = time.monotonic()
                say(f"waiting for {what}: {found.what if found else trouble.waiting(deployment, pods, events)}")

    def check_release(self, pods: Sequence[Object], side: Side, image: str) -> None:
        """Every pod runs this image, and is this release by its own word, where its server has one; OutsideFailure else."""
        digest = image.rpartition("@")[2]
        for pod in pods:
            name, status = pod["metadata"]["name"], self._container_status(pod) or {}
            runs = str(status.get("imageID") or "")
            if digest.startswith("sha256:") and runs.rpartition("@")[2] != digest:
                raise OutsideFailure(
                    f"pod {name} runs {runs or 'nothing'}, and not {digest}",
                    where=f"Deployment {self.deployment}",
                    fix="does something in the cluster rewrite images?",
                )
            try:
                said = self.release_of(name)
            except Unserved as error:
                if error.is_gone:  # another one comes in its place
                    continue
                raise
            if said is None and side.config_digest:
                raise OutsideFailure(
                    f"pod {name} runs the release's image, and something else than its server answers",
                    where=f"Deployment {self.deployment}",
                    fix=f"take command and args of container {self.container} out of the pod template, and let"
                    " the Service lead to the server's port",
                )
            if said is not None and (said.get("version"), said.get("digest")) != (side.version, side.model_digest):
                raise OutsideFailure(
                    f"pod {name} says that it serves version {said.get('version')}, and not {side.version}",
                    where=f"Deployment {self.deployment}",
                    fix="is the container's command, or its volume, one that serves another model?",
                )

    def release_of(self, pod: str) -> dict[str, object] | None:
        """Which release a pod says that it is; None where it is no server of ours. Unserved where the pod is gone."""
        deadline = time.monotonic() + ASK_SECONDS
        while True:
            try:
                said = json.loads(self._ask(pod, "/model/version"))
                return said if isinstance(said, dict) and isinstance(said.get("version"), int) else None
            except ValueError:
                return None
            except OutsideFailure as error:
                if isinstance(error, Unserved) and not error.is_gone and error.status < 500:
                    return None
                if time.monotonic() > deadline or (isinstance(error, Unserved) and error.is_gone):
                    raise
                time.sleep(POLL_SECONDS)  # it is ready, and the node may be busy

    def last_words(self) -> str:
        """Of the first pod that there is."""
        pods = self.cluster.list("Pod", self.selector)
        return self.cluster.lines(pods[0]["metadata"]["name"], self.container, previous=False) if pods else ""

    def _failed(self, what: str, found: trouble.Trouble) -> OutsideFailure:
        words = self.cluster.lines(found.pod, found.container, previous=found.previous) if found.pod else ""
        said = f"{what} cannot start: {found.what}" + (f"; it last said: {words}" if words else "")
        return OutsideFailure(said, where=f"Deployment {self.deployment}", fix=found.fix)

    def replicas(self) -> list[Replica]:
        """Those that are ready."""
        return [
            Replica(f"pod {name}", partial(self._post, name))
            for name in (pod["metadata"]["name"] for pod in self.running() if _is_ready(pod))
        ]

    def _post(self, pod: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        asked, name = json.loads(body), f"{pod}:{self.port}"
        return self.cluster.proxied("Pod", name, path, seconds=POST_SECONDS, body=asked, headers=headers).encode()

    def _ask(self, pod: str, path: str) -> str:
        return self.cluster.proxied("Pod", f"{pod}:{self.port}", path, seconds=ASK_SECONDS)

    def _container_status(self, pod: Object) -> Object | None:
        found = (pod.get("status") or {}).get("containerStatuses") or ()
        return next((item for item in found if item["name"] == self.container), None)


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
