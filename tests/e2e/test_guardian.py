"""The guardian on a real cluster, in its pod, with its own Role and nothing else: who dies, what it does, and how soon."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cluster.fixture import Cluster
from modelway.targets.kubernetes import guard

LEASE, ROUTE, GUARDIAN = "flight-delay", "flight-delay", "flight-delay-guardian"
BACK, FENCE, NONCE = "modelway.dev/back", "modelway.dev/fence", "modelway.dev/nonce"
pytestmark = pytest.mark.long
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["SIDE"].encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
Object = dict[str, Any]


@dataclass(frozen=True)
class Namespace:
    """One of this module's own."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, given: object = None) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, content=json.dumps(given) if given else "")

    def get(self, kind: str, name: str) -> Object:
        return dict(self.cluster.get("-n", self.name, kind, name))

    def path(self, resource: str, name: str, group: str) -> str:
        return f"/apis/{group}/namespaces/{self.name}/{resource}/{name}"

    def logs(self) -> str:
        return self.cluster.try_kubectl("-n", self.name, "logs", f"job/{GUARDIAN}", "--tail=-1").stdout


def until(ready: Callable[[], object], seconds: float, why: Callable[[], str] = lambda: "") -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < seconds, why()
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def team(cluster: Cluster) -> Iterator[Namespace]:
    with cluster.namespace() as name:
        cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        cluster.apply(name, *(item for side in ("stable", "canary") for item in side_of(cluster, side)))
        for side in ("stable", "canary"):
            cluster.kubectl("-n", name, "rollout", "status", f"deployment/{side}", "--timeout=50s")
        yield Namespace(cluster, name)


def side_of(cluster: Cluster, side: str) -> Iterator[Object]:
    labels = {"side": side}
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "server",
        "image": cluster.described.base_image,
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "SIDE", "value": side}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "securityContext": secure,
    }
    user = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"containers": [container], "securityContext": user, "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": side}, "spec": spec}
    ports = [{"port": 80, "targetPort": 8080}]
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": side},
        "spec": {"selector": labels, "ports": ports},
    }


TO_STABLE = [{"name": "stable", "port": 80, "weight": 1}]
SPLIT = [{"name": "stable", "port": 80, "weight": 50}, {"name": "canary", "port": 80, "weight": 50}]


@pytest.fixture
def split(team: Namespace) -> Iterator[Namespace]:
    """Half of the traffic is the canary's, the way back is noted, nobody has the lease, and nobody guards it yet."""
    parent_namespace, parent = team.cluster.described.gateway.split("/")
    back = [{"op": "replace", "path": "/spec/rules/0/backendRefs", "value": TO_STABLE}]
    annotations = {BACK: json.dumps(back), FENCE: "of-the-runner", "team.example/note": "stays"}
    spec = {
        "parentRefs": [{"namespace": parent_namespace, "name": parent}],
        "hostnames": [f"{team.name}.example"],
        "rules": [
            {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": SPLIT},
            {"matches": [{"path": {"type": "PathPrefix", "value": "/other"}}], "backendRefs": SPLIT[1:]},
        ],
    }
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    team.cluster.apply(
        team.name, {**kind, "metadata": {"name": ROUTE, "annotations": annotations}, "spec": spec}, lease()
    )
    yield team
    kinds = "job,role,rolebinding,serviceaccount,lease.coordination.k8s.io,httproute"
    team.kubectl("delete", kinds, GUARDIAN, LEASE, "--ignore-not-found", "--wait=true")


def lease() -> Object:
    metadata = {"name": LEASE, "annotations": {NONCE: "of-the-runner"}}
    spec = {"holderIdentity": "", "leaseDurationSeconds": 5, "leaseTransitions": 3}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def guarded(namespace: Namespace, *targets: str, pods: int = 1, holder: str = "a runner") -> Object:
    """The guardian watches, and then the holder takes the lease: as it is from now on."""
    route = namespace.path("httproutes", ROUTE, "gateway.networking.k8s.io/v1")
    owner = namespace.get("lease", LEASE)["metadata"]
    owners = [{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": LEASE, "uid": owner["uid"]}]
    given: Object = {
        "lease": LEASE,
        "targets": targets or (route,),
        "labels": {"modelway.dev/target": "t"},
        "owners": owners,
    }
    image = namespace.cluster.described.base_image
    job = guard.job(GUARDIAN, namespace.name, image=image, python="/usr/bin/python3", **given)
    job["spec"].update(parallelism=pods, completions=pods)
    namespace.cluster.apply(namespace.name, *guard.account(GUARDIAN, namespace.name, **given), job)
    until(lambda: namespace.get("job", GUARDIAN).get("status", {}).get("ready") == pods, 60, namespace.logs)
    until(lambda: "watching lease" in namespace.logs(), 30, namespace.logs)
    now = namespace.get("lease", LEASE)
    now["spec"]["holderIdentity"] = holder
    return put(namespace, now)


def renew(namespace: Namespace) -> Object:
    """As a runner does: the version that was read, and something fresh. What the API server answers."""
    now = namespace.get("lease", LEASE)
    now["spec"]["renewTime"] = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return put(namespace, now)


def put(namespace: Namespace, body: Object) -> Object:
    path = namespace.path("leases", LEASE, "coordination.k8s.io/v1")
    return dict(json.loads(namespace.kubectl("replace", "--raw", path, "-f", "-", given=body)))


def answers(namespace: Namespace, number: int = 20) -> set[str]:
    found = set()
    request = urllib.request.Request(
        namespace.cluster.described.gateway_url, headers={"Host": f"{namespace.name}.example"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(number):
        with opener.open(request, timeout=5) as response:
            found.add(response.read().decode())
    return found


def ended(namespace: Namespace) -> bool:
    return bool(namespace.get("job", GUARDIAN).get("status", {}).get("succeeded"))


def is_given_back(namespace: Namespace) -> bool:
    return not namespace.get("lease", LEASE)["spec"].get("holderIdentity")


def test_a_dead_runner_s_traffic_goes_back_to_stable(split: Namespace) -> None:
    before = split.get("httproute", ROUTE)
    until(lambda: answers(split) == {"stable", "canary"}, 10)
    guarded(split)
    for _ in range(4):  # longer than the lease's duration
        time.sleep(2)
        last = renew(split)
    assert BACK in split.get("httproute", ROUTE)["metadata"]["annotations"], split.logs()
    seconds = until(lambda: answers(split) == {"stable"}, 30, split.logs)
    assert seconds > 4
    until(lambda: ended(split), 20)
    route, now = split.get("httproute", ROUTE), split.get("lease", LEASE)
    nonce = now["metadata"]["annotations"][NONCE]
    assert route["metadata"]["annotations"] == {
        **{name: text for name, text in before["metadata"]["annotations"].items() if name != BACK},
        FENCE: nonce,
    }
    before["spec"]["rules"][0]["backendRefs"] = [
        {"group": "", "kind": "Service", **item} if "kind" in before["spec"]["rules"][1]["backendRefs"][0] else item
        for item in TO_STABLE
    ]
    assert route["spec"] == before["spec"], "all else is as the team wrote it"
    assert now["spec"]["holderIdentity"] == "" and now["spec"]["leaseTransitions"] == 4
    assert nonce not in ("", "of-the-runner")
    path = split.path("leases", LEASE, "coordination.k8s.io/v1")
    old = split.cluster.try_kubectl("replace", "--raw", path, "-f", "-", content=json.dumps(last))
    assert "Conflict" in old.stderr, "a runner that comes back finds that the lease is no longer its own"


def test_a_lease_that_was_given_back_is_left_alone_until_its_guard_time(split: Namespace) -> None:
    guarded(split, holder="")
    time.sleep(9)
    assert answers(split) == {"stable", "canary"} and not ended(split)
    now = split.get("lease", LEASE)
    now["metadata"]["annotations"]["modelway.dev/guard-seconds"] = "4"
    put(split, now)
    assert 3 < until(lambda: answers(split) == {"stable"}, 20, split.logs) < 14
    until(lambda: ended(split), 20)


def test_without_a_lease_there_is_nothing_to_guard(split: Namespace) -> None:
    guarded(split)
    split.kubectl("delete", "lease", LEASE, "--cascade=orphan")
    until(lambda: ended(split), 20, split.logs)
    assert "the lease is gone" in split.logs()
    assert BACK in split.get("httproute", ROUTE)["metadata"]["annotations"]


def test_without_a_way_back_nothing_is_changed(split: Namespace) -> None:
    split.kubectl("annotate", "httproute", ROUTE, f"{BACK}-")
    before = split.get("httproute", ROUTE)
    guarded(split)
    until(lambda: ended(split), 20, split.logs)
    after = split.get("httproute", ROUTE)
    assert (after["spec"], after["metadata"]["annotations"]) == (before["spec"], before["metadata"]["annotations"])
    assert is_given_back(split) and "nothing to take back" in split.logs()


def test_a_route_that_is_gone_ends_it(split: Namespace) -> None:
    split.kubectl("delete", "httproute", ROUTE)
    guarded(split)
    until(lambda: ended(split), 20, split.logs)
    assert "is gone: nothing to take back" in split.logs() and is_given_back(split)


def test_replicas_are_a_way_back_too(split: Namespace) -> None:
    """Where no route can be weighted: stable's replicas and the canary's, in the order in which they are given."""
    for name, replicas in (("stable", 2), ("canary", 0)):
        back = json.dumps([{"op": "replace", "path": "/spec/replicas", "value": replicas}])
        split.kubectl("annotate", "deployment", name, f"{BACK}={back}")
    guarded(split, *(split.path("deployments", name, "apps/v1") for name in ("stable", "canary")))
    until(lambda: ended(split), 20, split.logs)
    for name, replicas in (("stable", 2), ("canary", 0)):
        now = split.get("deployment", name)
        assert now["spec"]["replicas"] == replicas and BACK not in now["metadata"]["annotations"]
        split.kubectl("scale", "deployment", name, "--replicas=1")
        split.kubectl("annotate", "deployment", name, f"{FENCE}-")
    split.kubectl("rollout", "status", "deployment/canary", "--timeout=50s")


def test_a_guardian_whose_pod_is_taken_away_is_made_again(split: Namespace) -> None:
    guarded(split)
    split.kubectl("delete", "pod", "-l", f"job-name={GUARDIAN}", "--force", "--grace-period=0")
    until(lambda: answers(split) == {"stable"}, 40, split.logs)
    until(lambda: ended(split), 20)


def test_its_role_is_for_one_lease_and_one_object(split: Namespace) -> None:
    guarded(split)
    who = f"--as=system:serviceaccount:{split.name}:{GUARDIAN}"

    def may(*asked: str) -> bool:
        return split.cluster.try_kubectl("-n", split.name, "auth", "can-i", *asked, who).stdout.strip() == "yes"

    assert may("get", f"leases.coordination.k8s.io/{LEASE}") and may("update", f"leases.coordination.k8s.io/{LEASE}")
    assert may("get", f"httproutes.gateway.networking.k8s.io/{ROUTE}")
    assert may("patch", f"httproutes.gateway.networking.k8s.io/{ROUTE}")
    for refused in (
        ("get", "leases.coordination.k8s.io/other"),
        ("create", "leases.coordination.k8s.io"),
        ("delete", f"leases.coordination.k8s.io/{LEASE}"),
        ("update", f"httproutes.gateway.networking.k8s.io/{ROUTE}"),
        ("patch", "httproutes.gateway.networking.k8s.io/other"),
        ("get", "secrets"),
        ("list", "pods"),
    ):
        assert not may(*refused), refused


def test_it_is_small(split: Namespace) -> None:
    guarded(split)
    pods = json.loads(split.kubectl("get", "pods", "-l", f"job-name={GUARDIAN}", "-o", "json"))["items"]
    node, name = pods[0]["spec"]["nodeName"], pods[0]["metadata"]["name"]

    def resident() -> int:
        summary = json.loads(split.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
        found = [item for item in summary["pods"] if item["podRef"]["name"] == name]
        return int(found[0]["containers"][0]["memory"].get("rssBytes", 0)) if found and found[0]["containers"] else 0

    until(resident, 30)
    assert resident() < 25_000_000


def test_of_two_guardians_one_acts(split: Namespace) -> None:
    """As of a guardian and a command that takes the lease over in the same moment."""
    guarded(split, pods=3)
    until(lambda: answers(split) == {"stable"}, 30, split.logs)
    route = split.get("httproute", ROUTE)
    now = split.get("lease", LEASE)
    assert now["spec"]["leaseTransitions"] == 4 and route["metadata"]["generation"] == 2


def test_an_api_server_that_comes_back_finds_it_at_work(split: Namespace) -> None:
    """The runner and the API server die together: the time in which nobody could be heard is no silence, and then it acts."""
    guarded(split)
    with split.cluster.dead("kube-apiserver"):
        time.sleep(8)
        assert answers(split) == {"stable", "canary"}
    split.cluster.wait_ready()
    assert until(lambda: answers(split) == {"stable"}, 40) < 5 + 10
    until(lambda: ended(split), 20, split.logs)


def test_a_runner_that_an_api_server_kept_from_renewing_goes_on(split: Namespace) -> None:
    guarded(split)
    with split.cluster.dead("kube-apiserver"):
        time.sleep(8)
    lease_of = ("get", "lease", LEASE, "-n", split.name)
    until(lambda: split.cluster.try_kubectl(*lease_of).returncode == 0, 60)
    for _ in range(6):
        renew(split)
        time.sleep(1.5)
    split.cluster.wait_ready()
    assert answers(split) == {"stable", "canary"} and "taken over" not in split.logs()
