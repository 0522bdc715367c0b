"""Traffic by a Gateway API HTTPRoute: every reference to the team's Service becomes one to it and one to each release beside
it, with weights; all else in the route stays as it is.

What the team had written is kept in an annotation of the route, and so is the JSON patch that gives all traffic to stable:
whoever finds the route can put it back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.rollout.rolling import CarriedTraffic, returned
from modelway.targets.kubernetes import additions, names
from modelway.targets.kubernetes.additions import NO_ADDITIONS, Additions
from modelway.targets.kubernetes.cluster import Object, Operations
from modelway.targets.kubernetes.names import pointer

UNITS = 10_000
"""Of weight, where all of a rule's traffic is ours to share."""
TOLERANCE = 0.005
"""How far a share may be from what is asked, where the team's own weights are too coarse."""


@dataclass(frozen=True)
class Sharing:
    """What is to be routed. shares: Service -> its part of the traffic, together 1, or none. beside: every Service beside the
    team's; a gateway refers to it with weight 0, too: it keeps its counters. back: the Service that all traffic goes back to;
    empty: none. additions: what else is routed."""

    shares: Mapping[str, float]
    beside: Sequence[str]
    back: str = ""
    additions: Additions = NO_ADDITIONS
    carried: CarriedTraffic | None = None
    """Where replicas come and go within the rollout."""


def refers(route: Object, service: str) -> bool:
    """Whether a rule of the route sends requests to the Service."""
    return any(_is(ref, service) for rule in _rules(route) for ref in rule.get("backendRefs") or ())


def position(route: Object, service: str, named: str) -> dict[str, str]:
    """The numbers of the rule, and of the backend in it, by which Envoy Gateway calls a Service: as they are, or, before a
    release beside the team's is in the rule, as they will be."""
    for rule, written in enumerate(_rules(route)):
        refs = [str(ref["name"]) for ref in written.get("backendRefs") or ()]
        if service in refs:
            backend = refs.index(named) if named in refs else refs.index(service) + 1
            return {"rule": str(rule), "backend": str(backend)}
    return {}


def weights(route: Object, service: str, wanted: Sharing) -> Operations:
    """What changes the route. InvalidInput where the team's own weights allow no such part."""
    before, operations = _before(route), Operations()
    returning, team, added = Operations(), _team(route, service, before), additions.noted(route)
    for number, written in team.items():
        rule = _rules(route)[number]
        path = pointer("spec", "rules", number, "backendRefs")
        refs = _shared(written, service, wanted.shares, wanted.beside, route)
        if refs != rule["backendRefs"]:
            operations.append({"op": "replace", "path": path, "value": refs})
        before[_identity(rule, added)] = written
        if wanted.back:
            shares = returned(wanted.back, wanted.shares, wanted.carried)
            returning.append({"op": "test", "path": path, "value": refs})
            stable = _shared(written, service, shares, wanted.beside, route)
            returning.append({"op": "replace", "path": path, "value": stable})
    if not before:
        raise _no_rule(route, service)
    operations += additions.operations(route, team, service, wanted.additions)
    if wanted.back:
        returning += additions.removal(route, team, service, wanted.additions)
    notes = {
        names.BEFORE: json.dumps(before, sort_keys=True),
        names.BACK: json.dumps(returning, sort_keys=True) if wanted.back else None,
        names.ADDED: wanted.additions.note,
    }
    return operations + annotated(route, notes)


def as_before(route: Object, service: str) -> Operations:
    """What makes the route as the team wrote it."""
    team, operations = _team(route, service, _before(route)), Operations()
    for number, written in team.items():
        if written != _rules(route)[number]["backendRefs"]:
            operations.append(
                {"op": "replace", "path": pointer("spec", "rules", number, "backendRefs"), "value": written}
            )
    operations += additions.operations(route, team, service, NO_ADDITIONS)
    return operations + annotated(route, dict.fromkeys((names.BEFORE, names.BACK, names.ADDED)))


def way_back(route: Object) -> Operations:
    """What gives all traffic to stable, as it was prepared; nothing where nothing was. Where somebody has changed the rules
    meanwhile: the same for those that still share their traffic."""
    prepared = _annotations(route).get(names.BACK)
    if prepared is None:
        return []
    operations = json.loads(prepared)
    if any(one["op"] == "test" and one["value"] != _at(route, one["path"]) for one in operations):
        operations = _way_back_now(route, operations)
    return [*operations, *annotated(route, {names.BACK: None})]


def _way_back_now(route: Object, prepared: Operations) -> Operations:
    pairs = list(zip(prepared[::2], prepared[1::2], strict=True))
    stable = {_named(test["value"]): change["value"] for test, change in pairs if change["op"] == "replace"}
    led = [test["value"] for test, change in pairs if change["op"] == "remove"]
    rules = [(number, rule.get("backendRefs") or []) for number, rule in enumerate(_rules(route))]
    shared = [(number, refs) for number, refs in rules if refs not in led and _named(refs) in stable]
    return [
        {"op": "replace", "path": pointer("spec", "rules", number, "backendRefs"), "value": stable[_named(refs)]}
        for number, refs in shared
    ] + [{"op": "remove", "path": pointer("spec", "rules", number)} for number, refs in reversed(rules) if refs in led]


def _named(refs: Sequence[Object]) -> tuple[str, ...]:
    return tuple(str(ref["name"]) for ref in refs)


def _at(route: Object, path: str) -> object:
    """The backends of a rule, where there is one of that number."""
    number = int(path.split("/")[3])
    return _rules(route)[number].get("backendRefs") if number < len(_rules(route)) else None


def annotated(body: Object, notes: Mapping[str, str | None]) -> Operations:
    """What sets these annotations, and removes those that are None."""
    now, operations = _annotations(body), Operations()
    if not now and any(said is not None for said in notes.values()):
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for name, said in notes.items():
        path = pointer("metadata", "annotations", name)
        if said is None and name in now:
            operations.append({"op": "remove", "path": path})
        if said is not None and now.get(name) != said:
            operations.append({"op": "add", "path": path, "value": said})
    return operations


def problem(route: Object) -> str | None:
    """Why the gateway does not follow the route as it is now; None where it says that it does. Empty: it has not said."""
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
                return f"{condition['type']} is {condition['status']} ({condition.get('reason')}): {condition.get('message')}"
    return None


def _misses_service(route: Object) -> bool:
    """Whether a gateway says that it does not see a Service of the route's."""
    parents = (route.get("status") or {}).get("parents") or ()
    return any(item.get("reason") == "BackendNotFound" for parent in parents for item in parent.get("conditions") or ())


def check(route: Object, service: str) -> ModelwayError | None:
    """Why it is not to be used as long as its gateway says nothing more; None where it is accepted as it is. InvalidInput
    where it cannot be used, or a gateway does not accept it."""
    if not refers(route, service):
        raise _no_rule(route, service)
    said = problem(route)
    if said and names.BEFORE in _annotations(route):
        return None  # weights that a rollout left there, whose state was deleted: they are put right
    if said:
        refused = InvalidInput(f"is not accepted: {said}", where=_where(route), fix="mend it, or name another route")
        if _misses_service(route):
            return refused  # the Service may have come with the route, a moment ago
        raise refused
    if said is None:
        return None
    if (route.get("status") or {}).get("parents"):
        return OutsideFailure(
            "its gateway has not taken up the last change of it",
            where=_where(route),
            fix="is the gateway's controller running?",
        )
    named = ", ".join(str(parent.get("name")) for parent in route["spec"].get("parentRefs") or ()) or "none"
    return InvalidInput(
        f"no gateway has taken it up; its parentRefs name {named}",
        where=_where(route),
        fix="name a Gateway that is there (kubectl get gateways -A), with its namespace",
    )


def not_followed(route: Object, seconds: float) -> OutsideFailure:
    said = problem(route) or "the gateway's controller has not looked at it"
    return OutsideFailure(
        f"the gateway did not take up the weights in {seconds:.0f} s: {said}",
        where=_where(route),
        fix="is the gateway's controller running? kubectl describe the route",
    )


def _rules(route: Object) -> list[Object]:
    found: list[Object] = route["spec"].get("rules") or []
    return found


def _is(ref: Mapping[str, Any], service: str) -> bool:
    return (
        ref["name"] == service
        and ref.get("kind", "Service") == "Service"
        and not ref.get("group")
        and "namespace" not in ref
    )


def _identity(rule: Object, added: Collection[str]) -> str:
    """A rule by all but its backends and what we added: rules may be put before it meanwhile."""
    plain = additions.without(rule, added)
    return json.dumps({name: said for name, said in plain.items() if name != "backendRefs"}, sort_keys=True)


def _before(route: Object) -> dict[str, list[Object]]:
    try:
        found: dict[str, list[Object]] = json.loads(_annotations(route).get(names.BEFORE, "{}"))
    except ValueError:
        return {}
    return found


def _team(route: Object, service: str, before: Mapping[str, list[Object]]) -> dict[int, list[Object]]:
    """The rules that send requests to the Service, by number, with their backends as the team wrote them."""
    added = additions.noted(route)
    found = ((number, _written(rule, service, before, added)) for number, rule in enumerate(_rules(route)))
    return {number: written for number, written in found if written is not None}


def _written(
    rule: Object, service: str, before: Mapping[str, list[Object]], added: Collection[str]
) -> list[Object] | None:
    """The rule's backends as the team wrote them; None where it has nothing to do with the Service. Where the team wrote them
    anew, none of ours is in them."""
    refs: list[Object] = rule.get("backendRefs") or []
    known = before.get(_identity(rule, added))
    if known is not None:
        theirs = {json.dumps(ref["name"]) for ref in known}
        if any(json.dumps(ref["name"]) not in theirs for ref in refs):
            return known
    return refs if any(_is(ref, service) for ref in refs) else None


def _shared(
    written: Sequence[Object], service: str, shares: Mapping[str, float], beside: Sequence[str], route: Object
) -> list[Object]:
    refs: list[Object] = []
    alone = all(_is(ref, service) or ref.get("weight", 1) == 0 for ref in written)
    for ref in written:
        if not _is(ref, service):
            refs.append(ref)
            continue
        whole = UNITS if alone else int(ref.get("weight", 1))
        left = whole if shares else 0
        parts = []
        for name in beside:
            share = shares.get(name, 0.0)
            part = round(whole * share)
            if whole and abs(part / whole - share) > TOLERANCE:
                raise InvalidInput(
                    f"a share of {100 * share:g} % cannot be made of weight {whole}, which the rule gives Service {service}",
                    where=_where(route),
                    fix=f"multiply the weights of this rule, such as {whole} by 100",
                )
            parts.append({**ref, "name": name, "weight": part})
            left -= part
        refs += [{**ref, "weight": max(left, 0)}, *parts]
    return refs


def _annotations(body: Object) -> dict[str, str]:
    return body["metadata"].get("annotations") or {}


def _where(route: Object) -> str:
    return f"HTTPRoute {route['metadata']['name']}"


def _no_rule(route: Object, service: str) -> InvalidInput:
    return InvalidInput(
        f"no rule sends requests to Service {service}",
        where=_where(route),
        fix="add it to its backendRefs, or name another route",
    )
