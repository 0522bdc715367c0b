"""What the credentials of a delivery may do: one Role in the model's namespace.

docs/kubernetes.md prints it, and the tests on a cluster run with exactly it."""

from __future__ import annotations

from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object

NAME = "modelway"
RBAC = "rbac.authorization.k8s.io"
ISTIO = "networking.istio.io"
NEEDS: tuple[tuple[str, str, str, str], ...] = (
    ("", "configmaps", "get list create update patch delete", "the state, the journals, and what belongs to a release"),
    (
        "",
        "secrets",
        "get create patch",
        "this one alone: the token that opens what pods have counted",
    ),
    ("coordination.k8s.io", "leases", "get create update", "one command at a time"),
    (
        "apps",
        "deployments",
        "get list create patch delete",
        "the team's, whose image is changed, and the one beside it",
    ),
    ("apps", "deployments/scale", "patch", "as many pods as the traffic needs"),
    ("apps", "replicasets", "list", "why pods do not start"),
    ("", "pods", "list patch", "are they ready? patch: without a gateway, to share connections"),
    ("", "pods/log", "get", "the last words of one that failed"),
    ("", "pods/proxy", "get create", "which release it is, its /metrics, and rows to predict"),
    ("", "events", "list", "why pods do not start"),
    ("", "services", "get list create patch delete", "one for each release"),
    ("discovery.k8s.io", "endpointslices", "list", "does the Service know the pods?"),
    ("gateway.networking.k8s.io", "httproutes", "get list patch", "weights"),
    (
        ISTIO,
        "virtualservices",
        "get list patch",
        "where Istio is installed: weights,",
    ),
    (ISTIO, "destinationrules", "list create patch", "and the traffic policy of the release beside"),
    ("autoscaling", "horizontalpodautoscalers", "list", "strategy: rolling is refused where one decides the replicas"),
    ("batch", "jobs", "get list create patch delete", "the guardian,"),
    ("", "serviceaccounts", "create patch", "its account,"),
    (RBAC, "roles", "create patch", "and what it may do, which is less than this"),
    (RBAC, "rolebindings", "create patch", ""),
)
"""API group, resource, verbs, why."""
CREATES: tuple[tuple[str, str, str, str], ...] = (
    ("gateway.networking.k8s.io", "httproutes", "create delete", "the route"),
    ("policy", "poddisruptionbudgets", "create patch delete", ""),
    ("autoscaling", "horizontalpodautoscalers", "create patch delete", "with max-replicas"),
)
"""What deploy.kubernetes.create needs besides."""


ALONE = {"secrets": [names.SKETCHES]}
"""Resources of which the Role is about these alone: an apply may create one of a name that is given."""


def _named(resource: str) -> Object:
    return {"resourceNames": ALONE[resource]} if resource in ALONE else {}


def role(*, creates: bool) -> Object:
    needs = (*NEEDS, *(CREATES if creates else ()))
    rules = [
        {"apiGroups": [group], "resources": [resource], **_named(resource), "verbs": verbs.split()}
        for group, resource, verbs, _ in needs
    ]
    return {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": NAME}, "rules": rules}


def as_yaml() -> str:
    """The Role and its binding to a service account of the same name, with the reason for every line."""
    lines = [f"apiVersion: {RBAC}/v1", "kind: Role", f"metadata: {{ name: {NAME} }}", "rules:"]
    for needs, heading in ((NEEDS, ""), (CREATES, "  # and, where deploy.kubernetes.create makes the objects:")):
        lines += [heading] if heading else []
        for group, resource, verbs, why in needs:
            named = group or '""'
            of = "".join(f"resourceNames: [{', '.join(only)}], " for only in _named(resource).values())
            rule = f"  - {{ apiGroups: [{named}], resources: [{resource}], {of}verbs: [{', '.join(verbs.split())}] }}"
            lines.append(f"{rule} # {why}" if why else rule)
    lines += ["---", f"apiVersion: {RBAC}/v1", "kind: RoleBinding", f"metadata: {{ name: {NAME} }}"]
    lines += [f"roleRef: {{ apiGroup: {RBAC}, kind: Role, name: {NAME} }}"]
    lines += [f"subjects: [{{ kind: ServiceAccount, name: {NAME} }}]"]
    return "\n".join(lines) + "\n"
