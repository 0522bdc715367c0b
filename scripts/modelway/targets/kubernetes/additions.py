"""What a rollout adds to a team's HTTPRoute beside weights: a filter that copies every request to the new release, and rules
that lead its testers there. Each is found again by the Service that it leads to, which an annotation of the route names.

Of two rules that match a request the one with more headers wins, wherever it stands: ours are the last ones, and the team's
keep their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from modelway.config.sections import HeaderMatch
from modelway.errors import InvalidInput
from modelway.serving.head import TESTER_HEADER
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object, Operations
from modelway.targets.kubernetes.names import pointer

MIRROR, MODIFIER = "RequestMirror", "RequestHeaderModifier"


@dataclass(frozen=True)
class Additions:
    """mirror: the Service that gets a copy of every request; empty: none. tested: the one that testers reach; empty: none."""

    mirror: str = ""
    tested: str = ""
    testers: HeaderMatch | None = None

    @property
    def note(self) -> str | None:
        """What the annotation says."""
        services = sorted(filter(None, (self.mirror, self.tested)))
        return json.dumps(services) if services else None


NO_ADDITIONS = Additions()


def operations(route: Object, team: Collection[int], service: str, wanted: Additions) -> Operations:
    """What makes the route have these additions, and no others of ours. team: the numbers of the rules that send requests to
    the team's Service. The annotation is the caller's to write. InvalidInput where a rule allows no such addition."""
    rules, added = route["spec"].get("rules") or [], noted(route)
    changes, testers = Operations(), list[Object]()
    for number in team:
        rule = rules[number]
        plain = without(rule, added)
        filters = list(plain.get("filters") or ())
        if wanted.mirror:
            filters.append(_mirror(route, plain, service, wanted.mirror))
        changes += _filters(rule, filters, pointer("spec", "rules", number, "filters"))
        if wanted.testers is not None:
            testers.append(_testers(route, plain, service, wanted.tested, wanted.testers))
    ours = [number for number, rule in enumerate(rules) if _is_ours(rule, added)]
    if [rules[number] for number in ours] != testers:
        changes += [{"op": "remove", "path": pointer("spec", "rules", number)} for number in reversed(ours)]
        changes += [{"op": "add", "path": pointer("spec", "rules", "-"), "value": rule} for rule in testers]
    return changes


def without(rule: Object, added: Collection[str]) -> Object:
    """The rule as the team wrote it, but for the weights."""
    filters = [
        item
        for item in rule.get("filters") or ()
        if not (item["type"] == MIRROR and item["requestMirror"]["backendRef"]["name"] in added)
    ]
    rest = {name: said for name, said in rule.items() if name != "filters"}
    return rest | ({"filters": filters} if filters else {})


def noted(route: Object) -> tuple[str, ...]:
    """The Services that what we added leads to."""
    try:
        return tuple(json.loads((route["metadata"].get("annotations") or {}).get(names.ADDED, "[]")))
    except (ValueError, TypeError):
        return ()


def _is_ours(rule: Object, added: Collection[str]) -> bool:
    refs = rule.get("backendRefs") or ()
    return bool(refs) and all(ref["name"] in added for ref in refs)


def _filters(rule: Object, wanted: list[Object], path: str) -> Operations:
    now = rule.get("filters")
    if wanted == (now or []):
        return []
    if not wanted:
        return [{"op": "remove", "path": path}]
    return [{"op": "add" if now is None else "replace", "path": path, "value": wanted}]


def _mirror(route: Object, rule: Object, service: str, mirror: str) -> Object:
    if any(item["type"] == MIRROR for item in rule.get("filters") or ()):
        raise InvalidInput(
            "a rule mirrors its requests already, and gateways make one copy",
            where=f"HTTPRoute {route['metadata']['name']}",
            fix="take that filter out, or use strategy: canary",
        )
    return {"type": MIRROR, "requestMirror": {"backendRef": _reference(rule, service, mirror)}}


def _testers(route: Object, rule: Object, service: str, tested: str, testers: HeaderMatch) -> Object:
    """The same rule for the testers' requests alone, which it marks."""
    header = {"type": "Exact", "name": testers.header, "value": testers.value}
    matches = [dict(match) for match in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]]
    for match in matches:
        if any(item["name"].lower() == testers.header.lower() for item in match.get("headers") or ()):
            raise InvalidInput(
                f"a rule matches by the header {testers.header} already",
                where=f"HTTPRoute {route['metadata']['name']}",
                fix="name another one in deploy.testers.header",
            )
        match["headers"] = [*(match.get("headers") or ()), header]
    filters = [dict(item) for item in rule.get("filters") or ()]
    modifier = next((item for item in filters if item["type"] == MODIFIER), None)
    if modifier is None:
        modifier = {"type": MODIFIER, "requestHeaderModifier": {}}
        filters.append(modifier)
    said = modifier["requestHeaderModifier"]
    mark = {"name": TESTER_HEADER, "value": "1"}
    modifier["requestHeaderModifier"] = {**said, "set": [*(said.get("set") or ()), mark]}
    kept = {name: said for name, said in rule.items() if name != "name"}  # no two rules have one
    refs = [_reference(rule, service, tested) | {"weight": 1}]
    return kept | {"matches": matches, "filters": filters, "backendRefs": refs}


def _reference(rule: Object, service: str, name: str) -> Object:
    """As the API server writes it, so that it is found to be there."""
    port = next(ref.get("port") for ref in rule["backendRefs"] if ref["name"] == service)
    return {"group": "", "kind": "Service", "name": name, "port": port}
