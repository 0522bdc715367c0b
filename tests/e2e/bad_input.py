"""What a team may have got wrong on its cluster: each sets it up, and puts it right again at the end."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from cluster.fixture import wait_until
from e2e.shop import Namespace
from e2e.team import NAME, ClusterTeam, manifests

Object = dict[str, Any]
Wrong = Callable[[ClusterTeam], Iterator[None]]
REFUSED: dict[str, tuple[Callable[[ClusterTeam], AbstractContextManager[None]], str]] = {}
"""Before anything is touched, with exit code 2: what is wrong, and what is said of it."""
FAILS: dict[str, tuple[Callable[[ClusterTeam], AbstractContextManager[None]], str]] = {}
"""Once it is tried, with exit code 4."""

CONFIGURED: dict[str, tuple[Object, str]] = {
    "namespace_missing": ({"namespace": "no-such"}, "there is no Deployment flight-delay in namespace no-such"),
    "deployment_missing": ({"deployment": "no-such"}, "there is no Deployment no-such in namespace"),
    "service_missing": ({"service": "no-such"}, "there is no Service no-such in namespace"),
    "service_of_others": (
        {"service": "somebody-elses"},
        "Service somebody-elses does not select the pods of Deployment flight-delay",
    ),
    "route_missing": ({"route": "no-such"}, "there is no HTTPRoute no-such in namespace"),
    "port_missing": (
        {"port": "grpc"},
        "Service flight-delay has no port grpc. Fix: name the one that predictions are asked at: it has http",
    ),
    "container_missing": ({"container": "no-such"}, "has no container no-such: it has server, logs"),
    "context_missing": ({"context": "no-such"}, "deploy.kubernetes.context: the kubeconfig has no context no-such"),
    "prometheus_not_given": (
        {"counts": {"source": "prometheus"}},
        "deploy.kubernetes.counts.prometheus: is not given, and source is prometheus",
    ),
    "prometheus_without_address": (
        {"counts": {"prometheus": {"queries": "contour"}}},
        "has a url and a service, or neither",
    ),
    "gateway_not_given": (
        {"counts": {"source": "gateway"}},
        "deploy.kubernetes.counts.gateway: is not given, and source is gateway",
    ),
    "gateway_without_pods": (
        {"counts": {"gateway": {"selector": "app=no-such"}}},
        "deploy.kubernetes.counts.gateway.selector: selects no pod that runs in namespace",
    ),
}
"""What modelway.yml says wrongly of deploy.kubernetes, refused likewise."""


def refused(said: str) -> Callable[[Wrong], Wrong]:
    return _registered(REFUSED, said)


def fails(said: str) -> Callable[[Wrong], Wrong]:
    return _registered(FAILS, said)


def _registered(cases: dict[str, Any], said: str) -> Callable[[Wrong], Wrong]:
    def register(wrong: Wrong) -> Wrong:
        cases[wrong.__name__] = (contextlib.contextmanager(wrong), said)
        return wrong

    return register


def own(team: ClusterTeam) -> Namespace:
    assert team.own is not None
    return team.own


def written(team: ClusterTeam, kind: str) -> Object:
    """The team's manifest."""
    found = manifests(own(team), team.image("good"))
    return copy.deepcopy(next(item for item in found if item["kind"] == kind and item["metadata"]["name"] == NAME))


@contextlib.contextmanager
def patched(team: ClusterTeam, kind: str, *operations: Object) -> Iterator[None]:
    """A JSON patch of one of the team's objects, and back to what its spec was."""
    before = own(team).get(kind, NAME)["spec"]
    own(team).kubectl("patch", kind, NAME, "--type=json", "-p", json.dumps(operations))
    try:
        yield
    finally:
        back = [{"op": "replace", "path": "/spec", "value": before}]
        own(team).kubectl("patch", kind, NAME, "--type=json", "-p", json.dumps(back))


@contextlib.contextmanager
def added(team: ClusterTeam, body: Object) -> Iterator[None]:
    own(team).apply(body)
    try:
        yield
    finally:
        own(team).kubectl("delete", body["kind"], body["metadata"]["name"])


@contextlib.contextmanager
def owned(team: ClusterTeam, manager: str, body: Object) -> Iterator[None]:
    """By a program that applies it."""
    command = ("apply", "--server-side", "--force-conflicts", "-n", own(team).name, "-f", "-")
    own(team).made.kubectl(*command, f"--field-manager={manager}", content=json.dumps(body))
    try:
        yield
    finally:
        own(team).made.kubectl(*command, "--field-manager=kubectl", content=json.dumps(body))
        head = {name: said for name, said in body.items() if name != "spec"}
        own(team).made.kubectl(*command, f"--field-manager={manager}", content=json.dumps(head))


@contextlib.contextmanager
def denied(team: ClusterTeam, group: str, resource: str, rule: str) -> Iterator[None]:
    """By a policy of the cluster, until objects of this kind in the namespace are as the rule says."""
    name = own(team).name
    kind = {"apiGroups": [group], "apiVersions": ["v1"], "resources": [resource], "operations": ["CREATE"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "resourceRules": [kind],
        },
        "validations": [{"expression": rule, "message": "as the company says"}],
    }
    made = [
        ("ValidatingAdmissionPolicy", policy),
        ("ValidatingAdmissionPolicyBinding", {"policyName": name, "validationActions": ["Deny"]}),
    ]
    api = "admissionregistration.k8s.io/v1"
    items = [{"apiVersion": api, "kind": it, "metadata": {"name": name}, "spec": spec} for it, spec in made]
    own(team).made.kubectl("apply", "-f", "-", content=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    try:
        probe = {"apiVersion": f"{group}/v1".lstrip("/"), "kind": KINDS[resource], "metadata": {"name": "probe"}}

        def in_force() -> bool:
            command = ("create", "-n", name, "--dry-run=server", "-f", "-")
            done = own(team).made.try_kubectl(*command, content=json.dumps(probe | SPECS.get(resource, {})))
            return "as the company says" in done.stderr

        wait_until(in_force, 30)
        yield
    finally:
        own(team).made.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)
        time.sleep(1)  # what it denied is denied for a moment more


KINDS = {"pods": "Pod", "deployments": "Deployment", "jobs": "Job", "configmaps": "ConfigMap"}
CONTAINERS = [{"name": "c", "image": "c"}]
POD: dict[str, Object] = {
    "metadata": {"labels": {"app": "probe", "modelway.dev/guardian": "probe"}},
    "spec": {"containers": CONTAINERS},
}
SPECS: dict[str, Object] = {
    "pods": {"metadata": {**POD["metadata"], "name": "probe"}, "spec": POD["spec"]},
    "deployments": {"spec": {"selector": {"matchLabels": {"app": "probe"}}, "template": POD}},
    "jobs": {"spec": {"template": {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}}},
}


# what the team's objects are


@refused("is paused. Fix: run kubectl rollout resume deployment/flight-delay")
def paused(team: ClusterTeam) -> Iterator[None]:
    with patched(team, "deployment", {"op": "add", "path": "/spec/paused", "value": True}):
        yield


@refused("flight-delay and second select the pods of Deployment flight-delay")
def services_two(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "Service")
    with added(team, body | {"metadata": {"name": "second"}}):
        yield


@refused("Service flight-delay has 2 ports that may be the model's")
def ports_two(team: ClusterTeam) -> Iterator[None]:
    port = {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"}
    with patched(team, "service", {"op": "add", "path": "/spec/ports/-", "value": port}):
        yield


@refused("its Service leads to the port no-such, which no container names (server, logs)")
def port_without_container(team: ClusterTeam) -> Iterator[None]:
    with patched(team, "service", {"op": "replace", "path": "/spec/ports/0/targetPort", "value": "no-such"}):
        yield


@refused("no Service selects the pods of Deployment flight-delay")
def service_without_pods(team: ClusterTeam) -> Iterator[None]:
    with patched(team, "service", {"op": "replace", "path": "/spec/selector/app", "value": "no-such"}):
        yield


@refused("flight-delay and second lead to Service flight-delay")
def routes_two(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "HTTPRoute")
    body["spec"]["hostnames"] = [f"second.{own(team).host}"]
    with added(team, body | {"metadata": {"name": "second"}}):
        yield


@refused("HTTPRoute newer: is not accepted: Accepted is False (RuleMatchConflict)")
def routes_two_of_one_host(team: ClusterTeam) -> Iterator[None]:
    """The older one has the requests."""
    body = written(team, "HTTPRoute")
    body["spec"]["rules"] = body["spec"]["rules"][1:]
    team.configure_cluster(route="newer")
    with added(team, body | {"metadata": {"name": "newer"}}):
        yield


@refused("HTTPRoute flight-delay: is not accepted: Accepted is False (NoMatchingParent)")
def route_not_accepted(team: ClusterTeam) -> Iterator[None]:
    with patched(team, "httproute", {"op": "add", "path": "/spec/parentRefs/0/sectionName", "value": "no-such"}):
        yield


@refused("no gateway has taken it up; its parentRefs name no-such")
def route_without_gateway(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "HTTPRoute")
    body["spec"]["parentRefs"] = [{"name": "no-such"}]
    body["spec"]["hostnames"] = [f"other.{own(team).host}"]
    team.configure_cluster(route="other")
    with added(team, body | {"metadata": {"name": "other"}}):
        yield


@refused("no rule sends requests to Service flight-delay")
def route_to_others(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "HTTPRoute")
    body["spec"]["rules"], body["spec"]["hostnames"] = body["spec"]["rules"][:1], [f"other.{own(team).host}"]
    team.configure_cluster(route="other")
    with added(team, body | {"metadata": {"name": "other"}}):
        yield


@refused('Argo CD (argocd-controller) owns .spec.template.spec.containers[name="server"].image')
def image_of_argo_cd(team: ClusterTeam) -> Iterator[None]:
    with owned(team, "argocd-controller", written(team, "Deployment")):
        yield


@refused("Flux (kustomize-controller) owns .spec.rules")
def rules_of_flux(team: ClusterTeam) -> Iterator[None]:
    with owned(team, "kustomize-controller", written(team, "HTTPRoute")):
        yield


@refused("selects its pods by matchExpressions")
def selector_by_expressions(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "Deployment")
    body["metadata"]["name"] = body["spec"]["template"]["metadata"]["labels"]["app"] = "other"
    body["spec"] |= {"replicas": 1}
    body["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["other"]}]}
    service = written(team, "Service") | {"metadata": {"name": "other"}}
    service["spec"]["selector"] = {"app": "other"}
    with added(team, body), added(team, service):
        own(team).kubectl("rollout", "status", "deployment/other", "--timeout=120s")
        team.configure_cluster(deployment="other")
        yield


@refused("is in the middle of a change")
def in_the_middle_of_a_change(team: ClusterTeam) -> Iterator[None]:
    image = {"op": "replace", "path": "/spec/template/spec/containers/1/image", "value": "registry.invalid/logs:1"}
    with patched(team, "deployment", image):
        yield
    own(team).kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")


# what the cluster does not take


@fails("exceeded quota: q")
def quota(team: ClusterTeam) -> Iterator[None]:
    spec = {"hard": {"pods": "2"}}
    with added(team, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec}):
        yield


@fails("must be less than or equal to memory limit of 40Mi")
def limits(team: ClusterTeam) -> Iterator[None]:
    spec = {"limits": [{"type": "Container", "max": {"memory": "48Mi"}, "default": {"memory": "40Mi"}}]}
    with added(team, {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": spec}):
        yield


@fails("denied request: as the company says")
def pods_denied(team: ClusterTeam) -> Iterator[None]:
    with denied(team, "", "pods", "'owner' in object.metadata.labels"):
        yield


@fails("denied request: as the company says")
def deployments_denied(team: ClusterTeam) -> Iterator[None]:
    with denied(team, "apps", "deployments", "false"):
        yield


@fails("denied request: as the company says")
def jobs_denied(team: ClusterTeam) -> Iterator[None]:
    with denied(team, "batch", "jobs", "false"):
        yield


@fails("the guardian does not run: FailedCreate: no pod can be made")
def guardians_denied(team: ClusterTeam) -> Iterator[None]:
    with denied(team, "", "pods", "!('modelway.dev/guardian' in object.metadata.labels)"):
        yield


@fails("Service all selects the pods of every release")
def service_of_everything(team: ClusterTeam) -> Iterator[None]:
    body = written(team, "Service") | {"metadata": {"name": "all"}}
    body["spec"]["selector"] = {"app.kubernetes.io/managed-by": "modelway"}
    with added(team, body):
        yield
