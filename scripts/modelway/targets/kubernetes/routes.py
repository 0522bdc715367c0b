"""What is the same for every kind of route that shares a Service's requests by weight: every backend that is the team's
Service becomes one to it and one to each release beside it, with weights; all else in the route stays as it is.

What the team had written is kept in an annotation of the route, and so is the JSON patch that gives all traffic to stable:
whoever finds the route can put it back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from modelway.config.strategies import RequestMatch
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


class RouteKind(Protocol):
    """One kind of route. name: of the kind. rules: the field of its spec with the rules. backends: the field of a rule with
    where it sends requests. copied: the fields of a rule that copies of requests are written in. ours_last: of two rules that
    match a request the more specific one wins, wherever it stands; else the first one does. may_send_nowhere: all weights of
    a rule may be 0."""

    name: ClassVar[str]
    rules: ClassVar[str]
    backends: ClassVar[str]
    copied: ClassVar[tuple[str, ...]]
    ours_last: ClassVar[bool]
    may_send_nowhere: ClassVar[bool]

    def service(self, route: Object, backend: Object) -> str:
        """Its Service's name; of what is no Service of the route's namespace, what no Service is called."""

    def weight(self, backend: Object, backends: Sequence[Object]) -> int:
        """Of one of a rule's backends, as it is understood where nothing is written."""

    def port(self, backend: Object) -> int | None:
        """Of the Service, that requests are sent to; None where it is not said, since a Service may have one alone."""

    def part(self, route: Object, backend: Object, service: str, weight: int) -> Object:
        """The same for this Service of the same namespace. InvalidInput where another one cannot stand in its place."""

    def plain(self, route: Object, rule: Object, added: Collection[str]) -> Object:
        """The rule without copies for these Services."""

    def copying(self, route: Object, rule: Object, service: str, mirror: str) -> Object:
        """The plain rule with a copy of every request. InvalidInput where it allows none."""

    def led(self, route: Object, rule: Object, service: str, wanted: Additions, testers: RequestMatch) -> Object:
        """The plain rule for the testers' requests alone, which it marks unless they are judged. InvalidInput where it allows
        no such rule beside it."""

    def problem(self, route: Object) -> str | None:
        """Why it is not followed as it is now; None where nothing speaks against it. Empty: that is not known yet."""

    def check(self, route: Object, service: str) -> ModelwayError | None:
        """Why it is not to be used as long as nothing more is known; None where it may be. InvalidInput where it cannot be."""

    def not_followed(self, route: Object, seconds: float) -> OutsideFailure:
        """That it was waited for so long in vain."""


def rules_of(kind: RouteKind, route: Object) -> list[Object]:
    found: list[Object] = route["spec"].get(kind.rules) or []
    return found


def backends_of(kind: RouteKind, rule: Object) -> list[Object]:
    found: list[Object] = rule.get(kind.backends) or []
    return found


def refers(kind: RouteKind, route: Object, service: str) -> bool:
    """Whether a rule of the route sends requests to the Service."""
    return any(service in _services(kind, route, backends_of(kind, rule)) for rule in rules_of(kind, route))


def check_ports(kind: RouteKind, route: Object, service: str, port: int) -> None:
    """InvalidInput where a rule sends requests to another port of the Service than this one, which a release beside has
    alone."""
    for backend in (found for rule in rules_of(kind, route) for found in backends_of(kind, rule)):
        if kind.service(route, backend) == service and kind.port(backend) not in (None, port):
            raise InvalidInput(
                f"a rule sends requests to port {kind.port(backend)} of Service {service}, and the model is asked at {port}",
                where=where(kind, route),
                fix="let that rule lead to a Service of its own, or name the port in deploy.kubernetes.port",
            )


def weights(kind: RouteKind, route: Object, service: str, wanted: Sharing) -> Operations:
    """What changes the route. InvalidInput where the team's own weights allow no such part."""
    before, operations = _before(route), Operations()
    returning, team, added = Operations(), _team(kind, route, service, before), additions.noted(route)
    arranged, numbers = _arranged(kind, route, team, service, wanted.additions)
    shares = wanted.shares if wanted.shares or kind.may_send_nowhere else {service: 1.0}
    for number, written in team.items():
        rule = rules_of(kind, route)[number]
        backends = _shared(kind, route, written, service, shares, wanted.beside)
        if backends != rule[kind.backends]:
            operations.append({"op": "replace", "path": _path(kind, number, kind.backends), "value": backends})
        before[_identity(kind, route, rule, added)] = written
        if wanted.back:
            path = _path(kind, numbers[number], kind.backends)
            returning.append({"op": "test", "path": path, "value": backends})
            stable = returned(wanted.back, wanted.shares, wanted.carried)
            value = _shared(kind, route, written, service, stable, wanted.beside)
            returning.append({"op": "replace", "path": path, "value": value})
    if not before:
        raise no_rule(kind, route, service)
    operations += _copies(kind, route, team, service, wanted.additions) + arranged.operations
    if wanted.back:
        returning += arranged.removal
    notes = {
        names.BEFORE: json.dumps(before, sort_keys=True),
        names.BACK: json.dumps(returning, sort_keys=True) if wanted.back else None,
        names.ADDED: wanted.additions.note,
    }
    return operations + annotated(route, notes)


def as_before(kind: RouteKind, route: Object, service: str) -> Operations:
    """What makes the route as the team wrote it."""
    team, operations = _team(kind, route, service, _before(route)), Operations()
    for number, written in team.items():
        if written != rules_of(kind, route)[number][kind.backends]:
            operations.append({"op": "replace", "path": _path(kind, number, kind.backends), "value": written})
    operations += _copies(kind, route, team, service, NO_ADDITIONS)
    operations += _arranged(kind, route, team, service, NO_ADDITIONS)[0].operations
    return operations + annotated(route, dict.fromkeys((names.BEFORE, names.BACK, names.ADDED)))


def way_back(kind: RouteKind, route: Object) -> Operations:
    """What gives all traffic to stable, as it was prepared; nothing where nothing was. Where somebody has changed the rules
    meanwhile: the same for those that still share their traffic."""
    operations = prepared(route)
    if any(one["op"] == "test" and one["value"] != _at(kind, route, one["path"]) for one in operations):
        operations = _way_back_now(kind, route, operations)
    return taken(route, operations)


def prepared(body: Object) -> Operations:
    """What gives all traffic to stable, as it was noted on the object; nothing where nothing was."""
    found: Operations = json.loads(notes_of(body).get(names.BACK, "[]"))
    return found


def taken(body: Object, operations: Operations) -> Operations:
    """The way back, which is prepared no more then."""
    return [*operations, *annotated(body, {names.BACK: None})]


def _way_back_now(kind: RouteKind, route: Object, noted: Operations) -> Operations:
    pairs = list(zip(noted[::2], noted[1::2], strict=True))
    stable = {
        _services(kind, route, test["value"]): change["value"] for test, change in pairs if change["op"] == "replace"
    }
    led = [test["value"] for test, change in pairs if change["op"] == "remove"]
    rules = [(number, backends_of(kind, rule)) for number, rule in enumerate(rules_of(kind, route))]
    known = [(number, found, _services(kind, route, found)) for number, found in rules if found not in led]
    return [
        {"op": "replace", "path": _path(kind, number, kind.backends), "value": stable[services]}
        for number, _, services in known
        if services in stable
    ] + [{"op": "remove", "path": _path(kind, number)} for number, found in reversed(rules) if found in led]


def _at(kind: RouteKind, route: Object, path: str) -> object:
    """The backends of a rule, where there is one of that number."""
    number, rules = int(path.split("/")[3]), rules_of(kind, route)
    return rules[number].get(kind.backends) if number < len(rules) else None


# additions


@dataclass(frozen=True)
class Arrangement:
    """operations: what puts the testers' rules where they belong. removal: what takes them out again afterwards: pairs of a
    test and a removal, from the last one on."""

    operations: Operations
    removal: Operations


def _arranged(
    kind: RouteKind, route: Object, team: Collection[int], service: str, wanted: Additions
) -> tuple[Arrangement, dict[int, int]]:
    """One rule of the testers for each of the team's: behind all, or directly before it, so that a rule that stands before
    keeps what it matches. And the number that each rule has then."""
    rules, added = rules_of(kind, route), additions.noted(route)
    ours = [number for number, rule in enumerate(rules) if _is_ours(kind, route, rule, added)]
    now = [rules[number] if number in ours else number for number in range(len(rules))]
    then: list[Object | int] = []
    led: list[Object] = []
    for number in range(len(rules)):
        if number in team and wanted.testers is not None:
            plain = kind.plain(route, rules[number], added)
            led.append(kind.led(route, plain, service, wanted, wanted.testers))
            then += [] if kind.ours_last else led[-1:]
        then += [] if number in ours else [number]
    then += led if kind.ours_last else []
    changes = Operations()
    if kind.ours_last and [rules[number] for number in ours] == led:
        then = now
    elif then != now:
        changes += [{"op": "remove", "path": _path(kind, number)} for number in reversed(ours)]
        there = len(rules) - len(ours)
        for place, item in enumerate(then):
            if not isinstance(item, int):
                path = pointer("spec", kind.rules, place if place < there else "-")
                changes.append({"op": "add", "path": path, "value": item})
                there += 1
    removal = Operations()
    for place, item in reversed(list(enumerate(then))):
        if not isinstance(item, int):
            test = {"op": "test", "path": _path(kind, place, kind.backends), "value": item[kind.backends]}
            removal += [test, {"op": "remove", "path": _path(kind, place)}]
    numbers = {item: place for place, item in enumerate(then) if isinstance(item, int)}
    return Arrangement(changes, removal), numbers


def _copies(kind: RouteKind, route: Object, team: Collection[int], service: str, wanted: Additions) -> Operations:
    """What makes the team's rules copy every request to the mirror, and to no other of ours."""
    changes, added = Operations(), additions.noted(route)
    for number in team:
        rule = rules_of(kind, route)[number]
        then = kind.plain(route, rule, added)
        if wanted.mirror:
            then = kind.copying(route, then, service, wanted.mirror)
        for field in kind.copied:
            if (then.get(field) or None) == (rule.get(field) or None):
                continue
            one: Object = {"op": "remove", "path": _path(kind, number, field)}
            if then.get(field):
                one |= {"op": "replace" if field in rule else "add", "value": then[field]}
            changes.append(one)
    return changes


def _is_ours(kind: RouteKind, route: Object, rule: Object, added: Collection[str]) -> bool:
    found = backends_of(kind, rule)
    return bool(found) and all(service in added for service in _services(kind, route, found))


# what the team wrote


def annotated(body: Object, notes: Mapping[str, str | None]) -> Operations:
    """What sets these annotations, and removes those that are None."""
    now, operations = notes_of(body), Operations()
    if not now and any(said is not None for said in notes.values()):
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for name, said in notes.items():
        path = pointer("metadata", "annotations", name)
        if said is None and name in now:
            operations.append({"op": "remove", "path": path})
        if said is not None and now.get(name) != said:
            operations.append({"op": "add", "path": path, "value": said})
    return operations


def _identity(kind: RouteKind, route: Object, rule: Object, added: Collection[str]) -> str:
    """A rule by all but its backends and what we added: rules may be put before it meanwhile."""
    plain = kind.plain(route, rule, added)
    return json.dumps({name: said for name, said in plain.items() if name != kind.backends}, sort_keys=True)


def _before(route: Object) -> dict[str, list[Object]]:
    try:
        found: dict[str, list[Object]] = json.loads(notes_of(route).get(names.BEFORE, "{}"))
    except ValueError:
        return {}
    return found


def _team(kind: RouteKind, route: Object, service: str, before: Mapping[str, list[Object]]) -> dict[int, list[Object]]:
    """The rules that send requests to the Service, by number, with their backends as the team wrote them."""
    added = additions.noted(route)
    found = (
        (number, _written(kind, route, rule, service, before, added))
        for number, rule in enumerate(rules_of(kind, route))
    )
    return {number: written for number, written in found if written is not None}


def _written(
    kind: RouteKind,
    route: Object,
    rule: Object,
    service: str,
    before: Mapping[str, list[Object]],
    added: Collection[str],
) -> list[Object] | None:
    """The rule's backends as the team wrote them; None where it has nothing to do with the Service. Where the team wrote them
    anew, none of ours is in them."""
    found = backends_of(kind, rule)
    services, known = _services(kind, route, found), before.get(_identity(kind, route, rule, added))
    if known is not None and not set(services) <= set(_services(kind, route, known)):
        return known
    return found if service in services else None


def _shared(
    kind: RouteKind,
    route: Object,
    written: Sequence[Object],
    service: str,
    shares: Mapping[str, float],
    beside: Sequence[str],
) -> list[Object]:
    found: list[Object] = []
    named = list(zip(written, _services(kind, route, written), strict=True))
    alone = all(name == service or kind.weight(item, written) == 0 for item, name in named)
    for item, name in named:
        if name != service:
            found.append(item)
            continue
        whole = UNITS if alone else kind.weight(item, written)
        left = whole if shares else 0
        parts = []
        for other in beside:
            share = shares.get(other, 0.0)
            part = round(whole * share)
            if whole and abs(part / whole - share) > TOLERANCE:
                raise InvalidInput(
                    f"a share of {100 * share:g} % cannot be made of weight {whole}, which the rule gives Service {service}",
                    where=where(kind, route),
                    fix=f"multiply the weights of this rule, such as {whole} by 100",
                )
            try:
                parts.append(kind.part(route, item, other, part))
            except InvalidInput:
                if share:  # else it is a way back, which nothing that was written meanwhile is to hold up
                    raise
            left -= part
        found += [{**item, "weight": max(left, 0)}, *parts] if parts or not beside else [item]
    return found


def _services(kind: RouteKind, route: Object, backends: Sequence[Object]) -> tuple[str, ...]:
    return tuple(kind.service(route, backend) for backend in backends)


def _path(kind: RouteKind, number: int, *field: str) -> str:
    return pointer("spec", kind.rules, number, *field)


def notes_of(body: Object) -> dict[str, str]:
    return body["metadata"].get("annotations") or {}


def where(kind: RouteKind, route: Object) -> str:
    return f"{kind.name} {route['metadata']['name']}"


def no_rule(kind: RouteKind, route: Object, service: str) -> InvalidInput:
    return InvalidInput(
        f"no rule sends requests to Service {service}",
        where=where(kind, route),
        fix=f"add it to the {kind.backends} of one, or name another route",
    )


def matched_already(kind: RouteKind, route: Object, header: str, wanted: Additions) -> InvalidInput:
    return InvalidInput(
        f"a rule matches by the header {header} already",
        where=where(kind, route),
        fix=f"name another one in {wanted.key}",
    )
