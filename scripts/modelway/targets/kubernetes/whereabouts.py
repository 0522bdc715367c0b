"""Where the parts of a target are: the team's Deployment, what shares its traffic, and the pods of every release."""

from __future__ import annotations

from dataclasses import dataclass

from modelway.config.sections import Kubernetes
from modelway.errors import InvalidInput, OutsideFailure
from modelway.targets.kubernetes import (
    counting,
    destination_rules,
    gateway,
    home,
    names,
    objects,
    routes,
    traffic,
    virtual_service,
)
from modelway.targets.kubernetes.cluster import Cluster, Object
from modelway.targets.kubernetes.home import Home, selector_of
from modelway.targets.kubernetes.pods import Pods
from modelway.targets.kubernetes.replicas import ReplicaTraffic
from modelway.targets.kubernetes.routes import RouteKind
from modelway.targets.kubernetes.state import KubernetesSlot

ROUTES: tuple[RouteKind, ...] = (gateway.KIND, virtual_service.KIND)


@dataclass(frozen=True)
class FoundRoute:
    """What shares the traffic by weights."""

    kind: RouteKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name}/{self.name}"


@dataclass(frozen=True)
class Whereabouts:
    """key: the target's name in its namespace. wanted: what modelway.yml says of it. Everything is read anew."""

    cluster: Cluster
    key: str
    wanted: Kubernetes

    def home(self) -> Home:
        return home.find(self.cluster, self.wanted)

    def route(self, there: Home) -> FoundRoute | None:
        """None where pods are counted. InvalidInput where more than one route leads to the Service."""
        makes = self.wanted.create is not None and self.wanted.create.gateway is not None
        if self.wanted.route is not None:
            named = _named(self.wanted.route)
            if makes and named.kind is not gateway.KIND:
                raise InvalidInput(
                    f"is {named}, and create.gateway makes an HTTPRoute",
                    where="deploy.kubernetes.route",
                    fix="leave one of the two out",
                )
            return named
        if makes:
            return FoundRoute(gateway.KIND, self.wanted.deployment)
        found = [
            FoundRoute(kind, str(item["metadata"]["name"]))
            for kind in self._kinds
            for item in self.cluster.list(kind.name)
            if routes.refers(kind, item, there.service)
        ]
        if len(found) > 1:
            alike = all(item.kind is gateway.KIND for item in found)
            said = sorted(item.name if alike else str(item) for item in found)
            raise InvalidInput(
                f"{' and '.join(said)} lead to Service {there.service}",
                where="deploy.kubernetes.route",
                fix="name the one whose weights are to be set",
            )
        return found[0] if found else None

    @property
    def _kinds(self) -> list[RouteKind]:
        """Of Istio's none where the cluster does not serve it: nobody needs a Role for it there."""
        return [kind for kind in ROUTES if kind is gateway.KIND or self.cluster.serves(kind.name)]

    def missing(self, there: Home) -> str:
        """That there is no route, for messages."""
        kinds = " and no ".join(kind.name for kind in self._kinds)
        return f"no {kinds} leads to Service {there.service}"

    def traffic(self, there: Home) -> traffic.Traffic:
        made = objects.route(self.wanted, self.wanted.create) if self.wanted.create is not None else None
        if route := self.route(there):
            return traffic.GatewayTraffic(self.cluster, route.name, there.service, made, route.kind)
        return ReplicaTraffic(self.cluster, there.service, there.replicas, self.labels)

    def policies(self, there: Home) -> list[Object]:
        """The DestinationRule of the team's Service, whose traffic policy a release beside is to have, too; none, or, where
        it was not checked, several."""
        return destination_rules.found(self.cluster, there.service) if self.cluster.serves("DestinationRule") else []

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
            "route": route.name if route else "",
        }
        found = self.cluster.get("HTTPRoute", route.name) if route and route.kind is gateway.KIND else None
        values |= gateway.position(found, there.service, service) if found else {}
        return counting.CountedRelease(slot.side.slot, values, f"{self.cluster.namespace}_{service}_{number}")


def _named(route: str) -> FoundRoute:
    """NAME of an HTTPRoute, or KIND/NAME."""
    kind, slash, name = route.rpartition("/")
    for known in ROUTES:
        if kind.lower() == known.name.lower() or (not slash and known is gateway.KIND):
            return FoundRoute(known, name)
    raise InvalidInput(
        f"is {route}, which is no route that we know",
        where="deploy.kubernetes.route",
        fix=f"write the name of an HTTPRoute, or {virtual_service.KIND.name}/NAME",
    )
