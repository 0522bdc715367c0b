"""The team's own Deployment and Service, as they are found, and what must be true of them before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput
from modelway.targets.kubernetes import names, objects
from modelway.targets.kubernetes.cluster import Cluster, Object

KEY = "deploy.kubernetes"


@dataclass(frozen=True)
class Home:
    """container: the name of the one that serves the model. port: the number that it listens on. service_port: of the Service,
    which leads there."""

    deployment: Object
    container: str
    service: str
    port: int
    service_port: int

    @property
    def name(self) -> str:
        return str(self.deployment["metadata"]["name"])

    @property
    def is_there(self) -> bool:
        """Whether the Deployment was made already."""
        return "uid" in self.deployment["metadata"]

    @property
    def template(self) -> Object:
        found: Object = self.deployment["spec"]["template"]
        return found

    @property
    def image(self) -> str:
        return str(_named(containers(self.template), self.container)["image"])

    @property
    def replicas(self) -> int:
        """As many as it has; after a stop, and within a rolling rollout, as many as it had."""
        noted = self.deployment["metadata"].get("annotations") or {}
        return int(noted.get(names.WHOLE) or self.deployment["spec"].get("replicas", 1) or noted.get(names.REPLICAS, 0))

    @property
    def selector(self) -> str:
        """Of its pods, as a query."""
        own = ",".join(f"{key}={said}" for key, said in sorted(labels_of(self.deployment).items()))
        return f"{own},!{names.SLOT}"  # a pod beside may have the Service's labels for a while


def find(cluster: Cluster, wanted: Kubernetes) -> Home:
    """As it is, or, where deploy.kubernetes.create says so, as it will be made. InvalidInput where something is missing, or is
    there more than once."""
    deployment = cluster.get("Deployment", wanted.deployment)
    if deployment is None and wanted.create is not None:
        planned = objects.deployment(wanted, wanted.create, "")
        return Home(planned, objects.CONTAINER, wanted.deployment, objects.PORT, objects.SERVICE_PORT)
    if deployment is None:
        raise InvalidInput(
            f"there is no Deployment {wanted.deployment} in {cluster.where}",
            where=f"{KEY}.deployment",
            fix=f"name one that is there (kubectl get deployments -n {cluster.namespace}), or say deploy.kubernetes.create",
        )
    template = deployment["spec"]["template"]
    service, port = _service(cluster, wanted, template)
    target: str | int = port.get("targetPort") or port["port"]
    container = _container(wanted, template, target)
    number = port_number(_named(containers(template), container), target)
    return Home(deployment, container, service, number, int(port["port"]))


def check(home: Home) -> None:
    """InvalidInput where nothing may be deployed to it now."""
    if not home.is_there:
        return
    spec, status, where = home.deployment["spec"], home.deployment.get("status") or {}, f"Deployment {home.name}"
    if spec.get("paused"):
        raise InvalidInput("is paused", where=where, fix=f"run kubectl rollout resume deployment/{home.name}")
    if home.replicas == 0:
        raise InvalidInput("has no replicas", where=where, fix=f"run kubectl scale deployment/{home.name} --replicas=2")
    if not rolled_out(home.deployment):
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
        raise InvalidInput(
            f"is in the middle of a change: {updated} of {home.replicas} pods are of its newest template, {ready} are ready",
            where=where,
            fix=f"wait for it (kubectl rollout status deployment/{home.name}), or undo it",
        )


def rolled_out(deployment: Object) -> bool:
    """Whether every pod is of the newest template, and is ready."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status") or {}
    counted = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counted == [wanted] * 4


def labels_of(deployment: Object) -> dict[str, str]:
    """That it finds its pods by. InvalidInput where it does so by expressions."""
    selector = deployment["spec"]["selector"]
    if selector.get("matchExpressions"):
        raise InvalidInput(
            "selects its pods by matchExpressions",
            where=f"Deployment {deployment['metadata']['name']}",
            fix="use matchLabels alone",
        )
    return dict(selector["matchLabels"])


def containers(template: Object) -> list[Object]:
    found: list[Object] = template["spec"]["containers"]
    return found


def selector_of(service: Object) -> dict[str, str]:
    """As the team wrote it: a rollout may have it select the new release alone for a while."""
    noted = (service["metadata"].get("annotations") or {}).get(names.BEFORE)
    found: dict[str, str] = json.loads(noted) if noted else service["spec"].get("selector") or {}
    return found


def catches(selector: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a Service with this selector sends requests to a pod with these labels."""
    return bool(selector) and all((labels or {}).get(key) == said for key, said in (selector or {}).items())


def _service(cluster: Cluster, wanted: Kubernetes, template: Object) -> tuple[str, Object]:
    """Its name and the port that leads to the model."""
    labels = template["metadata"].get("labels")
    if wanted.service is not None:
        service = cluster.get("Service", wanted.service)
        if service is None:
            raise InvalidInput(
                f"there is no Service {wanted.service} in {cluster.where}",
                where=f"{KEY}.service",
                fix=f"name one that is there (kubectl get services -n {cluster.namespace})",
            )
        if not catches(selector_of(service), labels):
            raise InvalidInput(
                f"Service {wanted.service} does not select the pods of Deployment {wanted.deployment}",
                where=f"{KEY}.service",
                fix="name the one that does, or mend its selector",
            )
    else:
        found = [item for item in cluster.list("Service") if catches(selector_of(item), labels)]
        if len(found) != 1:
            said = " and ".join(sorted(item["metadata"]["name"] for item in found)) or "no Service"
            verb = "select" if len(found) > 1 else "selects"
            raise InvalidInput(
                f"{said} {verb} the pods of Deployment {wanted.deployment}",
                where=f"{KEY}.service",
                fix="name the one that clients use" if found else "make a Service for them (kubectl expose)",
            )
        service = found[0]
    ports: Sequence[Object] = service["spec"].get("ports") or ()
    known = ", ".join(str(port.get("name") or port["port"]) for port in ports) or "none"
    if wanted.port is not None:
        ports = [port for port in ports if wanted.port in (port["port"], port.get("name"))]
    if len(ports) != 1:
        has = f"no port {wanted.port}" if wanted.port is not None else f"{len(ports)} ports that may be the model's"
        raise InvalidInput(
            f"Service {service['metadata']['name']} has {has}",
            where=f"{KEY}.port",
            fix=f"name the one that predictions are asked at: it has {known}",
        )
    return str(service["metadata"]["name"]), ports[0]


def _container(wanted: Kubernetes, template: Object, target: str | int) -> str:
    """The one that is named; else the only one; else the only one with the Service's port."""
    found = containers(template)
    named = [str(item["name"]) for item in found]
    if wanted.container is not None:
        if wanted.container not in named:
            raise InvalidInput(
                f"Deployment {wanted.deployment} has no container {wanted.container}: it has {', '.join(named)}",
                where=f"{KEY}.container",
                fix="name one of these",
            )
        return wanted.container
    listening = [
        str(item["name"])
        for item in found
        if any(target in (port.get("containerPort"), port.get("name")) for port in item.get("ports") or ())
    ]
    for candidates in (named, listening):
        if len(candidates) == 1:
            return candidates[0]
    if isinstance(target, str) and not listening:
        raise InvalidInput(
            f"its Service leads to the port {target}, which no container names ({', '.join(named)})",
            where=f"Deployment {wanted.deployment}",
            fix="add the name to a container's ports, or give the Service's targetPort as a number",
        )
    raise InvalidInput(
        f"Deployment {wanted.deployment} has the containers {', '.join(named)}",
        where=f"{KEY}.container",
        fix="name the one that serves the model",
    )


def port_number(container: Mapping[str, Any], target: str | int) -> int:
    """The number of a port that a Service may name."""
    if isinstance(target, int):
        return target
    for port in container.get("ports") or ():
        if port.get("name") == target:
            return int(port["containerPort"])
    raise InvalidInput(
        f"container {container['name']} has no port of the name {target}, which its Service leads to",
        where="the Deployment",
        fix="add it to the container's ports",
    )


def _named(found: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(item for item in found if item["name"] == name)
