"""What a rollout does to a team's HTTPRoute, and that it is undone: foreign rules and backends are never touched."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.targets.kubernetes import additions, names, routes
from modelway.targets.kubernetes.cluster import Operations
from modelway.targets.kubernetes.gateway import KIND

Object = dict[str, Any]
SERVICE, NEW = "flight-delay", "flight-delay-v7-r3"


def route(*rules: list[Object], **annotations: str) -> Object:
    written = [
        {"matches": [{"path": {"type": "PathPrefix", "value": f"/{number}"}}], "backendRefs": refs}
        for number, refs in enumerate(rules)
    ]
    metadata = {"name": "r", "generation": 3, "annotations": dict(annotations)}
    return {"kind": "HTTPRoute", "metadata": metadata, "spec": {"parentRefs": [{"name": "g"}], "rules": written}}


def patched(document: Object, operations: Operations) -> Object:
    """RFC 6902's test, add, remove and replace, as the API server does them."""
    result = copy.deepcopy(document)
    for operation in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = result
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if last == "-":
            place.append(operation["value"])
            continue
        key: Any = int(last) if isinstance(place, list) else last
        match operation["op"]:
            case "test":
                assert place[key] == operation["value"]
            case "remove":
                del place[key]
            case "replace":
                assert key in place
                place[key] = operation["value"]
            case _:
                place[key] = operation["value"]
    return result


def shares(changed: Object, rule: int = 0) -> dict[str, int]:
    return {ref["name"]: ref["weight"] for ref in changed["spec"]["rules"][rule]["backendRefs"] if "weight" in ref}


OURS = {"name": SERVICE, "port": 80}
ELSE = {"name": "legacy", "port": 8080, "weight": 7, "filters": [{"type": "RequestHeaderModifier"}]}


def sharing(share: float, *more: additions.Additions) -> routes.Sharing:
    return routes.Sharing({SERVICE: 1 - share, NEW: share}, [NEW], SERVICE, *more)


def begun(document: Object, share: float) -> Object:
    return patched(document, routes.weights(KIND, document, SERVICE, sharing(share)))


@given(st.integers(0, 100), st.integers(0, 100))
def test_weights_are_the_shares_and_all_else_stays(first: int, second: int) -> None:
    before = route([ELSE], [OURS], [{"name": "other", "port": 1}])
    now = begun(begun(before, first / 100), second / 100)
    assert shares(now, 1) == {SERVICE: 100 * (100 - second), NEW: 100 * second}
    assert [now["spec"]["rules"][number] for number in (0, 2)] == [before["spec"]["rules"][number] for number in (0, 2)]
    assert now["spec"]["parentRefs"] == before["spec"]["parentRefs"]
    after = patched(now, routes.as_before(KIND, now, SERVICE))
    assert after == before
    assert routes.as_before(KIND, after, SERVICE) == []


@given(st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_the_way_back_is_on_the_route_and_gives_all_traffic_to_stable(share: float) -> None:
    now = begun(route([OURS, ELSE | {"weight": 0}]), share)
    back = patched(now, routes.way_back(KIND, now))
    assert shares(back)[SERVICE] == routes.UNITS and shares(back)[NEW] == 0
    assert routes.way_back(KIND, back) == [], "once"
    assert patched(back, routes.as_before(KIND, back, SERVICE)) == route([OURS, ELSE | {"weight": 0}])


def test_a_backend_keeps_its_filters_and_its_port_beside_it() -> None:
    filtered = OURS | {"filters": [{"type": "ResponseHeaderModifier"}]}
    refs = begun(route([filtered]), 0.5)["spec"]["rules"][0]["backendRefs"]
    assert refs == [filtered | {"weight": 5000}, filtered | {"name": NEW, "weight": 5000}]


def test_weights_of_others_in_the_rule_stay_and_ours_is_divided() -> None:
    now = begun(route([OURS | {"weight": 90}, ELSE]), 0.1)
    assert shares(now) == {SERVICE: 81, NEW: 9, "legacy": 7}
    assert now["spec"]["rules"][0]["backendRefs"][2] == ELSE


def test_a_weight_that_cannot_be_divided_so_is_refused_with_what_to_write() -> None:
    with pytest.raises(InvalidInput, match="a share of 10 % cannot be made of weight 1") as refused:
        begun(route([OURS, ELSE]), 0.1)
    assert "multiply the weights of this rule" in refused.value.line()


def test_what_a_team_writes_meanwhile_is_theirs_from_then_on() -> None:
    now = begun(route([OURS]), 0.5)
    now["spec"]["rules"][0]["backendRefs"] = [OURS | {"weight": 3}]
    again = begun(now, 0.5)
    assert shares(again) == {SERVICE: 5000, NEW: 5000}
    assert patched(again, routes.as_before(KIND, again, SERVICE))["spec"]["rules"][0]["backendRefs"] == [
        OURS | {"weight": 3}
    ]
    back = patched(now, routes.way_back(KIND, now))  # no share is the new release's any more
    assert back["spec"] == now["spec"]
    assert names.BACK not in back["metadata"]["annotations"]


def test_a_rule_that_was_put_before_ours_is_not_mistaken_for_it() -> None:
    now = begun(route([OURS]), 0.5)
    inserted = {"matches": [{"path": {"type": "Exact", "value": "/new"}}], "backendRefs": [{"name": "new", "port": 1}]}
    now["spec"]["rules"].insert(0, inserted)
    after = patched(now, routes.as_before(KIND, now, SERVICE))
    assert after["spec"]["rules"] == [inserted, route([OURS])["spec"]["rules"][0]]


def test_without_any_release_every_weight_is_none() -> None:
    now = patched(route([OURS]), routes.weights(KIND, route([OURS]), SERVICE, routes.Sharing({}, [NEW])))
    assert shares(now) == {SERVICE: 0, NEW: 0}
    assert names.BACK not in now["metadata"]["annotations"]


@pytest.mark.parametrize(
    "ref",
    [
        {"name": SERVICE, "kind": "ServiceImport", "port": 80},
        {"name": SERVICE, "group": "multicluster.x-k8s.io", "port": 80},
        {"name": SERVICE, "namespace": "elsewhere", "port": 80},
        {"name": "other", "port": 80},
    ],
)
def test_what_only_looks_like_our_service_is_not_it(ref: Object) -> None:
    assert not routes.refers(KIND, route([ref]), SERVICE)
    with pytest.raises(InvalidInput, match="no rule sends requests to Service flight-delay"):
        begun(route([ref]), 0.5)


def status(route_: Object, *conditions: Object) -> Object:
    return {**route_, "status": {"parents": [{"conditions": list(conditions)}]}}


def test_a_gateway_follows_when_it_says_so_of_this_generation() -> None:
    accepted: Object = {"type": "Accepted", "status": "True", "observedGeneration": 3}
    refused = accepted | {"status": "False", "reason": "RuleMatchConflict", "message": "another route has it"}
    assert KIND.problem(route([OURS])) == ""
    assert KIND.problem(status(route([OURS]), accepted)) is None
    assert KIND.problem(status(route([OURS]), accepted | {"observedGeneration": 2})) == ""
    assert "RuleMatchConflict" in (KIND.problem(status(route([OURS]), refused)) or "")


def test_annotations_of_others_are_left_alone() -> None:
    now = begun(route([OURS], owner="team"), 0.5)
    assert now["metadata"]["annotations"]["owner"] == "team"
    assert set(json.loads(now["metadata"]["annotations"][names.BEFORE])) != set()
    assert patched(now, routes.as_before(KIND, now, SERVICE))["metadata"]["annotations"] == {"owner": "team"}


TESTED = additions.Additions(tested=f"{NEW}-testers", testers=RequestMatch(header="x-release", value="next"))
MIRRORED = additions.Additions(mirror=NEW)
ARM = additions.Additions(tested=NEW, testers=RequestMatch(cookie="arm", value="b"), judged=True)


def added(document: Object, wanted: additions.Additions, share: float = 0.0) -> Object:
    return patched(document, routes.weights(KIND, document, SERVICE, sharing(share, wanted)))


def test_a_copy_of_every_request_to_our_rules_goes_to_the_new_release() -> None:
    before = route([ELSE], [OURS], [OURS])
    now = added(before, MIRRORED)
    reference = {"group": "", "kind": "Service", "name": NEW, "port": 80}
    for number in (1, 2):
        assert shares(now, number) == {SERVICE: routes.UNITS, NEW: 0}, "no client is answered by it"
        assert now["spec"]["rules"][number]["filters"] == [
            {"type": "RequestMirror", "requestMirror": {"backendRef": reference}}
        ]
    assert now["spec"]["rules"][0] == before["spec"]["rules"][0]


def test_testers_have_a_rule_of_their_own_after_the_teams() -> None:
    team = route([OURS])
    team["spec"]["rules"][0] |= {
        "name": "predict",
        "timeouts": {"request": "9s"},
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}],
    }
    kept, theirs = added(team, TESTED)["spec"]["rules"]
    assert {**kept, "backendRefs": [OURS]} == team["spec"]["rules"][0]
    assert theirs["matches"][0] == {
        "path": {"type": "PathPrefix", "value": "/0"},
        "headers": [{"type": "Exact", "name": "x-release", "value": "next"}],
    }
    marked = theirs["filters"][0]["requestHeaderModifier"]["set"]
    assert marked == [{"name": "a", "value": "b"}, {"name": "x-modelway-tester", "value": "1"}]
    assert [ref["name"] for ref in theirs["backendRefs"]] == [f"{NEW}-testers"]
    assert theirs["timeouts"] == {"request": "9s"}
    assert "name" not in theirs, "two rules of one name are refused"


@given(
    st.lists(st.sampled_from([TESTED, MIRRORED, additions.NO_ADDITIONS]), max_size=4), st.sampled_from([0.0, 0.1, 0.5])
)
def test_whatever_was_added_the_route_becomes_as_it_was(steps: list[additions.Additions], share: float) -> None:
    before = route([ELSE], [OURS | {"filters": [{"type": "X"}]}])
    before["spec"]["rules"][1]["filters"] = [{"type": "RequestRedirect"}]
    now = before
    for wanted in steps:
        now = added(now, wanted, share)
        assert routes.weights(KIND, now, SERVICE, sharing(share, wanted)) == [], "twice changes nothing"
    assert patched(now, routes.as_before(KIND, now, SERVICE)) == before
    back = patched(now, routes.way_back(KIND, now))
    assert not steps or shares(back, 1) == {SERVICE: routes.UNITS, NEW: 0}


def test_a_mirror_or_a_header_of_the_teams_own_is_in_nobodys_way() -> None:
    mirrored = route([OURS])
    own = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "audit", "port": 1}}}
    mirrored["spec"]["rules"][0]["filters"] = [own]
    with pytest.raises(InvalidInput, match="mirrors its requests already"):
        added(mirrored, MIRRORED)
    now = added(mirrored, TESTED)
    assert [rule["filters"][0] for rule in now["spec"]["rules"]] == [own, own]
    matched = route([OURS])
    matched["spec"]["rules"][0]["matches"][0]["headers"] = [{"name": "X-Release", "value": "other"}]
    with pytest.raises(InvalidInput, match="matches by the header x-release already"):
        added(matched, TESTED)


def test_a_rule_that_somebody_adds_meanwhile_stays() -> None:
    now = added(route([OURS]), TESTED)
    theirs = {"matches": [{"path": {"type": "Exact", "value": "/new"}}], "backendRefs": [{"name": "new", "port": 1}]}
    now["spec"]["rules"] += [theirs]
    assert patched(now, routes.as_before(KIND, now, SERVICE))["spec"]["rules"] == [
        *route([OURS])["spec"]["rules"],
        theirs,
    ]


def test_a_service_that_came_with_its_route_may_be_seen_a_moment_later() -> None:
    missing = {"type": "ResolvedRefs", "status": "False", "observedGeneration": 3, "reason": "BackendNotFound"}
    said = KIND.check(status(route([OURS]), missing), SERVICE)
    assert isinstance(said, InvalidInput)
    with pytest.raises(InvalidInput):
        KIND.check(status(route([OURS]), missing | {"reason": "RefNotPermitted"}), SERVICE)


def test_what_has_the_cookie_goes_to_the_new_release_unmarked_by_a_rule_of_its_own() -> None:
    before = route([ELSE], [OURS | {"filters": [{"type": "URLRewrite"}]}])
    now = added(before, ARM)
    (led,) = now["spec"]["rules"][2:]
    (match,) = led["matches"]
    assert match["path"] == before["spec"]["rules"][1]["matches"][0]["path"]
    assert match["headers"] == [
        {"type": "RegularExpression", "name": "cookie", "value": r"^(.*;[ \t]*)?arm=b([ \t]*;.*)?$"}
    ]
    assert led["backendRefs"] == [{"group": "", "kind": "Service", "name": NEW, "port": 80, "weight": 1}]
    assert "filters" not in led, "nothing marks what is judged"
    assert shares(now, 1) == {SERVICE: routes.UNITS, NEW: 0}
    assert added(now, ARM) == now
    assert patched(now, routes.as_before(KIND, now, SERVICE)) == before | {
        "metadata": now["metadata"] | {"annotations": {}}
    }


@pytest.mark.parametrize("wanted", [ARM, TESTED])
def test_the_prepared_way_back_leads_nobody_to_the_release_any_more(wanted: additions.Additions) -> None:
    """Also where a guardian applies it, which knows nothing but the patch."""
    before = route([OURS], [ELSE], [OURS])
    now = added(added(before, wanted), wanted)
    assert len(now["spec"]["rules"]) == 5
    prepared = json.loads(now["metadata"]["annotations"][names.BACK])
    assert len(patched(now, prepared)["spec"]["rules"]) == 3
    back = patched(now, routes.way_back(KIND, now))
    assert len(back["spec"]["rules"]) == 3 and shares(back) == {SERVICE: routes.UNITS, NEW: 0}
    moved = copy.deepcopy(now)
    moved["spec"]["rules"].insert(0, {"backendRefs": [ELSE]})
    back = patched(moved, routes.way_back(KIND, moved))
    assert [len(rule["backendRefs"]) for rule in back["spec"]["rules"]] == [1, 2, 1, 2]


def test_a_rule_of_the_teams_that_matches_by_cookies_is_not_doubled() -> None:
    before = route([OURS])
    before["spec"]["rules"][0]["matches"][0]["headers"] = [{"name": "Cookie", "value": "x=1"}]
    with pytest.raises(InvalidInput, match="matches by the header cookie already.*deploy.ab"):
        added(before, ARM)
