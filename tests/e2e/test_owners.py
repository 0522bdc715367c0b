"""Who owns a field, as a real API server writes it down, and what it answers who would take it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.fixture import Cluster, wait_until
from modelway.targets.kubernetes import owners

Object = dict[str, Any]
IMAGE = ("spec", "template", "spec", "containers", {"name": "server"}, "image")
RULES = ("spec", "rules")
TOOL = "argocd-controller"


def deployment(image: str, **spec: object) -> Object:
    container = {"name": "server", "image": image, "command": ["sleep", "3600"], "ports": [{"containerPort": 8080}]}
    sidecar = {"name": "sidecar", "image": "registry.example/sidecar:1"}
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [container, sidecar]}}
    body = {"selector": {"matchLabels": {"app": "d"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": body}


def route(cluster: Cluster) -> Object:
    namespace, name = cluster.described.gateway.split("/")
    rules = [{"backendRefs": [{"name": "s", "port": 80}]}]
    spec = {"parentRefs": [{"namespace": namespace, "name": name}], "hostnames": ["o.example"], "rules": rules}
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
    return {**kind, "metadata": {"name": "r", "annotations": {"team.example/a": "b"}}, "spec": spec}


def apply(cluster: Cluster, namespace: str, item: Object, *more: str) -> str:
    """Server-side; what it refuses."""
    command = ("apply", "--server-side", "-n", namespace, *more, "-f", "-")
    return cluster.try_kubectl(*command, content=json.dumps(item)).stderr


def get(cluster: Cluster, namespace: str, kind: str, name: str) -> Object:
    return dict(cluster.get("-n", namespace, kind, name, "--show-managed-fields"))


def test_the_image_of_one_container(cluster: Cluster, namespace: str) -> None:
    apply(cluster, namespace, deployment("registry.example/a:1"), f"--field-manager={TOOL}")
    item = get(cluster, namespace, "deployment", "d")
    found = owners.foreign(item, IMAGE)
    assert found is not None and (found.name, found.operation, found.subresource) == (TOOL, "Apply", "")
    for path in (
        ("spec", "template", "spec", "containers", {"name": "sidecar"}, "image"),
        ("spec", "template", "spec", "containers", {"name": "server"}, "command"),
        ("spec", "template", "spec", "containers", {"name": "server"}, "ports", {"containerPort": 8080}),
        ("spec", "selector", "matchLabels", "app"),
        ("spec", "template"),
    ):
        assert owners.foreign(item, path) == found, path
    for path in (("spec", "replicas"), ("spec", "template", "spec", "containers", {"name": "third"}, "image")):
        assert owners.foreign(item, path) is None, path
    assert owners.foreign(item, IMAGE, allowed=(TOOL,)) is None
    written = ("metadata", "annotations", "modelway.dev/fence")
    assert owners.foreign(item, written) is None


def test_what_people_do_by_hand(cluster: Cluster, namespace: str) -> None:
    content = json.dumps(deployment("registry.example/a:1", replicas=0))
    cluster.kubectl("apply", "-n", namespace, "-f", "-", content=content)
    cluster.kubectl("-n", namespace, "set", "image", "deployment/d", "server=registry.example/a:2")
    cluster.kubectl("-n", namespace, "scale", "deployment/d", "--replicas=1")
    item = get(cluster, namespace, "deployment", "d")
    named = {manager.name for manager in owners.managers(item, IMAGE)}
    assert named == {"kubectl-set"}
    assert {manager.subresource for manager in owners.managers(item, ("spec", "replicas"))} == {"scale"}
    assert owners.foreign(item, IMAGE) is None
    assert owners.foreign(item, ("spec", "replicas")) is None, "kubectl scale writes once"


def test_the_rules_of_a_route_are_one_field(cluster: Cluster, namespace: str) -> None:
    apply(cluster, namespace, route(cluster), "--field-manager=kustomize-controller")
    item = get(cluster, namespace, "httproute", "r")
    for path in (RULES, (*RULES, 0, "backendRefs", 0, "weight")):
        found = owners.foreign(item, path)
        assert found is not None and found.name == "kustomize-controller", path
    patch = json.dumps([{"op": "add", "path": "/metadata/annotations/modelway.dev~1fence", "value": "n"}])
    cluster.kubectl("-n", namespace, "patch", "httproute", "r", "--type=json", "-p", patch, "--field-manager=modelway")
    item = get(cluster, namespace, "httproute", "r")
    assert owners.foreign(item, ("metadata", "annotations", "modelway.dev/fence")) is None


def test_an_autoscaler_owns_the_replicas_that_somebody_had_set(cluster: Cluster, namespace: str) -> None:
    """Where nobody had, the API server notes no owner at all."""
    apply(cluster, namespace, deployment("registry.example/a:1", replicas=1), "--field-manager=modelway")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": 2,
        "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    cluster.apply(namespace, {**kind, "metadata": {"name": "d"}, "spec": spec})

    def scaled() -> bool:
        return bool(get(cluster, namespace, "deployment", "d")["spec"]["replicas"] == 2)

    wait_until(scaled, 60)
    found = owners.foreign(get(cluster, namespace, "deployment", "d"), ("spec", "replicas"))
    assert found is not None and (found.name, found.subresource) == ("kube-controller-manager", "scale")
    assert "HorizontalPodAutoscaler" in owners.refusal(found, "Deployment", "d", ("spec", "replicas")).line()


@pytest.mark.parametrize("operation", ["Apply", "Update"])
def test_a_conflict_names_its_manager(cluster: Cluster, namespace: str, operation: str) -> None:
    """The Status of the 409, by a client that shows it whole."""
    item, other = deployment("registry.example/a:1"), deployment("registry.example/b:1")
    if operation == "Apply":
        apply(cluster, namespace, item, f"--field-manager={TOOL}")
    else:
        cluster.kubectl("create", "-n", namespace, f"--field-manager={TOOL}", "-f", "-", content=json.dumps(item))
    command = ("apply", "--server-side", "-n", namespace, "--field-manager=modelway", "-v=8", "-f", "-")
    said = cluster.try_kubectl(*command, content=json.dumps(other))
    assert said.returncode == 1
    (found,) = owners.conflicts(json.loads(_status(said.stderr)))
    assert (found.manager.name, found.manager.operation, found.path) == (TOOL, operation, IMAGE)


def _status(log: str) -> str:
    """The answer's body, which kubectl logs as a quoted string or as it is."""
    line = next(line for line in log.splitlines() if "FieldManagerConflict" in line)
    text = line[line.index('body="') + 5 :] if 'body="' in line else line[line.index("{") :]
    return str(json.loads(text[: text.rindex('"') + 1])) if text.startswith('"') else text
