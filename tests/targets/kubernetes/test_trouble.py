"""What pods say, as a real cluster said it: recorded.jsonl holds one moment of each case, Kubernetes 1.34, trimmed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.targets.kubernetes import trouble
from modelway.targets.kubernetes.trouble import Trouble

Moment = dict[str, Any]
RECORDED: dict[str, Moment] = {
    moment["case"]: moment
    for moment in map(json.loads, Path(__file__).with_name("recorded.jsonl").read_text().splitlines())
}
LASTS, MAY_PASS = True, False


def find(moment: Moment) -> Trouble | None:
    parts = (moment.get(name, []) for name in ("replica_sets", "pods", "events"))
    return trouble.find(moment["deployment"], *parts)


def found(moment: Moment) -> Trouble:
    said = find(moment)
    assert said is not None
    return said


def waiting(moment: Moment) -> str:
    return trouble.waiting(moment["deployment"], moment.get("pods", []), moment.get("events", []))


def changed(case: str) -> Moment:
    return copy.deepcopy(RECORDED[case])


def status_of(moment: Moment) -> Any:
    return moment["pods"][0]["status"]["containerStatuses"][0]


@pytest.mark.parametrize(
    ("case", "lasting", "log", "what", "fix"),
    [
        (
            "image-missing",
            MAY_PASS,
            "",
            'container server cannot pull "registry.example:5000/models/none@sha256:aaaaaaaaaaaa…": not found',
            "push the image",
        ),
        ("image-missing-again", LASTS, "", "ImagePullBackOff: pod image-missing-687fc484b5-42gzf: ", "push the image"),
        (
            "image-refused",
            MAY_PASS,
            "",
            '"127.0.0.1:9/models/none:1": dial tcp 127.0.0.1:9: connect: connection refused',
            "reach the registry",
        ),
        ("image-name", LASTS, "", "InvalidImageName: ", "correct the image's name"),
        ("image-never", LASTS, "", "ErrImageNeverPull: ", "IfNotPresent"),
        (
            "crashed-once",
            MAY_PASS,
            "server",
            "Crashed: pod crash-65fb5c8b47-npvv8: container server ended once (exit code 1): the model",
            "its last lines",
        ),
        (
            "crash",
            LASTS,
            "server",
            "CrashLoopBackOff: pod crash-65fb5c8b47-npvv8: container server ended 2 times (exit code 1): the model",
            "its last lines",
        ),
        ("ends", LASTS, "server", "container server ended 2 times (exit code 0)", "let its command go on running"),
        (
            "oom",
            LASTS,
            "server",
            "OOMKilled: pod oom-5c4dc69856-mdvq6: container server was killed 2 times for its memory (limit: 32Mi)",
            "raise resources.limits.memory",
        ),
        ("init-crash", LASTS, "fetch", "init container fetch ended 2 times", "its last lines"),
        ("sidecar-crash", LASTS, "proxy", "container proxy ended 2 times", "its last lines"),
        ("native-sidecar", LASTS, "proxy", ": container proxy ended 2 times", "its last lines"),
        (
            "secret-env",
            LASTS,
            "",
            'CreateContainerConfigError: pod secret-env-687dc7ff9c-86d5d: container server: secret "no-such" not found',
            "in the same namespace",
        ),
        (
            "key-env",
            LASTS,
            "",
            "couldn't find key no-such in ConfigMap trouble-rec/kube-root-ca.crt",
            "in the same namespace",
        ),
        ("runs-as-root", LASTS, "", "container has runAsNonRoot and image will run as root", "runAsUser"),
        (
            "secret-volume",
            LASTS,
            "",
            'FailedMount: pod secret-volume-794dd8d974-nddm2: MountVolume.SetUp failed for volume "v" : secret "no-such" not',
            "create what the volume names",
        ),
        (
            "not-executable",
            LASTS,
            "",
            'RunContainerError: pod not-executable-5664b9d496-f6j8v: container server: exec: "/no/such/program": stat',
            "command",
        ),
        ("quota", LASTS, "", "is forbidden: exceeded quota: q, requested: limits.memory=20Gi", "ResourceQuota"),
        ("no-limits", LASTS, "", "must specify limits.memory for: server", "as the text says"),
        ("account", LASTS, "", 'serviceaccount "no-such" not found', "create the ServiceAccount"),
        ("priority", LASTS, "", "no PriorityClass with name no-such was found", "create the PriorityClass"),
        ("pod-security", LASTS, "", 'violates PodSecurity "baseline:latest": privileged', "securityContext"),
        ("denied", LASTS, "", "denied request: images of this registry only", "what the policy asks for"),
        ("webhook-down", MAY_PASS, "", 'failed calling webhook "w.example.com"', "webhook's own pods"),
        (
            "unschedulable",
            MAY_PASS,
            "",
            "Unschedulable: pod unschedulable-7fd6db4fbd-drlg8: 0/1 nodes are available: 1 Insufficient cpu.",
            "add nodes",
        ),
        ("selector", MAY_PASS, "", "didn't match Pod's node affinity/selector.", "nodeSelector"),
        ("claim", LASTS, "", 'persistentvolumeclaim "no-such" not found', "kubectl get pvc"),
        (
            "readiness-503",
            MAY_PASS,
            "server",
            "container server: Readiness probe failed: HTTP probe failed with statuscode: 503",
            "(GET /ready on port 8080)",
        ),
        ("readiness-404", LASTS, "server", "statuscode: 404", "(GET /ready on port 8080)"),
        (
            "liveness",
            LASTS,
            "server",
            "container server was restarted 2 times: Liveness probe failed: HTTP probe failed with statuscode: 500",
            "answer its probe",
        ),
        (
            "startup",
            LASTS,
            "server",
            "container server was restarted 2 times: Startup probe failed: HTTP probe failed with statuscode: 500",
            "answer its probe",
        ),
        ("deadline", LASTS, "", "ProgressDeadlineExceeded: no progress for 5 s", "progressDeadlineSeconds"),
        (
            "deadline-and-probe",
            LASTS,
            "server",
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            "(GET /ready on port 8080)",
        ),
        ("paused", LASTS, "", "DeploymentPaused: ", "kubectl rollout resume deployment/paused"),
        (
            "evicted",
            MAY_PASS,
            "",
            "Evicted: pod evicted-5b568478f6-rtkrn: Pod ephemeral local storage usage exceeds",
            "disk",
        ),
        (
            "gate",
            MAY_PASS,
            "",
            "ReadinessGatesNotReady: pod gate-657bf44dcd-jwdj2 waits for example.com/lb",
            "controller",
        ),
        ("newest-broken", MAY_PASS, "", "ErrImagePull: pod broken-75bbfdc85-2vtrl: ", "push the image"),
    ],
)
def test_what_it_says(case: str, lasting: bool, log: str, what: str, fix: str) -> None:
    said = found(RECORDED[case])
    assert what in said.what and fix in said.fix and "\n" not in said.what + said.fix
    assert (said.lasting, said.container) == (lasting, log)
    assert bool(said.container) <= bool(said.pod)


@pytest.mark.parametrize("case", ["complete", "mended", "unseen", "starting"])
def test_no_trouble(case: str) -> None:
    """All ready; mended, with an older generation that crashed; not seen by the controller yet; its first probes fail."""
    assert find(RECORDED[case]) is None


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("unseen", "the cluster's Deployment controller has not seen the change yet"),
        ("quota", "0 of 1 pods ready; 1 not made yet"),
        ("unschedulable", "0 of 1 pods ready; pod unschedulable-7fd6db4fbd-drlg8: waits for a node"),
        ("secret-volume", "0 of 1 pods ready; pod secret-volume-794dd8d974-nddm2: ContainerCreating"),
        ("readiness-503", "is running, not ready yet"),
        ("init-crash", "init container fetch has ended"),
        ("evicted", "0 of 1 pods ready; pod evicted-5b568478f6-k6fhf: ContainerCreating"),
        ("newest-broken", "0 of 2 pods ready; pod broken-75bbfdc85-2vtrl: ErrImagePull"),
        ("complete", "2 of 2 pods ready"),
    ],
)
def test_what_is_waited_for(case: str, text: str) -> None:
    assert waiting(RECORDED[case]).endswith(text)


def test_an_image_that_is_being_pulled() -> None:
    moment = changed("secret-volume")
    pod = {"kind": "Pod", "uid": moment["pods"][0]["metadata"]["uid"], "fieldPath": "spec.containers{server}"}
    moment["events"] = [
        {"involvedObject": pod, "reason": "Pulling", "message": "", "lastTimestamp": "2026-11-26T08:30:00Z"}
    ]
    assert waiting(moment).endswith("ContainerCreating (pulling image)")


def older(moment: Moment) -> Moment:
    """The same, after the controller has made a newer generation."""
    newer = copy.deepcopy(moment["replica_sets"][0])
    newer["metadata"].update(name="newer", uid="newer", annotations={"deployment.kubernetes.io/revision": "2"})
    newer["status"] = {"observedGeneration": 1}
    moment["replica_sets"].append(newer)
    return moment


@pytest.mark.parametrize("case", ["crash", "image-missing-again", "quota", "oom", "secret-volume", "unschedulable"])
def test_an_older_generation_is_not_believed(case: str) -> None:
    assert find(older(changed(case))) is None


def test_an_older_pod_of_the_same_name_is_not_believed() -> None:
    moment = changed("secret-volume")
    for event in moment["events"]:
        event["involvedObject"]["uid"] = "another"
    assert find(moment) is None


def test_a_pod_that_is_ending_says_nothing() -> None:
    moment = changed("crash")
    moment["pods"][0]["metadata"]["deletionTimestamp"] = "2026-11-26T08:30:00Z"
    assert find(moment) is None


def test_another_deployment_s_pods_say_nothing_of_this_one() -> None:
    """A caller may list a whole namespace."""
    moment = changed("complete")
    moment["deployment"]["status"]["availableReplicas"] = 1
    for other in RECORDED.values():
        if other["deployment"]["metadata"]["uid"] != moment["deployment"]["metadata"]["uid"]:
            for part in ("replica_sets", "pods", "events"):
                moment[part] = [*moment.get(part, []), *other.get(part, [])]
    assert find(moment) is None


def test_what_a_probe_said_of_the_run_before_is_not_believed() -> None:
    moment = changed("readiness-404")
    status_of(moment)["state"]["running"]["startedAt"] = "2026-11-26T09:00:00Z"
    assert find(moment) is None


@pytest.mark.parametrize(
    "time",
    [
        {"eventTime": "2026-11-26T08:40:00.123456Z"},
        {
            "eventTime": "2026-11-26T08:00:00Z",
            "series": {"count": 9, "lastObservedTime": "2026-11-26T08:40:00.123456Z"},
        },
    ],
)
def test_an_event_of_a_newer_reporter_has_no_count(time: Any) -> None:
    moment = changed("readiness-404")
    for event in moment["events"]:
        event.pop("lastTimestamp")
        event.update({"count": None, "lastTimestamp": None, "firstTimestamp": None}, **time)
    said = find(moment)
    assert (said is not None and said.lasting) == ("series" in time)


def test_before_1_31_the_event_alone_says_why_it_backs_off() -> None:
    moment = changed("image-missing-again")
    state = status_of(moment)["state"]["waiting"]
    state["message"] = state["message"].partition(": ErrImagePull")[0]
    assert found(moment).what.endswith('aaaaaaaaaaaa…": not found')
    assert found(moment).lasting


@pytest.mark.parametrize(
    ("answer", "lasting", "fix"),
    [
        ("unexpected status from GET request to https://r/token: 401 Unauthorized", LASTS, "pull secret"),
        ("pull access denied, repository does not exist or may require authorization", LASTS, "pull secret"),
        ("failed to authorize: 403 Forbidden", LASTS, "pull secret"),
        ("no match for platform in manifest: not found", LASTS, "platform"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", LASTS, "certificate"),
        ("dial tcp: lookup registry.example: no such host", LASTS, "name up"),
        ("unexpected status from HEAD request: 429 Too Many Requests", MAY_PASS, "reach the registry"),
        ("unexpected status from HEAD request: 503 Service Unavailable", MAY_PASS, "reach the registry"),
        ("net/http: TLS handshake timeout", MAY_PASS, "reach the registry"),
        ("unexpected EOF", MAY_PASS, "reach the registry"),
    ],
)
def test_what_the_registry_answers_decides_how_long_it_is_waited_for(answer: str, lasting: bool, fix: str) -> None:
    moment = changed("image-missing-again")
    status = status_of(moment)
    said = f'failed to pull and unpack image "{status["image"]}": failed to resolve reference "{status["image"]}": {answer}'
    status["state"]["waiting"]["message"] = f'Back-off pulling image "{status["image"]}": ErrImagePull: {said}'
    assert (found(moment).lasting, found(moment).what.endswith(answer)) == (lasting, True)
    assert fix in found(moment).fix


def test_an_image_whose_name_sounds_like_an_answer() -> None:
    moment = changed("image-refused")
    status = status_of(moment)
    status["image"] = "r.example/denied/x509:401"
    said = 'failed to resolve reference "r.example/denied/x509:401": unexpected EOF'
    status["state"]["waiting"]["message"] = f'Back-off pulling image "{status["image"]}": ErrImagePull: {said}'
    assert not found(moment).lasting


def test_a_quota_may_pass_while_older_pods_go() -> None:
    moment = changed("quota")
    first = copy.deepcopy(moment["replica_sets"][0])
    first["metadata"].update(uid="first", annotations={"deployment.kubernetes.io/revision": "0"})
    first["status"] = {"replicas": 2}
    moment["replica_sets"].append(first)
    assert not found(moment).lasting
    moment["deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 0
    assert found(moment).lasting, "no older pod goes before a newer one is ready"


def test_a_webhook_that_denies() -> None:
    moment = changed("denied")
    text = 'admission webhook "w.example.com" denied the request: no latest tags'
    for part in (moment["deployment"], *moment["replica_sets"]):
        for condition in part["status"]["conditions"]:
            if condition["type"] == "ReplicaFailure":
                condition["message"] = text
    assert text in found(moment).what and found(moment).lasting and "webhook asks" in found(moment).fix


def test_a_node_that_does_not_answer() -> None:
    """The node's controller says that the pod is not ready; its containers are as they were when the node was last heard."""
    moment = changed("gate")
    pod = moment["pods"][0]
    pod["spec"].pop("readinessGates")
    assert find(moment) is None
    about = {"kind": "Pod", "uid": pod["metadata"]["uid"]}
    event = {"involvedObject": about, "reason": "NodeNotReady", "message": "Node is not ready"}
    moment.setdefault("events", []).append({**event, "lastTimestamp": "2026-11-26T08:30:00Z"})
    said = found(moment)
    assert said.what.startswith("NodeNotReady: pod gate-657bf44dcd-jwdj2 is on node node,") and not said.lasting


def test_a_mount_that_failed_once_or_timed_out_may_go_well() -> None:
    moment = changed("secret-volume")
    (event,) = moment["events"] = moment["events"][:1]
    event["count"] = 1
    assert not found(moment).lasting
    event.update(count=9, message="Unable to attach or mount volumes: timed out waiting for the condition")
    assert not found(moment).lasting


def test_trouble_that_lasts_is_told_before_what_may_pass() -> None:
    moment, other = changed("unschedulable"), changed("crash")
    other["pods"][0]["metadata"].update(
        name="zzz", ownerReferences=moment["pods"][0]["metadata"]["ownerReferences"], uid="zzz"
    )
    moment["pods"].append(other["pods"][0])
    assert found(moment).what.startswith("CrashLoopBackOff: pod zzz")


@given(case=st.sampled_from(sorted(RECORDED)), data=st.data())
def test_what_is_missing_never_stops_it(case: str, data: st.DataObject) -> None:
    """Older and newer clusters leave fields out: nothing but names, uids and the spec is relied on."""
    moment = changed(case)
    holders: list[Any] = [moment["deployment"]["status"], *moment.get("events", [])]
    for pod in moment.get("pods", []):
        holders += [pod["status"], *pod["status"].get("containerStatuses", []), *pod["status"].get("conditions", [])]
    for _ in range(data.draw(st.integers(1, 4))):
        holder = data.draw(st.sampled_from(holders))
        if names := sorted(set(holder) - {"name", "type"}):
            holder.pop(data.draw(st.sampled_from(names)))
    said = find(moment)
    assert said is None or (said.what and said.fix and "\n" not in said.what)
    assert waiting(moment)
