"""A VirtualService of Istio as a route whose weights share the traffic: its http rules' destinations, their mirrors, rules for
testers before the team's, and what Istio says of it, where it says anything.

Of the rules that match a request the first one wins: a rule for testers stands directly before the one that it is like. Istio
resolves a destination's host without dots in the VirtualService's own namespace, and takes every other as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.rollout import matching
from modelway.serving.head import TESTER_HEADER
from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.additions import Additions
from modelway.targets.kubernetes.cluster import Object
from modelway.targets.kubernetes.routes import RouteKind

WHOLE = 100.0
"""Percent of the requests that a mirror copies."""


@dataclass(frozen=True)
class VirtualServices(RouteKind):
    name = "VirtualService"
    rules = "http"
    backends = "route"
    copied = ("mirror", "mirrorPercentage", "mirrors")
    ours_last = False
    may_send_nowhere = False  # Istio refuses a rule whose weights are all 0: then the Service has all, and no pods

    def service(self, route: Object, backend: Object) -> str:
        return service_of(route, str(backend["destination"]["host"]))

    def weight(self, backend: Object, backends: Sequence[Object]) -> int:
        return int(backend.get("weight", 0)) if len(backends) > 1 else routes.UNITS

    def port(self, backend: Object) -> int | None:
        return (backend["destination"].get("port") or {}).get("number")

    def part(self, route: Object, backend: Object, service: str, weight: int) -> Object:
        destination = backend["destination"]
        if "subset" in destination:
            raise InvalidInput(
                f"a rule sends requests to subset {destination['subset']} of Service {self.service(route, backend)}, and the"
                " release beside is a Service of its own, which has none",
                where=routes.where(self, route),
                fix="leave `subset` out of it, and write the subset's trafficPolicy as the DestinationRule's own",
            )
        host = str(destination["host"])
        if "." in host and ".svc." not in host:
            raise InvalidInput(
                f"a rule sends requests to {host}, which Istio does not resolve",
                where=routes.where(self, route),
                fix=f"write {host.partition('.')[0]} alone, or all of it (...svc.cluster.local)",
            )
        host = hosted(host, service)
        return {**backend, "destination": {**destination, "host": host}, "weight": weight}

    def plain(self, route: Object, rule: Object, added: Collection[str]) -> Object:
        rest = {key: said for key, said in rule.items() if key != "mirrors"}
        mirrors = [item for item in rule.get("mirrors") or () if self.service(route, item) not in added]
        if mirrors:
            rest["mirrors"] = mirrors
        if "mirror" in rest and service_of(route, str(rest["mirror"]["host"])) in added:
            rest = {key: said for key, said in rest.items() if key not in ("mirror", "mirrorPercentage")}
        return rest

    def copying(self, route: Object, rule: Object, service: str, mirror: str) -> Object:
        self._check_whole(route)
        to = self._to(route, rule, service, mirror)
        if "mirror" in rule:
            raise InvalidInput(
                "a rule has a `mirror` already, beside which Istio takes no other",
                where=routes.where(self, route),
                fix="write it as one of `mirrors`, or use strategy: canary",
            )
        if route.get("apiVersion") != "networking.istio.io/v1":  # Istio before 1.22, which may not know `mirrors`
            if "mirrors" in rule:
                raise InvalidInput(
                    "a rule has `mirrors` already, beside which this Istio takes no `mirror`",
                    where=routes.where(self, route),
                    fix="use strategy: canary, or Istio from 1.22 on",
                )
            return rule | {"mirror": to, "mirrorPercentage": {"value": WHOLE}}
        return rule | {"mirrors": [*(rule.get("mirrors") or ()), {"destination": to, "percentage": {"value": WHOLE}}]}

    def led(self, route: Object, rule: Object, service: str, wanted: Additions, testers: RequestMatch) -> Object:
        self._check_whole(route)
        cookie, name = matching.expression(testers), matching.header_of(testers).lower()
        matches = [dict(match) for match in rule.get("match") or [{}]]
        for match in matches:
            for key in ("headers", "withoutHeaders"):
                if any(known.lower() == name for known in match.get(key) or ()):
                    raise routes.matched_already(self, route, name, wanted)
            said = {"regex": cookie} if cookie else {"exact": testers.value}
            match["headers"] = {**(match.get("headers") or {}), name: said}
        led = {key: said for key, said in rule.items() if key != "name"}  # telemetry tells rules by it
        led |= {"match": matches, "route": [{"destination": self._to(route, rule, service, wanted.tested)}]}
        if wanted.judged:
            return led
        headers = rule.get("headers") or {}
        request = headers.get("request") or {}
        marked = {**request, "set": {**(request.get("set") or {}), TESTER_HEADER: "1"}}
        return led | {"headers": {**headers, "request": marked}}

    def problem(self, route: Object) -> str | None:
        """Istio says something only where it is told to (its status is off by default), so silence is no objection."""
        status, generation = route.get("status") or {}, int(route["metadata"].get("generation", 0))
        if int(status.get("observedGeneration") or generation) < generation:
            return None  # of what it was before
        for message in status.get("validationMessages") or ():
            if message.get("level") == "ERROR":
                kind = message.get("type") or {}
                return f"{kind.get('name') or 'error'} ({kind.get('code') or 'see its status'})"
        for condition in status.get("conditions") or ():
            of = int(condition.get("observedGeneration") or generation)
            if condition.get("type") == "Reconciled" and condition.get("status") == "False" and of >= generation:
                return (
                    f"Reconciled is False ({condition.get('reason') or 'no reason'}): {condition.get('message') or ''}"
                )
        return None

    def check(self, route: Object, service: str) -> ModelwayError | None:
        if not routes.refers(self, route, service):
            raise self._no_http_rule(route, service)
        for rule in routes.rules_of(self, route):
            for backend in routes.backends_of(self, rule):
                if self.service(route, backend) == service:
                    self.part(route, backend, service, 0)
        said = self.problem(route)
        if said is None or names.BEFORE in routes.notes_of(route):
            return None  # weights that a rollout left there, whose state was deleted, are put right
        return InvalidInput(
            f"is not accepted: {said}",
            where=routes.where(self, route),
            fix="mend it (istioctl analyze says more), or name another route",
        )

    def not_followed(self, route: Object, seconds: float) -> OutsideFailure:
        return OutsideFailure(
            f"Istio did not take up the weights in {seconds:.0f} s: {self.problem(route)}",
            where=routes.where(self, route),
            fix="is istiod running? istioctl analyze says more",
        )

    def _check_whole(self, route: Object) -> None:
        if not route["spec"].get("hosts"):
            raise InvalidInput(
                "is a delegate, whose rules Istio merges into others: copies and rules for testers may be lost there",
                where=routes.where(self, route),
                fix="use strategy: canary without testers, which needs weights alone",
            )

    def _no_http_rule(self, route: Object, service: str) -> InvalidInput:
        if not route["spec"].get("http") and (route["spec"].get("tcp") or route["spec"].get("tls")):
            return InvalidInput(
                "has rules of tcp or tls alone, which know connections and no requests",
                where=routes.where(self, route),
                fix="write http rules; or leave deploy.kubernetes.route out, and the number of pods shares the connections",
            )
        return routes.no_rule(self, route, service)

    def _to(self, route: Object, rule: Object, service: str, name: str) -> Object:
        """A destination, of the same port, that all requests of a rule may go to."""
        found = next(item for item in rule["route"] if self.service(route, item) == service)
        return dict(self.part(route, found, name, 0)["destination"])


KIND = VirtualServices()


def service_of(item: Object, host: str) -> str:
    """The Service of the item's namespace that the host is; the host itself where it is none: it has a dot, and no Service's
    name has."""
    name, _, rest = host.partition(".")
    namespace, _, domain = rest.partition(".")
    ours = namespace == item["metadata"].get("namespace") and (not domain or f"{domain}.".startswith("svc."))
    return name if not rest or ours else host


def hosted(host: str, service: str) -> str:
    """The host of another Service of the same namespace, written as this one is."""
    _, dot, rest = host.partition(".")
    return f"{service}{dot}{rest}"
