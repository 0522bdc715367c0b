"""What is made and removed in the namespace: a release beside the team's Deployment with its guardian, and the objects of a
team that has none."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.targets.kubernetes import beside, destination_rules, guard, names, objects, owners, trouble
from modelway.targets.kubernetes.cluster import Cluster, Object
from modelway.targets.kubernetes.home import Home, containers, find
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.state import KubernetesSlot

POLL_SECONDS = 0.1
PYTHON = "python3"
"""Of the release's image, on its PATH."""
ENDED = ("Complete", "SuccessCriteriaMet", "Failed", "FailureTarget")
Check = Callable[[], None]


@dataclass(frozen=True)
class Running:
    """check, of every method: whether this command may still act; it raises where not."""

    cluster: Cluster
    key: str
    wanted: Kubernetes

    def beside(self) -> list[str]:
        """Slots that run beside the team's Deployment."""
        found = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.SLOT}", metadata=True)
        return [str(item["metadata"]["labels"][names.SLOT]) for item in found]

    def start_beside(
        self,
        there: Home,
        slot: KubernetesSlot,
        replicas: int,
        guarded: Sequence[str],
        check: Check,
        variables: Mapping[str, str],
        policies: Sequence[Object] = (),
        *,
        early: bool = False,
    ) -> None:
        """guarded: the paths of the objects that a guardian takes back; none: there is no guardian. variables: of the
        container's environment, besides the template's. policies: DestinationRules of the team's Service, of
        which the first one counts. early: as of `beside.service`; one that is there already stays as it is."""
        name = names.workload(there.name, slot.side.slot)
        # before the first write, after which the API server lists nothing for up to a tenth of a second
        services = self.cluster.list("Service")
        owner = self._owner(slot.side.slot, name)
        made = beside.deployment(there, services, self.key, slot.side.slot, slot.image, replicas, owner, variables)
        if caught := beside.caught(services, made["spec"]["template"]["metadata"]["labels"], name):
            raise InvalidInput(
                f"Service {caught} selects the pods of every release",
                where=self.cluster.where,
                fix="give its selector a label of the team's Deployment alone",
            )
        guardian = self._guardian(there, slot, owner, guarded) if guarded else []
        if guardian:
            self._remove_ended(slot.side.slot, _guardian_of(name), check)
        now = next((item["spec"] for item in services if item["metadata"]["name"] == name), None)
        early = early if now is None else now.get("publishNotReadyAddresses", False)
        service = beside.service(there, self.key, slot.side.slot, owner, early=early)
        for body in (made, *_reached(service, policies), *guardian):
            check()
            self._apply(body)

    def make_testers(self, there: Home, slot: KubernetesSlot, check: Check, policies: Sequence[Object] = ()) -> str:
        """The Service by which testers reach a release beside."""
        name = names.workload(there.name, slot.side.slot)
        service = beside.service(
            there, self.key, slot.side.slot, self._owner(slot.side.slot, name), names.testers(name)
        )
        for body in _reached(service, policies):
            check()
            self._apply(body)
        return names.testers(name)

    def _remove_ended(self, slot: str, guardian: str, check: Check) -> None:
        """A guardian that has acted guards nothing more: the next one is a new Job."""
        deadline = time.monotonic() + self.wanted.ready_seconds
        while job := self.cluster.get("Job", guardian):
            if not _has_ended(job, self._pods_of(slot)):
                return
            if time.monotonic() > deadline:
                raise OutsideFailure(
                    "it has ended, and cannot be removed", where=f"Job {guardian}", fix="kubectl delete it"
                )
            check()
            self.cluster.delete("Job", guardian)
            time.sleep(POLL_SECONDS)

    def wait_for_guardian(self, slot: KubernetesSlot) -> bool:
        """Until it watches. False where it has ended: it had taken the lease before this command did, and nobody knew."""
        name = _guardian_of(names.workload(self.wanted.deployment, slot.side.slot))
        deadline = time.monotonic() + self.wanted.ready_seconds
        while True:
            job, pods = self.cluster.get("Job", name), self._pods_of(slot.side.slot)
            if job is not None and _has_ended(job, pods):
                return False
            if ((job or {}).get("status") or {}).get("ready"):
                return True
            found = trouble.of_job(job, pods, self.cluster.list("Event")) if job else None
            if time.monotonic() > deadline or (found is not None and found.lasting):
                words = self.cluster.lines(pods[0]["metadata"]["name"], "guardian", previous=False) if pods else ""
                why = found.what if found else "kubectl describe its pod"
                raise OutsideFailure(
                    f"the guardian does not run: {why}{f'; it last said: {words}' if words else ''}",
                    where=f"Job {name}",
                    fix=f"{found.fix if found else 'see why'}; or do without it: deploy.kubernetes.guardian: false",
                )
            time.sleep(POLL_SECONDS)

    def _pods_of(self, slot: str) -> list[Object]:
        return self.cluster.list("Pod", f"{names.TARGET}={self.key},{names.GUARDIAN}={slot}")

    def remove_beside(self, kept: Collection[str], check: Check) -> None:
        """Every release that is beside and not kept. What is removed was there while this command could still act: of a later
        one's nothing is."""
        found = []
        for kind, label in (
            ("Job", names.GUARDIAN),
            *((kind, names.SLOT) for kind in ("Deployment", "Service", "ConfigMap")),
        ):
            found += [
                (kind, item["metadata"])
                for item in self.cluster.list(kind, f"{names.TARGET}={self.key},{label}", metadata=True)
                if item["metadata"]["labels"][label] not in kept
            ]
        for kind, metadata in found:
            check()
            self.cluster.delete(kind, metadata["name"], uid=metadata["uid"])

    def make_home(self, image: str, check: Check, variables: Mapping[str, str]) -> None:
        """The objects of a team that has no manifests; they get no traffic by this."""
        assert self.wanted.create is not None, "what is the team's is there"
        for body in objects.all_of(self.wanted, self.wanted.create, image, variables):
            check()
            self._apply(body)

    def remove_home(self) -> None:
        for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Deployment", "Service"):
            self.cluster.delete(kind, self.wanted.deployment)

    def set_image(self, image: str, check: Check, variables: Mapping[str, str]) -> None:
        """Of the team's Deployment, with what its servers count by, and nothing else of it; of one that we made, all that
        modelway.yml says."""
        for _ in range(20):
            now = find(self.cluster, self.wanted)
            if now.image == image:
                return
            check_owner(now, self.wanted)
            check()
            try:
                self.cluster.apply(self._with_image(now, image, variables), force=True)
                return
            except ApiError as error:
                if not error.is_conflict:
                    raise self.cluster.told(error) from None
        raise OutsideFailure(
            f"Deployment {self.wanted.deployment} is changed by others all the time",
            where=self.cluster.where,
            fix="find out by whom, with kubectl get --show-managed-fields",
        )

    def _with_image(self, now: Home, image: str, variables: Mapping[str, str]) -> Object:
        version = {"resourceVersion": now.deployment["metadata"]["resourceVersion"]}
        if self.wanted.create is not None:
            body = objects.deployment(self.wanted, self.wanted.create, image, variables)
            if names.WHOLE in (now.deployment["metadata"].get("annotations") or {}):  # how many, the rollout says
                body["spec"]["replicas"] = now.deployment["spec"]["replicas"]
            return body | {"metadata": body["metadata"] | version}
        container: Object = {"name": now.container, "image": image}
        there = next(item for item in containers(now.template) if item["name"] == now.container)
        if variables and not beside.counts_by_itself(there):
            container["env"] = [{"name": name, "value": said} for name, said in variables.items()]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": now.name} | version,
            "spec": {"template": {"spec": {"containers": [container]}}},
        }

    def _owner(self, slot: str, name: str) -> Object:
        owner = beside.owner(self.key, slot, name)
        try:
            return self.cluster.create(owner)
        except ApiError as error:
            found = self.cluster.get("ConfigMap", name) if error.status == 409 else None
            if found is None:
                raise self.cluster.told(error) from None
            return found

    def _guardian(self, there: Home, slot: KubernetesSlot, owner: Object, guarded: Sequence[str]) -> list[Object]:
        """What takes the traffic back when nobody comes any more."""
        name, of = _guardian_of(owner["metadata"]["name"]), [beside.reference(owner)]
        labels = {names.TARGET: self.key, names.GUARDIAN: slot.side.slot}  # its Service finds pods by SLOT
        common: dict[str, Any] = {"lease": self.key, "targets": guarded, "labels": labels, "owners": of}
        secrets = there.template["spec"].get("imagePullSecrets") or ()
        job = guard.job(
            name,
            self.cluster.namespace,
            image=slot.image,
            python=PYTHON,
            pull_secrets=secrets,
            lease_seconds=self.wanted.lease_seconds,
            **common,
        )
        return [*guard.account(name, self.cluster.namespace, **common), job]

    def _apply(self, body: Object) -> None:
        try:
            self.cluster.apply(body, force=True)
        except ApiError as error:
            raise self.cluster.told(error) from None


def check_owner(there: Home, wanted: Kubernetes) -> None:
    """InvalidInput where another program decides which image the team's Deployment runs."""
    path = ("spec", "template", "spec", "containers", {"name": there.container}, "image")
    if (manager := owners.foreign(there.deployment, path, wanted.take_over)) is not None:
        raise owners.refusal(manager, "Deployment", there.name, path)


def _reached(service: Object, policies: Sequence[Object]) -> list[Object]:
    """The Service, and how it is reached where the team's has a traffic policy."""
    return [*(destination_rules.beside(policy, service["metadata"]) for policy in policies[:1]), service]


def _has_ended(job: Object, pods: Sequence[Object]) -> bool:
    """Whether the guardian has acted, or had nothing to do: its pod says so before its Job does."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    done = any(item["type"] in ENDED and item["status"] == "True" for item in conditions)
    mine = [pod for pod in pods if trouble.is_of(pod, job)]
    return done or any((pod.get("status") or {}).get("phase") == "Succeeded" for pod in mine)


def _guardian_of(workload: str) -> str:
    return f"{workload}-guardian"
