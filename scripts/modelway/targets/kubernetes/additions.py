"""What a rollout adds to a team's HTTPRoute beside weights: a filter that copies every request to the new release, and rules
that lead its testers there. Each is found again by the Service that it leads to, which an annotation of the route names.

Of two rules that match a request the one with more headers wins, wherever it stands: ours are the last ones, and the team's
keep their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.rollout import matching
from modelway.serving.head import TESTER_HEADER
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object, Operations
from modelway.targets.kubernetes.names import pointer

MIRROR, MODIFIER = "RequestMirror", "RequestHeaderModifier"


@dataclass(frozen=True)
class Additions:
    """mirror: the Service that gets a copy of every request; empty: none. tested: the one that testers reach; empty: none.
    judged: their requests are counted as any other's, and not marked."""

    mirror: str = ""
    tested: str = ""
    testers: RequestMatch | None = None
    judged: bool = False

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
    changes, testers = Operations(), _led(route, team, service, wanted)
    for number in team:
        rule = rules[number]
        plain = without(rule, added)
        filters = list(plain.get("filters") or ())
        if wanted.mirror:
            filters.append(_mirror(route, plain, service, wanted.mirror))
        changes += _filters(rule, filters, pointer("spec", "rules", number, "filters"))
    ours = [number for number, rule in enumerate(rules) if _is_ours(rule, added)]
    if [rules[number] for number in ours] != testers:
        changes += [{"op": "remove", "path": pointer("spec", "rules", number)} for number in reversed(ours)]
        changes += [{"op": "add", "path": pointer("spec", "rules", "-"), "value": rule} for rule in testers]
    return changes


def removal(route: Object, team: Collection[int], service: str, wanted: Additions) -> Operations:
    """What takes the rules of the testers out again once `operations` has put them in: pairs of a test and a removal, from the
    last one on."""
    rules, added, testers = route["spec"].get("rules") or [], noted(route), _led(route, team, service, wanted)
    numbers = [number for number, rule in enumerate(rules) if _is_ours(rule, added)]
    if [rules[number] for number in numbers] != testers:
        first = len(rules) - len(numbers)
        numbers = list(range(first, first + len(testers)))
    changes = Operations()
    for number, rule in reversed(list(zip(numbers, testers, strict=True))):
        path = pointer("spec", "rules", number)
        changes.append({"op": "test", "path": f"{path}/backendRefs", "value": rule["backendRefs"]})
        changes.append({"op": "remove", "path": path})
    return changes


def _led(route: Object, team: Collection[int], service: str, wanted: Additions) -> list[Object]:
    """The rules that lead testers, one for each of the team's."""
    if wanted.testers is None:
        return []
    rules, added = route["spec"].get("rules") or [], noted(route)
    plain = (without(rules[number], added) for number in team)
    return [_testers(route, rule, service, wanted, wanted.testers) for rule in plain]


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


def _testers(route: Object, rule: Object, service: str, wanted: Additions, testers: RequestMatch) -> Object:
    """The same rule for the testers' requests alone, which it marks unless they are judged."""
    cookie, name = matching.expression(testers), matching.header_of(testers)
    header = {"type": "RegularExpression" if cookie else "Exact", "name": name, "value": cookie or testers.value}
    matches = [dict(match) for match in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]]
    for match in matches:
        if any(item["name"].lower() == name.lower() for item in match.get("headers") or ()):
            raise InvalidInput(
                f"a rule matches by the header {name} already",
                where=f"HTTPRoute {route['metadata']['name']}",
                fix=f"name another one in deploy.{'ab' if wanted.judged else 'testers'}",
            )
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


def _reference(rule: Object, service: str, name: str) -> Object:
    """As the API server writes it, so that it is found to be there."""
    port = next(ref.get("port") for ref in rule["backendRefs"] if ref["name"] == service)
    return {"group": "", "kind": "Service", "name": name, "port": port}
