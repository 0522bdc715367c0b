"""The objects of a team that has no manifests yet: made from a release's image and a few keys of modelway.yml."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from modelway.config.sections import Create, Kubernetes
from modelway.serving.features import URL_VARIABLE
from modelway.targets.kubernetes.cluster import Object

PORT, SERVICE_PORT = 8080, 80
END_SECONDS = 30
DRAIN_SECONDS = 3
"""Between a pod's end being decided and its server being told: proxies take that long to send it nothing more."""
APP = "app.kubernetes.io/name"
CONTAINER = "server"
NONE: Mapping[str, str] = {}


def all_of(wanted: Kubernetes, create: Create, image: str, variables: Mapping[str, str] = NONE) -> list[Object]:
    """In the order in which they are made, without the route: that one gives traffic."""
    made = (
        deployment(wanted, create, image, variables),
        service(wanted),
        disruption_budget(wanted),
        autoscaler(wanted, create),
    )
    return [body for body in made if body is not None]


def render(wanted: Kubernetes, image: str) -> str:
    """All of them, as YAML."""
    assert wanted.create is not None
    made = all_of(wanted, wanted.create, image)
    made += [found] if (found := route(wanted, wanted.create)) is not None else []
    if wanted.namespace:
        for body in made:
            body["metadata"] = {"namespace": wanted.namespace, **body["metadata"]}
    return yaml.safe_dump_all(made, sort_keys=False)


def _from_secret(create: Create) -> list[Object]:
    if create.features_secret is None:
        return []
    key = {"name": create.features_secret, "key": "url"}
    return [{"name": URL_VARIABLE, "valueFrom": {"secretKeyRef": key}}]


def deployment(wanted: Kubernetes, create: Create, image: str, variables: Mapping[str, str] = NONE) -> Object:
    """Without `replicas` where an autoscaler decides them. variables: of the container's environment, besides its own."""
    own = {APP: wanted.deployment}
    probe = {"periodSeconds": 2, "timeoutSeconds": 5}  # on a busy node an answer may be late, and all pods' at once
    container: Object = {
        "name": CONTAINER,
        "image": image,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": [
            *({"name": name, "value": said} for name, said in {"OMP_NUM_THREADS": "1", **variables}.items()),
            *_from_secret(create),
        ],
        "startupProbe": {
            "httpGet": {"path": "/ready", "port": PORT},
            **probe,
            "periodSeconds": 1,
            "failureThreshold": 300,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": PORT}, **probe, "failureThreshold": 3},
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": PORT},
            **probe,
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        "resources": {"requests": {"cpu": create.cpu, "memory": create.memory}, "limits": {"memory": create.memory}},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  in the pod
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": END_SECONDS,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": own},
            }
        ],
    }
    spec: Object = {
        "selector": {"matchLabels": own},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": own}, "spec": pod},
    }
    if create.max_replicas is None:
        spec["replicas"] = create.replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(wanted), "spec": spec}


def service(wanted: Kubernetes) -> Object:
    port = {"name": "http", "port": SERVICE_PORT, "targetPort": PORT, "protocol": "TCP"}
    spec = {"selector": {APP: wanted.deployment}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(wanted), "spec": spec}


def route(wanted: Kubernetes, create: Create) -> Object | None:
    """None where no gateway is named: then the Service alone leads to the pods."""
    if create.gateway is None:
        return None
    namespace, _, name = create.gateway.rpartition("/")
    parent = {"name": name} | ({"namespace": namespace} if namespace else {})
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": wanted.deployment, "port": SERVICE_PORT}],
    }
    spec: Object = {"parentRefs": [parent], "rules": [rule]}
    if create.host is not None:
        spec["hostnames"] = [create.host]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _metadata(wanted),
        "spec": spec,
    }


def disruption_budget(wanted: Kubernetes) -> Object:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {APP: wanted.deployment}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _metadata(wanted), "spec": spec}


def autoscaler(wanted: Kubernetes, create: Create) -> Object | None:
    if create.max_replicas is None:
        return None
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.deployment}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": create.replicas,
        "maxReplicas": create.max_replicas,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(wanted),
        "spec": spec,
    }


def _metadata(wanted: Kubernetes) -> Object:
    labels = {APP: wanted.deployment, "app.kubernetes.io/managed-by": "modelway"}
    return {"name": wanted.deployment, "labels": labels}
