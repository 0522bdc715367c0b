"""What a Deployment's pods say: why it is not ready, from status and events, as dicts that the API returns.

Read the Deployment first, then its ReplicaSets, its pods and their events: what is read later is never older. Nothing here has
a clock: what tells a hiccup from trouble that lasts is how often the cluster itself has tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from modelway.targets.kubernetes import containers
from modelway.targets.kubernetes.events import Object, about, condition, one_line, refers_to, tried, when

HICCUPS = (
    "timed out",
    "timeout",
    "deadline exceeded",
    "failed to sync",
    "failed calling webhook",
    "connection refused",
    "internal error occurred",
    "please apply your changes to the latest version",
    "too many requests",
)
"""In what the API server or kubelet says of a try that may go well the next time."""
FEW_TRIES = 2


@dataclass(frozen=True)
class Trouble:
    """what: one line that names the pod and the container. fix: one line that a person can act on. lasting: waiting longer
    will not help; else it may mend itself. container: whose last lines say more; empty where there are none. previous: of its
    run before the present one."""

    what: str
    fix: str
    lasting: bool
    pod: str = ""
    container: str = ""
    previous: bool = False


def find(
    deployment: Object, replica_sets: Sequence[Object], pods: Sequence[Object], events: Sequence[Object]
) -> Trouble | None:
    """What keeps the newest generation of a Deployment from being ready; None where all is well, or nothing is known yet.
    Trouble that lasts comes first. Pods and events of older generations are not believed."""
    if not observed(deployment) or _is_complete(deployment):
        return None
    own = [item for item in replica_sets if _owner(item) == deployment["metadata"].get("uid")]
    newest = max(own, key=_revision, default=None)
    found = list(_of_deployment(deployment, newest, _may_shrink(deployment, newest, own, pods)))
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        if newest is not None and is_of(pod, newest) and not pod["metadata"].get("deletionTimestamp"):
            found += _of_pod(pod, about(pod, events))
    worst = min(found, key=lambda item: not item.lasting, default=None)
    late = condition(deployment, "Progressing")
    if late.get("status") == "False" and late.get("reason") == "ProgressDeadlineExceeded":
        if worst is not None:
            return replace(worst, lasting=True)
        seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
        what = f"ProgressDeadlineExceeded: no progress for {seconds} s: {one_line(late.get('message', ''))}"
        return Trouble(what, "see `kubectl describe` of its pods, or raise spec.progressDeadlineSeconds", True)
    return worst


def of_job(job: Object, pods: Sequence[Object], events: Sequence[Object]) -> Trouble | None:
    """What keeps the pod of a Job from running; None: nothing known."""
    found = [trouble for pod in pods if is_of(pod, job) for trouble in _of_pod(pod, about(pod, events))]
    for event in about(job, events):
        if event.get("reason") == "FailedCreate" and not pods:
            text = one_line(event.get("message", ""))
            what = f"FailedCreate: no pod can be made: {text}"
            found.append(Trouble(what, fix_of_refusal(text), not _is_hiccup(text)))
    return min(found, key=lambda item: not item.lasting, default=None)


def waiting(deployment: Object, pods: Sequence[Object], events: Sequence[Object]) -> str:
    """One line: what the newest pods of a Deployment are waited for now."""
    wanted = deployment["spec"].get("replicas", 1)
    if not observed(deployment):
        return "the cluster's Deployment controller has not seen the change yet"
    here = sorted(
        (pod for pod in pods if not pod["metadata"].get("deletionTimestamp") and not has_ended(pod)),
        key=lambda pod: (str(pod["metadata"].get("creationTimestamp")), str(pod["metadata"]["name"])),
    )
    if here:
        generation = _hash(here[-1])
        here = [pod for pod in here if _hash(pod) == generation]
    late = [pod for pod in here if condition(pod, "Ready").get("status") != "True"]
    text = f"{len(here) - len(late)} of {wanted} pods ready"
    if late:
        return f"{text}; pod {late[0]['metadata']['name']}: {containers.doing(late[0], about(late[0], events))}"
    if len(here) < wanted:
        return f"{text}; {wanted - len(here)} not made yet"
    if deployment.get("status", {}).get("availableReplicas", 0) < wanted:
        return f"{text}, not yet ready for minReadySeconds ({deployment['spec'].get('minReadySeconds', 0)} s)"
    return text


def observed(deployment: Object) -> bool:
    """Whether the status is about the spec that is there now."""
    seen = deployment.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= deployment["metadata"].get("generation", 0))


def has_ended(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def _is_complete(deployment: Object) -> bool:
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    return all(status.get(name, 0) == wanted for name in ("replicas", "updatedReplicas", "availableReplicas"))


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", 0))


def _owner(item: Object) -> object:
    owners = item["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def is_of(pod: Object, replica_set: Object) -> bool:
    return bool(_owner(pod) == replica_set["metadata"].get("uid"))


def _hash(pod: Object) -> object:
    return (pod["metadata"].get("labels") or {}).get("pod-template-hash")


def _of_deployment(deployment: Object, newest: Object | None, may_shrink: bool) -> Iterator[Trouble]:
    name = deployment["metadata"]["name"]
    if deployment["spec"].get("paused"):
        yield Trouble(
            f"DeploymentPaused: Deployment {name} is paused", f"kubectl rollout resume deployment/{name}", True
        )
    failure = condition(newest or deployment, "ReplicaFailure")
    if failure.get("status") == "True" and (newest is None or observed(newest)):
        text = one_line(failure.get("message", ""))
        lasting = not _is_hiccup(text) and not ("exceeded quota" in text and may_shrink)
        yield Trouble(f"{failure.get('reason')}: no pod can be made: {text}", fix_of_refusal(text), lasting)
    progress = condition(deployment, "Progressing")
    if progress.get("reason") == "ReplicaSetCreateError":
        text = one_line(progress.get("message", ""))
        yield Trouble(f"ReplicaSetCreateError: {text}", fix_of_refusal(text), not _is_hiccup(text))


def _is_hiccup(text: str) -> bool:
    return any(mark in text.lower() for mark in HICCUPS)


def _may_shrink(deployment: Object, newest: Object | None, own: Sequence[Object], pods: Sequence[Object]) -> bool:
    """Whether pods of this Deployment will go and leave room: those that are ending, or older ones that it may do without."""
    if any(pod["metadata"].get("deletionTimestamp") and is_of(pod, item) for item in own for pod in pods):
        return True
    older = any(item.get("status", {}).get("replicas") for item in own if item is not newest)
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    return older and rolling.get("maxUnavailable", "25%") not in (0, "0", "0%")


def fix_of_refusal(text: str) -> str:
    """What to do about an object that the API server does not take."""
    fixes = {
        "exceeded quota": "raise the namespace's ResourceQuota, or ask for less (replicas, requests, limits)",
        "service account": "create the ServiceAccount that the pod template names",
        "denied the request": "give it what the webhook asks for, or ask who runs it to let objects of modelway's pass",
        "denied request": "give it what the policy asks for, or ask who wrote it to let objects of modelway's pass",
        "failed calling webhook": "see that the webhook's own pods run",
        "violates PodSecurity": "give the template the securityContext that the text names, or another level to the namespace",
        "PriorityClass": "create the PriorityClass that the pod template names",
        "being terminated": "the namespace is being deleted: deploy to another",
    }
    return next((fix for mark, fix in fixes.items() if mark in text), "change it as the text says")


def _of_pod(pod: Object, events: Sequence[Object]) -> Iterator[Trouble]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if status.get("phase") == "Failed":
        text = one_line(f"{status.get('reason') or 'Failed'}: pod {name}: {status.get('message', '')}")
        yield Trouble(
            text, "see the node's free memory and disk: the pod was ended from outside, and another is made", False
        )
        return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        text = one_line(scheduled.get("message", "").partition(" preemption: ")[0]).removesuffix(
            " no new claims to deallocate,"
        )
        missing = "persistentvolumeclaim" in text and "not found" in text
        yield Trouble(f"{scheduled.get('reason')}: pod {name}: {text}", _fix_of_scheduling(text), missing)
    for status_of in containers.statuses(pod):
        said = containers.said(pod, status_of, [event for event in events if refers_to(event, status_of["name"])])
        if said is not None:
            log = status_of["name"] if said.has_log else ""
            yield Trouble(f"{said.reason}: pod {name}: {said.text}", said.fix, said.lasting, name, log, said.previous)
    if not containers.began(pod):
        yield from _before_containers(name, events)
    if status.get("containerStatuses") and all(item.get("ready") for item in status["containerStatuses"]):
        yield from _outside_of_containers(pod, events)


def _fix_of_scheduling(text: str) -> str:
    if "Insufficient" in text:
        return "lower the resources.requests, or add nodes"
    if "taint" in text or "affinity" in text or "selector" in text:
        return "see the pod template's nodeSelector, affinity and tolerations against the nodes' labels and taints"
    if "persistentvolumeclaim" in text or "volume" in text:
        return "see the pod's PersistentVolumeClaims: `kubectl get pvc`"
    return "see `kubectl describe pod`, and the nodes"


MOUNTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
BEFORE = (*MOUNTS, "FailedCreatePodSandBox", "NetworkNotReady", "FailedPrepareDynamicResources")


def _before_containers(name: str, events: Sequence[Object]) -> Iterator[Trouble]:
    """What only events say: volumes and the network, while no container has begun."""
    found = [event for event in events if event.get("reason") in BEFORE]
    for event in sorted(found, key=lambda event: ("not found" in event.get("message", ""), when(event)))[-1:]:
        text = one_line(event.get("message", ""))
        missing = "not found" in text or "non-existent" in text
        fix = "see `kubectl describe pod`, and the node's log"
        if "Multi-Attach" in text:
            fix = "the volume can be on one node only (ReadWriteOnce): use one that several pods may have"
        elif event["reason"] in MOUNTS:
            fix = "create what the volume names, or correct the pod template's volumes"
        lasting = missing and event["reason"] in MOUNTS and tried(event) >= FEW_TRIES
        yield Trouble(f"{event['reason']}: pod {name}: {text}", fix, lasting)


def _outside_of_containers(pod: Object, events: Sequence[Object]) -> Iterator[Trouble]:
    """Why a pod is not ready whose containers are."""
    name, ready = pod["metadata"]["name"], condition(pod, "Ready")
    if ready.get("status") == "True":
        return
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if condition(pod, gate).get("status") != "True"]
    if closed:
        what = f"ReadinessGatesNotReady: pod {name} waits for {', '.join(closed)}"
        yield Trouble(what, "see the controller that sets this condition (a load balancer's, as a rule)", False)
    elif any(event.get("reason") == "NodeNotReady" for event in events):
        node = pod["spec"].get("nodeName", "")
        what = f"NodeNotReady: pod {name} is on node {node}, which does not answer"
        yield Trouble(
            what, f"see `kubectl describe node {node}`; its pods are made again elsewhere after five minutes", False
        )
