"""Where the parts of a target are: the team's Deployment, what shares its traffic, and the pods of every release."""

from __future__ import annotations

from dataclasses import dataclass

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.targets.kubernetes import counting, gateway, home, names, objects, traffic
from modelway.targets.kubernetes.cluster import Cluster
from modelway.targets.kubernetes.home import Home, selector_of
from modelway.targets.kubernetes.pods import Pods
from modelway.targets.kubernetes.replicas import ReplicaTraffic
from modelway.targets.kubernetes.state import KubernetesSlot


@dataclass(frozen=True)
class Whereabouts:
    """key: the target's name in its namespace. wanted: what modelway.yml says of it. Everything is read anew."""

    cluster: Cluster
    key: str
    wanted: Kubernetes

    def home(self) -> Home:
        return home.find(self.cluster, self.wanted)

    def route(self, there: Home) -> str:
        """The HTTPRoute's name; empty where pods are counted. InvalidInput where more than one leads to the Service."""
        if self.wanted.route is not None:
            return self.wanted.route
        if self.wanted.create is not None and self.wanted.create.gateway is not None:
            return self.wanted.deployment
        found = sorted(
            str(item["metadata"]["name"])
            for item in self.cluster.list("HTTPRoute")
            if gateway.refers(item, there.service)
        )
        if len(found) > 1:
            raise InvalidInput(
                f"{' and '.join(found)} lead to Service {there.service}",
                where="deploy.kubernetes.route",
                fix="name the one whose weights are to be set",
            )
        return found[0] if found else ""

    def traffic(self, there: Home) -> traffic.Traffic:
        made = objects.route(self.wanted, self.wanted.create) if self.wanted.create is not None else None
        if route := self.route(there):
            return traffic.GatewayTraffic(self.cluster, route, there.service, made)
        return ReplicaTraffic(self.cluster, there.service, there.replicas, self.labels)

    def labels(self, service: str) -> dict[str, str]:
        """Of the pods that a Service beside leads to."""
        found = self.cluster.get("Service", service)
        if found is None:
            raise OutsideFailure(f"Service {service} was deleted by somebody else", where=self.cluster.where)
        return selector_of(found)

    def service(self, there: Home, slot: KubernetesSlot) -> str:
        return there.service if slot.home else names.workload(there.name, slot.side.slot)

    def pods(self, there: Home, slot: KubernetesSlot) -> Pods:
        if slot.home:
            return self.pods_at_home(there)
        name = names.workload(there.name, slot.side.slot)
        selector = f"{names.TARGET}={self.key},{names.SLOT}={slot.side.slot}"
        return Pods(self.cluster, name, selector, there.container, there.port)

    def pods_at_home(self, there: Home) -> Pods:
        return Pods(self.cluster, there.name, there.selector, there.container, there.port)

    def counted(self, there: Home, slot: KubernetesSlot) -> counting.CountedRelease:
        service, route = self.service(there, slot), self.route(there)
        number = str(there.service_port)
        values = {
            "namespace": self.cluster.namespace,
            "service": service,
            "port": number,
            "deployment": self.pods(there, slot).deployment,
            "slot": slot.side.slot,
            "version": str(slot.side.version),
            "digest": slot.side.model_digest,
            "route": route,
        }
        found = self.cluster.get("HTTPRoute", route) if route else None
        values |= gateway.position(found, there.service, service) if found else {}
        return counting.CountedRelease(slot.side.slot, values, f"{self.cluster.namespace}_{service}_{number}")
