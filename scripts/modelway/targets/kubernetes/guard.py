"""The guardian's objects: the Job that runs it, and what it may do, which is to take one lease over and one object back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelway.targets.kubernetes import guardian

Object = dict[str, Any]
RESTARTS = 10_000
"""For days beside a canary, on nodes that come and go: a guardian that gave up would be none."""
USER = 65532
NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
"""It asks the API server alone: a mesh's proxy would start after it, and never let its Job end."""


def source() -> str:
    return Path(guardian.__file__).read_text(encoding="utf-8")


def job(
    name: str,
    namespace: str,
    *,
    image: str,
    python: str,
    lease: str,
    targets: Sequence[str],
    labels: Mapping[str, str] | None = None,
    owners: Sequence[Object] = (),
    pull_secrets: Sequence[Object] = (),
    lease_seconds: float = 15,
) -> Object:
    """image: the release's own, by digest. python: its interpreter's path, as the image's entrypoint has it. targets: the API
    paths of the objects that hold the way back. A Job, since a pod alone does not survive its node being drained; it has ended
    well when the guardian has acted or the lease is gone."""
    variables = {
        "MODELWAY_NAMESPACE": namespace,
        "MODELWAY_LEASE": lease,
        "MODELWAY_OBJECTS": " ".join(targets),
        "MODELWAY_LEASE_SECONDS": f"{lease_seconds:g}",
    }
    container = {
        "name": "guardian",
        "image": image,
        "command": [python, "-I", "-c", source()],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    pod = {
        "serviceAccountName": name,
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 5,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    if pull_secrets:
        pod["imagePullSecrets"] = [dict(item) for item in pull_secrets]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(name, namespace, labels, owners),
        "spec": {
            "backoffLimit": RESTARTS,
            "template": {"metadata": {"labels": {**(labels or {}), **NO_SIDECAR}}, "spec": pod},
        },
    }


def account(
    name: str,
    namespace: str,
    *,
    lease: str,
    targets: Sequence[str],
    labels: Mapping[str, str] | None = None,
    owners: Sequence[Object] = (),
) -> list[Object]:
    """The ServiceAccount, the Role and the RoleBinding of a guardian, in the order in which they are made."""
    metadata = _metadata(name, namespace, labels, owners)
    rules = [
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [lease],
            "verbs": ["get", "update"],
        },
    ]
    for group, resource, named in map(_parts, targets):
        rules.append(
            {"apiGroups": [group], "resources": [resource], "resourceNames": [named], "verbs": ["get", "patch"]}
        )
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]},
    ]


def _parts(path: str) -> tuple[str, str, str]:
    """(API group, resource, name) of an object's path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        parts.insert(1, "")
    _, group, _, _, _, resource, name = parts
    return group, resource, name


def _metadata(name: str, namespace: str, labels: Mapping[str, str] | None, owners: Sequence[Object]) -> Object:
    return {
        "name": name,
        "namespace": namespace,
        "labels": dict(labels or {}),
        **({"ownerReferences": [dict(owner) for owner in owners]} if owners else {}),
    }
