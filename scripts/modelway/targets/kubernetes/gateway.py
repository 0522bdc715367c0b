"""An HTTPRoute of Gateway API as a route whose weights share the traffic: its backends, its copies, its rules for testers, and
what its gateway says of it.

Of two rules that match a request the one with more headers wins, wherever it stands: ours are the last ones, and the team's
keep their numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.rollout import matching
from modelway.serving.head import TESTER_HEADER
from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.additions import Additions
from modelway.targets.kubernetes.cluster import Object
from modelway.targets.kubernetes.routes import RouteKind

MIRROR, MODIFIER = "RequestMirror", "RequestHeaderModifier"


@dataclass(frozen=True)
class HttpRoutes(RouteKind):
    name = "HTTPRoute"
    rules = "rules"
    backends = "backendRefs"
    copied = ("filters",)
    ours_last = True
    may_send_nowhere = True

    def service(self, route: Object, backend: Object) -> str:
        plain = backend.get("kind", "Service") == "Service" and not backend.get("group") and "namespace" not in backend
        name = str(backend["name"])
        return name if plain else "/".join(str(backend.get(key)) for key in ("group", "kind", "namespace", "name"))

    def weight(self, backend: Object, backends: Sequence[Object]) -> int:
        return int(backend.get("weight", 1))

    def port(self, backend: Object) -> int | None:
        return backend.get("port")

    def part(self, route: Object, backend: Object, service: str, weight: int) -> Object:
        return {**backend, "name": service, "weight": weight}

    def plain(self, route: Object, rule: Object, added: Collection[str]) -> Object:
        filters = [
            item
            for item in rule.get("filters") or ()
            if not (item["type"] == MIRROR and item["requestMirror"]["backendRef"]["name"] in added)
        ]
        rest = {name: said for name, said in rule.items() if name != "filters"}
        return rest | ({"filters": filters} if filters else {})

    def copying(self, route: Object, rule: Object, service: str, mirror: str) -> Object:
        filters = rule.get("filters") or []
        if any(item["type"] == MIRROR for item in filters):
            raise InvalidInput(
                "a rule mirrors its requests already, and gateways make one copy",
                where=routes.where(self, route),
                fix="take that filter out, or use strategy: canary",
            )
        copies = {"type": MIRROR, "requestMirror": {"backendRef": _reference(rule, service, mirror)}}
        return rule | {"filters": [*filters, copies]}

    def led(self, route: Object, rule: Object, service: str, wanted: Additions, testers: RequestMatch) -> Object:
        cookie, name = matching.expression(testers), matching.header_of(testers)
        header = {"type": "RegularExpression" if cookie else "Exact", "name": name, "value": cookie or testers.value}
        matches = [dict(match) for match in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]]
        for match in matches:
            if any(item["name"].lower() == name.lower() for item in match.get("headers") or ()):
                raise routes.matched_already(self, route, name, wanted)
            match["headers"] = [*(match.get("headers") or ()), header]
        filters = [dict(item) for item in rule.get("filters") or ()]
        refs = [_reference(rule, service, wanted.tested) | {"weight": 1}]
        kept = {key: value for key, value in rule.items() if key != "name"}  # no two rules have one
        if wanted.judged:
            return kept | {"matches": matches, "backendRefs": refs}
        modifier = next((item for item in filters if item["type"] == MODIFIER), None)
        if modifier is None:
            modifier = {"type": MODIFIER, "requestHeaderModifier": {}}
            filters.append(modifier)
        said = modifier["requestHeaderModifier"]
        mark = {"name": TESTER_HEADER, "value": "1"}
        modifier["requestHeaderModifier"] = {**said, "set": [*(said.get("set") or ()), mark]}
        return kept | {"matches": matches, "filters": filters, "backendRefs": refs}

    def problem(self, route: Object) -> str | None:
        generation, parents = route["metadata"]["generation"], (route.get("status") or {}).get("parents") or []
        if not parents:
            return ""
        for parent in parents:
            for condition in parent.get("conditions") or ():
                if condition["type"] not in ("Accepted", "ResolvedRefs"):
                    continue
                if condition.get("observedGeneration", generation) < generation:
                    return ""
                if condition["status"] != "True":
                    said = f"{condition['type']} is {condition['status']} ({condition.get('reason')})"
                    return f"{said}: {condition.get('message')}"
        return None

    def check(self, route: Object, service: str) -> ModelwayError | None:
        where = routes.where(self, route)
        if not routes.refers(self, route, service):
            raise routes.no_rule(self, route, service)
        said = self.problem(route)
        if said and names.BEFORE in routes.notes_of(route):
            return None  # weights that a rollout left there, whose state was deleted: they are put right
        if said:
            refused = InvalidInput(f"is not accepted: {said}", where=where, fix="mend it, or name another route")
            if _misses_service(route):
                return refused  # the Service may have come with the route, a moment ago
            raise refused
        if said is None:
            return None
        if (route.get("status") or {}).get("parents"):
            return OutsideFailure(
                "its gateway has not taken up the last change of it",
                where=where,
                fix="is the gateway's controller running?",
            )
        named = ", ".join(str(parent.get("name")) for parent in route["spec"].get("parentRefs") or ()) or "none"
        return InvalidInput(
            f"no gateway has taken it up; its parentRefs name {named}",
            where=where,
            fix="name a Gateway that is there (kubectl get gateways -A), with its namespace",
        )

    def not_followed(self, route: Object, seconds: float) -> OutsideFailure:
        said = self.problem(route) or "the gateway's controller has not looked at it"
        return OutsideFailure(
            f"the gateway did not take up the weights in {seconds:.0f} s: {said}",
            where=routes.where(self, route),
            fix="is the gateway's controller running? kubectl describe the route",
        )


KIND = HttpRoutes()


def position(route: Object, service: str, named: str) -> dict[str, str]:
    """The numbers of the rule, and of the backend in it, by which Envoy Gateway calls a Service: as they are, or, before a
    release beside the team's is in the rule, as they will be."""
    for rule, written in enumerate(routes.rules_of(KIND, route)):
        refs = [str(ref["name"]) for ref in routes.backends_of(KIND, written)]
        if service in refs:
            backend = refs.index(named) if named in refs else refs.index(service) + 1
            return {"rule": str(rule), "backend": str(backend)}
    return {}


def _misses_service(route: Object) -> bool:
    """Whether a gateway says that it does not see a Service of the route's."""
    parents = (route.get("status") or {}).get("parents") or ()
    return any(item.get("reason") == "BackendNotFound" for parent in parents for item in parent.get("conditions") or ())


def _reference(rule: Mapping[str, Any], service: str, name: str) -> Object:
    """As the API server writes it, so that it is found to be there."""
    port = next(ref.get("port") for ref in rule["backendRefs"] if ref["name"] == service)
    return {"group": "", "kind": "Service", "name": name, "port": port}
