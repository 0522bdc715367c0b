"""A team's route to its Service `home` beside one to `elses`, of either kind, and the weights that a router makes of one."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
KINDS = ("HTTPRoute", "VirtualService")
ISTIO = "networking.istio.io/v1"
POLICY = {"tls": {"mode": "ISTIO_MUTUAL"}, "outlierDetection": {"consecutive5xxErrors": 7}}


def objects(kind: str) -> list[Object]:
    """The route and what belongs to it."""
    if kind == "HTTPRoute":
        rules = [
            {"matches": [{"path": {"value": f"/{name}"}}], "backendRefs": [{"name": name, "port": 80}]}
            for name in ("elses", "home")
        ]
        return [{"kind": kind, "metadata": {"name": "home"}, "spec": {"rules": rules}}]
    hosts = {"elses": "elses", "home": "home.models.svc.cluster.local"}
    http = [
        {"match": [{"uri": {"prefix": f"/{name}"}}], "route": [{"destination": {"host": host, "port": {"number": 80}}}]}
        for name, host in hosts.items()
    ]
    spec = {"hosts": ["home.example.org"], "gateways": ["infra/gateway", "mesh"], "http": http}
    policy = {"host": "home", "trafficPolicy": POLICY, "subsets": [{"name": "all"}]}
    return [_istio(kind, spec), _istio("DestinationRule", policy)]


def _istio(kind: str, spec: Object) -> Object:
    return {"apiVersion": ISTIO, "kind": kind, "metadata": {"name": "home", "namespace": "models"}, "spec": spec}


def weights(route: Object) -> list[dict[str, int]]:
    """By the name of the Service, rule by rule."""
    spec = route["spec"]
    if "rules" in spec:
        return [{ref["name"]: ref.get("weight", 1) for ref in rule["backendRefs"]} for rule in spec["rules"]]
    found = []
    for rule in spec["http"]:
        alone = len(rule["route"]) == 1  # then its weight says nothing
        found.append(
            {
                part["destination"]["host"].partition(".")[0]: 1 if alone else part.get("weight", 0)
                for part in rule["route"]
            }
        )
    return found
