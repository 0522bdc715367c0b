"""The traffic policy of a release beside the team's: what the team's DestinationRule says of the Service (mutual TLS, pools,
outliers) is said of the release's Service, too. Else the two would be compared under other conditions, or the new one could
not be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelway.errors import InvalidInput
from modelway.targets.kubernetes import virtual_service
from modelway.targets.kubernetes.cluster import Cluster, Object


def found(cluster: Cluster, service: str) -> list[Object]:
    """The DestinationRules of the namespace with a traffic policy for the Service; first that of which Istio takes it. One
    for many hosts (`*.models.svc.cluster.local`) is none of them: it holds for the release beside, too."""
    rules = [
        item
        for item in cluster.list("DestinationRule")
        if item["spec"].get("trafficPolicy") and virtual_service.service_of(item, str(item["spec"]["host"])) == service
    ]
    return sorted(rules, key=lambda item: (str(item["metadata"].get("creationTimestamp")), item["metadata"]["name"]))


def check(rules: Sequence[Object], service: str) -> None:
    """InvalidInput where there are several of them."""
    if len(rules) > 1:
        raise InvalidInput(
            f"DestinationRules {' and '.join(str(item['metadata']['name']) for item in rules)} have a trafficPolicy for"
            f" Service {service}, of which Istio takes one",
            where=f"DestinationRule {rules[1]['metadata']['name']}",
            fix="write one trafficPolicy",
        )


def beside(team: Object, metadata: Mapping[str, object]) -> Object:
    """The same for the Service with this metadata. Subsets are by labels, which its pods have not."""
    spec = {key: said for key, said in team["spec"].items() if key != "subsets"}
    spec["host"] = virtual_service.hosted(str(team["spec"]["host"]), str(metadata["name"]))
    return {"apiVersion": team["apiVersion"], "kind": "DestinationRule", "metadata": dict(metadata), "spec": spec}
