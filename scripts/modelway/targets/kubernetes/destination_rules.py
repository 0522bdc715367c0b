"""The traffic policy of a release beside the team's: what the team's DestinationRule says of the Service (mutual TLS, pools,
outliers) is said of the release's Service, too. Else the two would be compared under other conditions, or the new one could
not be reached."""

from __future__ import annotations

from collections.abc import Mapping

from modelway.errors import InvalidInput
from modelway.targets.kubernetes import virtual_service
from modelway.targets.kubernetes.cluster import Cluster, Object


def found(cluster: Cluster, service: str) -> Object | None:
    """The DestinationRule of the namespace with a traffic policy for the Service; None where there is none: one for many hosts
    (`*.models.svc.cluster.local`) holds for the release beside, too. InvalidInput where there are several."""
    rules = [
        item
        for item in cluster.list("DestinationRule")
        if item["spec"].get("trafficPolicy") and virtual_service.service_of(item, str(item["spec"]["host"])) == service
    ]
    if len(rules) > 1:
        named = " and ".join(sorted(str(item["metadata"]["name"]) for item in rules))
        raise InvalidInput(
            f"DestinationRules {named} have a trafficPolicy for Service {service}, of which Istio takes one",
            where=cluster.where,
            fix="write one trafficPolicy",
        )
    return rules[0] if rules else None


def beside(team: Object, metadata: Mapping[str, object]) -> Object:
    """The same for the Service with this metadata. Subsets are by labels, which its pods have not."""
    spec = {key: said for key, said in team["spec"].items() if key != "subsets"}
    spec["host"] = virtual_service.hosted(str(team["spec"]["host"]), str(metadata["name"]))
    return {"apiVersion": team["apiVersion"], "kind": "DestinationRule", "metadata": dict(metadata), "spec": spec}
