"""Whatever a pod can suffer is named within seconds, on a real cluster of whatever version."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from cluster.fixture import Cluster
from modelway.targets.kubernetes import trouble
from modelway.targets.kubernetes.trouble import Trouble

Object = dict[str, Any]
SECONDS = 60
"""For the slowest, with all of them at once: kubelet tries to pull an image again after 10 s to 25 s."""
pytestmark = pytest.mark.long
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[1])); self.end_headers()
http.server.HTTPServer(("", 8080), Handler).serve_forever()
"""


def deployment(name: str, image: str, container: Object | None = None, **pod: object) -> Object:
    server = {"name": "server", "image": image, "command": ["sleep", "3600"], **(container or {})}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [server], "terminationGracePeriodSeconds": 1, **pod},
    }
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def probe(name: str, path: str) -> Object:
    return {name: {"httpGet": {"path": path, "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}}


def cases(image: str, registry: str) -> dict[str, tuple[Object, str]]:
    """Name -> its Deployment without the name, and what must be said of it."""

    def python(code: str) -> Object:
        return {"command": ["python3", "-c", code]}

    missing = f"{registry}/models/none@sha256:{'a' * 64}"
    volume: Object = {"name": "v", "secret": {"secretName": "no-such"}}
    hungry = {**python("x = bytearray(200_000_000)"), "resources": {"limits": {"memory": "32Mi"}}}
    init = {"name": "fetch", "image": image, **python("raise SystemExit(1)")}
    answers = {"command": ["python3", "-c", SERVER, "404"]}
    greedy = {"resources": {"limits": {"memory": "90Gi"}}}
    wanted: dict[str, tuple[str, Object, Object, str]] = {
        "image": (missing, {}, {}, "cannot pull"),
        "crash": (image, python("raise SystemExit('no model')"), {}, "CrashLoopBackOff"),
        "memory": (image, hungry, {}, "OOMKilled"),
        "init": (image, {}, {"initContainers": [init]}, "init container fetch ended"),
        "sidecar": (image, {}, {"initContainers": [{**init, "restartPolicy": "Always"}]}, "container fetch ended"),
        "env": (image, {"envFrom": [{"secretRef": {"name": "no-such"}}]}, {}, 'secret "no-such" not found'),
        "volume": (image, {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, {"volumes": [volume]}, "FailedMount"),
        "program": (image, {"command": ["/no/such"]}, {}, "RunContainerError"),
        "account": (image, {}, {"serviceAccountName": "no-such"}, 'serviceaccount "no-such" not found'),
        "quota": (image, greedy, {}, "exceeded quota"),
        "readiness": (image, {**answers, **probe("readinessProbe", "/ready")}, {}, "statuscode: 404"),
        "liveness": (image, {**answers, **probe("livenessProbe", "/health")}, {}, "Liveness probe failed"),
        "node": (image, {}, {"nodeSelector": {"no": "such"}}, "Unschedulable"),
    }
    return {name: (deployment(name, of, container, **pod), said) for name, (of, container, pod, said) in wanted.items()}


def read(cluster: Cluster, namespace: str) -> dict[str, list[Object]]:
    items: Mapping[str, Any] = cluster.get("-n", namespace, "deployments,replicasets,pods,events")
    kinds = ("Deployment", "ReplicaSet", "Pod", "Event")
    return {kind: [item for item in items["items"] if item["kind"] == kind] for kind in kinds}


def test_every_trouble_is_named(cluster: Cluster, namespace: str) -> None:
    wanted = cases(cluster.described.base_image, cluster.described.registry)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"limits.memory": "80Gi"}},
    }
    ranges = {"limits": [{"type": "Container", "default": {"memory": "128Mi"}}]}
    cluster.apply(
        namespace, quota, {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r"}, "spec": ranges}
    )
    cluster.apply(namespace, *(item for item, _ in wanted.values()))
    found: dict[str, Trouble] = {}
    began = time.monotonic()
    while missing := [name for name in wanted if name not in found]:
        assert time.monotonic() - began < SECONDS, missing
        now = read(cluster, namespace)
        for item in now["Deployment"]:
            name = item["metadata"]["name"]
            said = trouble.find(item, now["ReplicaSet"], now["Pod"], now["Event"])
            if said is not None and (said.lasting or name == "node") and wanted[name][1] in said.what:
                found[name] = said
        time.sleep(0.5)
    assert not found["node"].lasting, "an autoscaler may bring the node"
    with_log = {name: said for name, said in found.items() if said.container}
    assert sorted(with_log) == ["crash", "init", "liveness", "memory", "readiness", "sidecar"]
    said = with_log["crash"]
    previous = ["--previous"] if said.previous else []
    assert "no model" in cluster.kubectl("-n", namespace, "logs", said.pod, "-c", said.container, *previous)
