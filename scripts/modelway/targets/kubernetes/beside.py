"""A release that runs beside the team's Deployment: the same pod template with another image, under labels of its own, and a
Service that leads to it alone.

All of it belongs to one small ConfigMap: where that is gone, the cluster's garbage collector removes what a superseded
command still made.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from modelway.targets.counting_servers import VARIABLE
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object
from modelway.targets.kubernetes.home import Home, catches, containers, labels_of, selector_of
from modelway.targets.kubernetes.objects import DRAIN_SECONDS

OWN_SKETCH = "MODELWAY_SKETCH"
UNPROBED_SECONDS = 5
"""Without a readiness probe a pod is ready between two crashes, too: it has to stay so for this long."""


def labels(key: str, slot: str) -> dict[str, str]:
    return {names.TARGET: key, names.SLOT: slot, "app.kubernetes.io/managed-by": "modelway"}


def owner(key: str, slot: str, name: str) -> Object:
    """The ConfigMap that all of it belongs to."""
    metadata = {"name": name, "labels": labels(key, slot)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"slot": slot}}


def deployment(
    home: Home,
    services: Sequence[Object],
    key: str,
    slot: str,
    image: str,
    replicas: int,
    of: Object,
    variables: Mapping[str, str],
) -> Object:
    """services: all of the namespace: of the template's labels, none is kept by which one of them, or the team's Deployment,
    finds its pods. of: the owner, as it is in the cluster. variables: of the container's environment, over the
    template's."""
    template = copy.deepcopy(home.template)
    own, kept = labels(key, slot), dict(template["metadata"].get("labels") or {})
    found_by = [selector_of(item) for item in services]
    for selector in (labels_of(home.deployment), *(item for item in found_by if catches(item, kept))):
        kept = {label: said for label, said in kept.items() if label not in selector}
    metadata = {name: said for name, said in template["metadata"].items() if name == "annotations"}
    template["metadata"] = metadata | {"labels": kept | own}
    for container in containers(template):
        if container["name"] == home.container:
            container["image"] = image
            if counts_by_itself(container):
                variables = {name: value for name, value in variables.items() if name != VARIABLE}
            ours = {
                *variables,
                *(() if counts_by_itself(container) else (VARIABLE,)),
            }  # the template may have another's
            kept_ = [item for item in container.get("env") or () if item["name"] not in ours]
            if added := [*kept_, *({"name": name, "value": value} for name, value in variables.items())]:
                container["env"] = added
            else:
                container.pop("env", None)
            _drains(container, template["spec"])
    spec = {
        name: home.deployment["spec"][name]
        for name in ("minReadySeconds", "progressDeadlineSeconds")
        if name in home.deployment["spec"]
    }
    if not any(item["name"] == home.container and item.get("readinessProbe") for item in containers(template)):
        spec["minReadySeconds"] = max(spec.get("minReadySeconds", 0), UNPROBED_SECONDS)
    spec |= {"replicas": replicas, "selector": {"matchLabels": own}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(of, own), "spec": spec}


def counts_by_itself(container: Object) -> bool:
    """Whether the team has said what its servers count in: then it has the token as well, and nothing of that is changed."""
    return any(item["name"] == OWN_SKETCH for item in container.get("env") or ())


def service(home: Home, key: str, slot: str, of: Object, name: str = "", *, early: bool = False) -> Object:
    """name: of a second one, which leads to the same pods; empty: the owner's. early: to pods that are not ready, too: then
    nobody is to ask it."""
    own = labels(key, slot)
    port = {"name": "http", "port": home.service_port, "targetPort": home.port, "protocol": "TCP"}
    spec: Object = {"selector": own, "ports": [port]} | ({"publishNotReadyAddresses": True} if early else {})
    metadata = _metadata(of, own)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata | ({"name": name} if name else {}),
        "spec": spec,
    }


def caught(services: Sequence[Object], pod_labels: Mapping[str, str], own: str) -> str:
    """The name of a Service, other than its own, that would send requests to such a pod; empty where none does."""
    for item in services:
        if item["metadata"]["name"] not in (own, names.testers(own)) and catches(selector_of(item), pod_labels):
            return str(item["metadata"]["name"])
    return ""


def reference(of: Object) -> Object:
    """What says that an object belongs to this ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": of["metadata"]["name"], "uid": of["metadata"]["uid"]}


def _metadata(of: Object, own: Mapping[str, str]) -> Object:
    return {"name": of["metadata"]["name"], "labels": dict(own), "ownerReferences": [reference(of)]}


def _drains(container: Object, spec: Object) -> None:
    """A pod that ends serves on until nobody sends it anything, unless the team has its own way."""
    if (container.get("lifecycle") or {}).get("preStop") or spec.get(
        "terminationGracePeriodSeconds", 30
    ) <= DRAIN_SECONDS:
        return
    container["lifecycle"] = {**(container.get("lifecycle") or {}), "preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}
