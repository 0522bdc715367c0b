"""What one container of a pod says: its image, its start, its end and its probes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelway.targets.kubernetes.events import Object, condition, moment, one_line, tried, when

PULLS = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable")
NEVER_PULLED = ("InvalidImageName", "ErrImageNeverPull")
STARTING = ("", "ContainerCreating", "PodInitializing")
DEATHS = 2
"""Of a container: the second one is after kubelet's own retry."""
PROBES = 3
"""Failures of a probe: the first ones are every start's."""
SURE = (
    "not found",
    "couldn't find key",
    "no such file",
    "permission denied",
    "not a directory",
    "exec format error",
    "runasnonroot",
    "image will run as root",
    "invalid",
    "forbidden",
)
"""In what kubelet says of a container that it cannot make: the next try says the same."""
PULL_ANSWERS = {
    "no match for platform": "build the image for the platform of the nodes",
    "x509": "let the nodes trust the registry's certificate",
    "server gave HTTP response to HTTPS client": "let the nodes use this registry without TLS, or give it a certificate",
    "no such host": "see that the nodes can look the registry's name up",
    "denied": "give the pods a pull secret of this registry (imagePullSecrets)",
    "unauthorized": "give the pods a pull secret of this registry (imagePullSecrets)",
    "401": "give the pods a pull secret of this registry (imagePullSecrets)",
    "403": "give the pods a pull secret of this registry (imagePullSecrets)",
    "authorization failed": "give the pods a pull secret of this registry (imagePullSecrets)",
    "no basic auth": "give the pods a pull secret of this registry (imagePullSecrets)",
    "manifest unknown": "push the image to this repository, or correct its name",
    "not found": "push the image to this repository, or correct its name",
}
"""What a registry answers that it will answer again -> what to do. Anything else (a time-out, 500, 429) may go well later."""


@dataclass(frozen=True)
class Said:
    """has_log: the container ran, so that it has last lines. previous: they are of the run before the present one."""

    reason: str
    text: str
    fix: str
    lasting: bool
    has_log: bool = False
    previous: bool = False


def statuses(pod: Object) -> Iterator[Object]:
    """Of all containers, those first that start first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def began(pod: Object) -> bool:
    """Whether any container was ever begun, so that volumes and network are there."""
    return any(
        "running" in part or "terminated" in part
        for status in statuses(pod)
        for part in (status.get("state") or {}, status.get("lastState") or {})
    )


def said(pod: Object, status: Object, events: Sequence[Object]) -> Said | None:
    """What keeps the container from being ready; None: nothing known. events: about it, oldest first."""
    if status.get("ready"):
        return None
    state, last = status.get("state") or {}, status.get("lastState") or {}
    waits, ended = state.get("waiting") or {}, state.get("terminated") or last.get("terminated")
    reason = waits.get("reason") or ""
    if reason in PULLS:
        return _pull(pod, status, reason, waits.get("message") or "", events)
    if reason in NEVER_PULLED:
        text = f"{_called(pod, status)}: {one_line(waits.get('message') or '')}"
        fix = "correct the image's name" if reason == "InvalidImageName" else "let imagePullPolicy be IfNotPresent"
        return Said(reason, text, fix, lasting=True)
    if reason == "CrashLoopBackOff" or (reason in STARTING and ended):
        return _ended(pod, status, ended or {}, events)
    if reason not in STARTING:
        return _cannot_start(pod, status, reason, waits.get("message") or "", events)
    return _probe(pod, status, events) if "running" in state else None


def doing(pod: Object, events: Sequence[Object]) -> str:
    """What a pod that is not ready does now, in a few words."""
    if condition(pod, "PodScheduled").get("status") != "True":
        return "waits for a node"
    for status in statuses(pod):
        state = status.get("state") or {}
        waits = state.get("waiting") or {}
        finished = "terminated" in state and state["terminated"].get("exitCode") == 0
        if status.get("ready") or (finished and not _is_main(pod, status)):
            continue
        if waits:
            pulling = bool(events) and events[-1].get("reason") == "Pulling"
            return f"{waits.get('reason') or 'waiting'}{' (pulling image)' if pulling else ''}"
        runs = "is running, not ready yet" if _is_main(pod, status) else "is running"
        return f"{_called(pod, status)} {'has ended' if 'terminated' in state else runs}"
    return "its containers are ready, and the pod is not yet"


def _called(pod: Object, status: Object) -> str:
    ends = not _is_main(pod, status) and _spec(pod, status["name"]).get("restartPolicy") != "Always"
    return f"{'init ' if ends else ''}container {status['name']}"


def _is_main(pod: Object, status: Object) -> bool:
    return any(item["name"] == status["name"] for item in pod["spec"].get("containers") or ())


def _spec(pod: Object, name: str) -> Object:
    spec = pod["spec"]
    found = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return next((dict(item) for item in found if item["name"] == name), {})


def _pull(pod: Object, status: Object, reason: str, message: str, events: Sequence[Object]) -> Said:
    """A registry's own answer lasts once kubelet has seen it twice, or backs off from it."""
    failed = [event for event in events if "Failed to pull image" in event.get("message", "")]
    if "ErrImagePull: " in message:
        message = message.partition("ErrImagePull: ")[2]
    elif (reason == "ImagePullBackOff" or not message) and failed:  # before 1.31 it does not say why it backs off
        message = failed[-1].get("message", "")
    image = status.get("image", "")
    cause = one_line(message).rpartition('": ')[2].removeprefix(f"{image}: ")
    cause = re.sub(r"^rpc error: code = \w+ desc = ", "", cause)
    short = re.sub(r"(@sha256:[0-9a-f]{12})[0-9a-f]+", r"\1…", image)
    whole = f"{message} {cause}".lower()
    fix = next((fix for mark, fix in PULL_ANSWERS.items() if _says(whole.replace(image.lower(), ""), mark)), "")
    again = reason == "ImagePullBackOff" or max((tried(event) for event in failed), default=0) >= DEATHS
    text = f'{_called(pod, status)} cannot pull "{short}": {cause}'
    return Said(reason, text, fix or "see that the nodes reach the registry", lasting=bool(fix) and again)


def _says(text: str, mark: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(mark.lower())}(?![\w.])", text) is not None


def _ended(pod: Object, status: Object, ended: Object, events: Sequence[Object]) -> Said:
    name, state = _called(pod, status), status.get("state") or {}
    deaths = status.get("restartCount", 0) + (0 if "running" in state else 1)
    reason, code = ended.get("reason") or "", ended.get("exitCode")
    final = one_line(ended.get("message") or "")
    lasting, times = deaths >= DEATHS, f"{deaths} times" if deaths > 1 else "once"
    if reason == "StartError":
        return _cannot_start(pod, status, "RunContainerError", final, events, lasting)
    previous = "terminated" not in state
    if reason == "OOMKilled":
        limit = ((_spec(pod, status["name"]).get("resources") or {}).get("limits") or {}).get("memory", "none")
        text = f"{name} was killed {times} for its memory (limit: {limit})"
        return Said("OOMKilled", text, "raise resources.limits.memory of this container", lasting, True, previous)
    probe = [event for event in events if event.get("reason") == "Killing" and "probe" in event.get("message", "")]
    if probe and code != 0:
        failed = [event for event in events if event.get("reason") == "Unhealthy"]
        detail = one_line((failed or probe)[-1].get("message", ""))
        fix = "let the container answer its probe in time, or give it longer (startupProbe.failureThreshold)"
        return Said("Unhealthy", f"{name} was restarted {times}: {detail}", fix, lasting, True, previous)
    how = f"signal {ended['signal']}" if ended.get("signal") else f"exit code {code}"
    text = f"{name} ended {times} ({how}){': ' + final if final else ''}"
    fix = "let its command go on running" if code == 0 else "mend what its last lines say"
    return Said("CrashLoopBackOff" if lasting else "Crashed", text, fix, lasting, True, previous)


def _cannot_start(
    pod: Object, status: Object, reason: str, message: str, events: Sequence[Object], again: bool = False
) -> Said:
    failed = [event for event in events if event.get("reason") == "Failed"]
    message = message or (failed[-1].get("message", "") if failed else "")
    times = max((tried(event) for event in failed), default=0)
    text = one_line(message.rpartition("unable to start container process: ")[2].partition(" (pod: ")[0])
    lasting = again or times > DEATHS or any(mark in text.lower() for mark in SURE)
    fix = "correct the container's command, image or securityContext as the text says"
    if reason == "CreateContainerConfigError":
        fix = "create what it names in the same namespace, or correct the pod template's env"
        if "run as root" in text or "non-numeric user" in text:
            fix = "let the image or the securityContext name a user by number (runAsUser)"
    return Said(reason, f"{_called(pod, status)}: {text}", fix, lasting)


def _probe(pod: Object, status: Object, events: Sequence[Object]) -> Said | None:
    """Only what failed since this run of the container began."""
    since = moment(status["state"]["running"].get("startedAt"))
    failed = [event for event in events if event.get("reason") == "Unhealthy" and when(event) >= since]
    if sum(map(tried, failed)) < PROBES:
        return None
    text, times = one_line(failed[-1].get("message", "")), tried(failed[-1])
    answered = re.search(r"statuscode: (401|403|404|405)\b", text) is not None
    kind = text.partition(" ")[0].lower()
    probe = _spec(pod, status["name"]).get(f"{kind}Probe") or {}
    asked = probe.get("httpGet") or {}
    where = f" (GET {asked.get('path', '/')} on port {asked.get('port')})" if asked else ""
    fix = f"let the container answer its {kind} probe{where}, or correct the probe"
    return Said("Unhealthy", f"{_called(pod, status)}: {text}", fix, lasting=answered and times >= PROBES, has_log=True)
