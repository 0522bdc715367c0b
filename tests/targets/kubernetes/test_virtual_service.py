"""What a rollout does to a team's VirtualService, and that it is undone. Whatever is written is what Istio's own definition
knows: an API server would drop the rest without a word."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.targets.kubernetes import names, routes, virtual_service
from modelway.targets.kubernetes.additions import NO_ADDITIONS, Additions
from modelway.targets.kubernetes.routes import UNITS, Sharing
from targets.kubernetes import istio_crds
from targets.kubernetes.api_server import patched as by_server

Object = dict[str, Any]
SERVICE, NEW = "home", "home-v7-r3"
KIND = virtual_service.KIND
way_back, as_before = partial(routes.way_back, KIND), partial(routes.as_before, KIND)
HOSTS = ["home", "home.models.svc.cluster.local", "home.models.svc.example.internal"]
ELSE: Object = {"destination": {"host": "legacy.other.svc.cluster.local", "subset": "v1"}, "weight": 7}


def to(host: str = "home", **more: Any) -> Object:
    return {"destination": {"host": host, "port": {"number": 80}}, **more}


def rule(*route: Object, path: str = "/", **more: Any) -> Object:
    return {"name": f"at {path}", "match": [{"uri": {"prefix": path}}], "route": list(route), **more}


ADMIN = rule({"destination": {"host": "elses"}}, path="/admin", retries={"attempts": 2}, timeout="3s")
MOVED: Object = {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new"}}


def service(*rules: Object, version: str = "v1", **spec: Any) -> Object:
    body: Object = {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": "VirtualService",
        "metadata": {"name": "r", "namespace": "models", "generation": 3, "annotations": {"owner": "team"}},
        "spec": {"hosts": ["flights.example.org"], "gateways": ["infra/public", "mesh"], "http": list(rules), **spec},
    }
    assert not istio_crds.problems(body)
    return copy.deepcopy(body)


def patched(document: Object, operations: list[Object]) -> Object:
    """As the API server does it, with what it would hold against Istio's definition."""
    after = by_server(document, operations)
    assert istio_crds.problems(after) == []
    return after


def sharing(share: float, wanted: Additions = NO_ADDITIONS) -> Sharing:
    return Sharing({SERVICE: 1 - share, NEW: share}, [NEW], SERVICE, wanted)


def begun(document: Object, share: float, wanted: Additions = NO_ADDITIONS) -> Object:
    return patched(document, routes.weights(KIND, document, SERVICE, sharing(share, wanted)))


def weights(route: Object, number: int = 0) -> dict[str, int]:
    return {part["destination"]["host"]: part.get("weight", -1) for part in route["spec"]["http"][number]["route"]}


def spec_of(route: Object) -> str:
    """Byte for byte."""
    return json.dumps(route["spec"])


# weights


@pytest.mark.parametrize("host", HOSTS)
def test_every_way_to_write_the_service_is_it_and_the_release_beside_is_written_so_too(host: str) -> None:
    before = service(rule(to(host)))
    assert routes.refers(KIND, before, SERVICE)
    now = begun(before, 0.1)
    assert weights(now) == {host: 9000, host.replace("home", NEW, 1): 1000}
    assert spec_of(patched(now, as_before(now, SERVICE))) == spec_of(before)


@pytest.mark.parametrize(
    "host", ["home.other", "home.models.svcs", "home.models.example.org", "homes", "*.models", "x.home"]
)
def test_what_only_looks_like_the_service_is_not_it(host: str) -> None:
    before = service(rule(to(host)))
    assert not routes.refers(KIND, before, SERVICE)
    with pytest.raises(InvalidInput, match="no rule sends requests to Service home"):
        begun(before, 0.5)


@given(st.integers(0, 100), st.integers(0, 100))
def test_weights_are_the_shares_and_all_else_stays(first: int, second: int) -> None:
    ours = rule(to(headers={"response": {"add": {"a": "b"}}}), timeout="9s", retries={"attempts": 0}, mirrors=[])
    before = service(ADMIN, ours, MOVED, rule(ELSE, path="/legacy"), exportTo=["."], tcp=[{"route": [to("db")]}])
    now = begun(begun(before, first / 100), second / 100)
    assert weights(now, 1) == {SERVICE: 100 * (100 - second), NEW: 100 * second}
    assert all(part["headers"] == ours["route"][0]["headers"] for part in now["spec"]["http"][1]["route"])
    assert {**now["spec"]["http"][1], "route": ours["route"]} == ours
    assert [now["spec"]["http"][n] for n in (0, 2, 3)] == [before["spec"]["http"][n] for n in (0, 2, 3)]
    assert {**now["spec"], "http": 0} == {**before["spec"], "http": 0}
    assert patched(now, as_before(now, SERVICE)) == before


@pytest.mark.parametrize(
    ("route", "then"),
    [
        ([to(weight=90), ELSE], {SERVICE: 81, NEW: 9, "legacy.other.svc.cluster.local": 7}),
        ([to(weight=100), {**ELSE, "weight": 0}], {SERVICE: 9000, NEW: 1000, "legacy.other.svc.cluster.local": 0}),
        ([to(weight=1)], {SERVICE: 9000, NEW: 1000}),  # alone, its weight says nothing
        ([to(), ELSE], {SERVICE: 0, NEW: 0, "legacy.other.svc.cluster.local": 7}),  # beside others, none is 0
    ],
    ids=["divided", "the others have none", "alone", "without a weight"],
)
def test_weights_of_others_stay_and_the_services_is_divided(route: list[Object], then: dict[str, int]) -> None:
    now = begun(service(rule(*route)), 0.1)
    assert weights(now) == then
    assert now["spec"]["http"][0]["route"][-1] == route[-1] or len(route) == 1


def test_a_weight_that_cannot_be_divided_so_is_refused_with_what_to_write() -> None:
    with pytest.raises(InvalidInput, match="a share of 10 % cannot be made of weight 1.*multiply the weights"):
        begun(service(rule(to(weight=1), ELSE)), 0.1)


def test_no_rule_ever_has_no_weight_at_all() -> None:
    """Istio refuses it: `total destination weight = 0`."""
    before = service(rule(to()))
    now = patched(before, routes.weights(KIND, before, SERVICE, Sharing({}, [NEW])))
    assert weights(now) == {SERVICE: UNITS, NEW: 0}


# the way back


@given(st.sampled_from([0.1, 0.5, 1.0]))
def test_the_way_back_is_on_the_route_and_gives_all_traffic_to_stable(share: float) -> None:
    before = service(ADMIN, rule(to(HOSTS[1])))
    now = begun(before, share)
    prepared = patched(now, json.loads(now["metadata"]["annotations"][names.BACK]))  # all that a guardian knows
    back = patched(now, way_back(now))
    for route in (prepared, back):
        assert weights(route, 1) == {HOSTS[1]: UNITS, f"{NEW}.models.svc.cluster.local": 0}
    assert way_back(back) == [], "once"
    assert patched(back, as_before(back, SERVICE)) == before


def test_a_rule_that_was_put_before_ours_is_left_alone() -> None:
    before = service(rule(to()))
    now = begun(before, 0.5)
    now["spec"]["http"].insert(0, copy.deepcopy(ADMIN))
    back = patched(now, way_back(now))
    assert back["spec"]["http"][0] == ADMIN and weights(back, 1) == {SERVICE: UNITS, NEW: 0}
    after = patched(now, as_before(now, SERVICE))
    assert after["spec"]["http"] == [ADMIN, *before["spec"]["http"]]


def test_nothing_that_was_written_meanwhile_holds_up_a_way_back() -> None:
    now = begun(service(rule(to())), 0.5)
    for destination in ({"host": "home", "subset": "v1"}, {"host": "home.models"}):
        now["spec"]["http"][0]["route"] = [{"destination": destination}]
        with pytest.raises(InvalidInput, match="a rule sends requests to"):
            begun(now, 0.5)
        back = patched(now, routes.weights(KIND, now, SERVICE, Sharing({SERVICE: 1.0}, [NEW], SERVICE)))
        assert back["spec"] == now["spec"]
        assert patched(back, as_before(back, SERVICE))["spec"] == now["spec"]


def test_what_a_team_writes_meanwhile_is_theirs_from_then_on() -> None:
    now = begun(service(ADMIN, rule(to())), 0.5)
    now["spec"]["http"] = [rule(to("home", weight=3))]
    assert weights(begun(now, 0.5)) == {SERVICE: 5000, NEW: 5000}
    back = patched(now, way_back(now))
    assert back["spec"] == now["spec"] and names.BACK not in back["metadata"]["annotations"]
    moved = begun(service(rule(to())), 0.5)
    moved["spec"]["http"][0]["route"][1]["weight"] = 1  # by hand
    assert weights(patched(moved, way_back(moved))) == {SERVICE: UNITS, NEW: 0}


# what is added

TESTED = Additions(tested=f"{NEW}-testers", testers=RequestMatch(header="X-Release", value="next"))
MIRRORED = Additions(mirror=NEW)
ARM = Additions(tested=NEW, testers=RequestMatch(cookie="arm", value="b"), judged=True)
COOKIE = r"^(.*;[ \t]*)?arm=b([ \t]*;.*)?$"


def test_testers_have_a_rule_directly_before_each_of_the_teams() -> None:
    """The first rule that matches wins: what /admin gets, it gets from testers, too."""
    plain: Object = {"route": [to(HOSTS[1])], "headers": {"request": {"set": {"a": "b"}, "remove": ["c"]}}}
    before = service(ADMIN, rule(to(), path="/a", timeout="9s"), plain)
    admin, led, kept, led_plain, kept_plain = begun(before, 0.0, TESTED)["spec"]["http"]
    assert admin == ADMIN and kept["match"] == [{"uri": {"prefix": "/a"}}] and "match" not in kept_plain
    assert led["match"] == [{"uri": {"prefix": "/a"}, "headers": {"x-release": {"exact": "next"}}}]
    assert led["route"] == [{"destination": {"host": f"{NEW}-testers", "port": {"number": 80}}}]
    assert led["timeout"] == "9s" and "name" not in led
    assert led["headers"] == {"request": {"set": {"x-modelway-tester": "1"}}}
    assert led_plain["match"] == [{"headers": {"x-release": {"exact": "next"}}}]
    assert led_plain["headers"] == {"request": {"set": {"a": "b", "x-modelway-tester": "1"}, "remove": ["c"]}}
    assert led_plain["route"][0]["destination"]["host"] == f"{NEW}-testers.models.svc.cluster.local"


def test_what_has_the_cookie_goes_to_the_new_release_unmarked() -> None:
    led, _ = begun(service(rule(to(), path="/a")), 0.0, ARM)["spec"]["http"]
    assert led["match"] == [{"uri": {"prefix": "/a"}, "headers": {"cookie": {"regex": COOKIE}}}]
    assert led["route"] == [{"destination": {"host": NEW, "port": {"number": 80}}}] and "headers" not in led


@pytest.mark.parametrize(
    ("version", "own"), [("v1", []), ("v1", [{"destination": {"host": "audit"}}]), ("v1beta1", [])]
)
def test_a_copy_of_every_request_to_our_rules_goes_to_the_new_release(version: str, own: list[Object]) -> None:
    before = service(ADMIN, rule(to(), **({"mirrors": own} if own else {})), version=version)
    now = begun(before, 0.0, MIRRORED)
    ours, whole = {"host": NEW, "port": {"number": 80}}, {"value": 100.0}
    if version == "v1":
        assert now["spec"]["http"][1]["mirrors"] == [*own, {"destination": ours, "percentage": whole}]
    else:
        assert (now["spec"]["http"][1]["mirror"], now["spec"]["http"][1]["mirrorPercentage"]) == (ours, whole)
    assert weights(now, 1) == {SERVICE: UNITS, NEW: 0}, "no client is answered by it"
    assert now["spec"]["http"][0] == ADMIN
    assert spec_of(patched(now, as_before(now, SERVICE))) == spec_of(before)


@given(
    st.lists(st.sampled_from([TESTED, MIRRORED, ARM, NO_ADDITIONS]), max_size=4),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from(["v1", "v1beta1"]),
)
def test_whatever_was_added_the_route_becomes_as_it_was(steps: list[Additions], share: float, version: str) -> None:
    before = service(ADMIN, rule(to(), path="/a"), MOVED, rule(to(HOSTS[1]), path="/b"), version=version)
    now = before
    for wanted in steps:
        now = begun(now, share, wanted)
        assert routes.weights(KIND, now, SERVICE, sharing(share, wanted)) == [], "twice changes nothing"
    assert patched(now, as_before(now, SERVICE)) == before
    assert spec_of(patched(now, as_before(now, SERVICE))) == spec_of(before)
    back = patched(now, way_back(now))
    prepared = patched(now, json.loads(now["metadata"]["annotations"].get(names.BACK, "[]")))
    assert back["spec"] == prepared["spec"] and len(back["spec"]["http"]) == 4
    assert not steps or weights(back, 1) == {SERVICE: UNITS, NEW: 0}


@pytest.mark.parametrize("wanted", [ARM, TESTED])
def test_the_way_back_leads_no_tester_there_any_more_though_rules_moved(wanted: Additions) -> None:
    now = begun(service(rule(to(), path="/a"), ADMIN, rule(to(), path="/b")), 0.0, wanted)
    now["spec"]["http"].insert(0, copy.deepcopy(MOVED))
    back = patched(now, way_back(now))
    assert [len(item.get("route", [])) for item in back["spec"]["http"]] == [0, 2, 1, 2]
    assert [item.get("name") for item in back["spec"]["http"]] == [None, "at /a", "at /admin", "at /b"]


@pytest.mark.parametrize(
    ("document", "wanted", "said"),
    [
        (service(rule(to(), mirror={"host": "audit"})), MIRRORED, "has a `mirror` already.*one of `mirrors`"),
        (
            service(rule(to(), mirrors=[{"destination": {"host": "audit"}}]), version="v1beta1"),
            MIRRORED,
            "has `mirrors` already.*Istio from 1.22",
        ),
        (
            service({"match": [{"headers": {"X-Release": {}}}], "route": [to()]}),
            TESTED,
            "matches by the header x-release",
        ),
        (
            service({"match": [{"withoutHeaders": {"cookie": {"exact": "a"}}}], "route": [to()]}),
            ARM,
            "by the header cookie already.*deploy.ab",
        ),
        (service(rule(to()), hosts=[]), TESTED, "is a delegate.*use strategy: canary without testers"),
        (service(rule(to()), hosts=[]), MIRRORED, "is a delegate"),
    ],
)
def test_what_istio_would_not_do_is_refused_with_a_fix(document: Object, wanted: Additions, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        begun(document, 0.0, wanted)


# what is said of it


def status(**said: Any) -> Object:
    return {**service(rule(to())), "status": said}


ERROR = {"level": "ERROR", "type": {"name": "ReferencedResourceNotFound", "code": "IST0101"}}
RECONCILED = {"type": "Reconciled", "status": "False", "reason": "Bad", "message": "no such gateway"}


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (service(rule(to())), None),  # Istio's status is off by default: nothing is waited for
        (status(), None),
        (status(conditions=[{"type": "Reconciled", "status": "True"}], observedGeneration="3"), None),
        (status(validationMessages=[{"level": "WARNING", "type": {"code": "IST0130"}}]), None),
        (status(validationMessages=[ERROR], observedGeneration="2"), None),  # of what it was before
        (status(validationMessages=[ERROR], observedGeneration="3"), r"ReferencedResourceNotFound \(IST0101\)"),
        (status(validationMessages=[ERROR]), "ReferencedResourceNotFound"),
        (status(conditions=[RECONCILED]), r"Reconciled is False \(Bad\): no such gateway"),
        (status(conditions=[RECONCILED | {"observedGeneration": 2}]), None),
    ],
)
def test_what_istio_says_of_it_now_is_an_objection_and_silence_is_none(route: Object, said: str | None) -> None:
    if said is None:
        assert KIND.problem(route) is None and KIND.check(route, SERVICE) is None
        return
    refused = KIND.check(route, SERVICE)
    assert isinstance(refused, InvalidInput)
    with pytest.raises(InvalidInput, match=f"VirtualService r: is not accepted: {said}.*istioctl analyze"):
        raise refused
    with pytest.raises(Exception, match=f"did not take up the weights in 15 s: {said}"):
        raise KIND.not_followed(route, 15)
    left = begun(route, 0.5) | {"status": route["status"]}
    assert KIND.check(left, SERVICE) is None, "what a rollout left there is put right"


SUBSET = rule({"destination": {"host": "home", "subset": "v1"}})


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (service(SUBSET), "subset v1 of Service home.*leave `subset` out"),
        (service(rule(to("home.models"))), "home.models, which Istio does not resolve.*write home alone"),
        (service(rule(to("home.models.svc"))), "home.models.svc, which Istio does not resolve"),
        (service(rule(ELSE)), "no rule sends requests to Service home.*to the route of one"),
        (service(tcp=[{"route": [{"destination": {"host": "home"}}]}]), "rules of tcp or tls alone.*write http rules"),
    ],
)
def test_a_route_that_cannot_be_shared_is_refused_before_anything_is_touched(route: Object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        KIND.check(route, SERVICE)


def test_subsets_of_other_hosts_are_nobodys_business() -> None:
    assert KIND.check(service(rule(to(weight=93), ELSE)), SERVICE) is None


def test_the_definition_that_all_of_this_is_held_against_refuses_what_istio_does() -> None:
    body = service(rule(to()))
    for wrong in (
        {"wait": 1},
        {"timeout": 3},
        {"mirrors": [{"percentage": {"value": 100.0}}]},
        {"route": [{"weight": 1}]},
    ):
        assert istio_crds.problems({**body, "spec": {**body["spec"], "http": [{**rule(to()), **wrong}]}}), wrong
    assert istio_crds.known() == ("DestinationRule", "VirtualService")


@pytest.mark.parametrize(("port", "refused"), [(80, False), (9090, True), (None, False)])
def test_another_port_of_the_service_than_the_models_is_refused(port: int | None, refused: bool) -> None:
    """The Service of a release beside has that one alone: requests to the other would fail, and be taken for its harm."""
    destination: Object = {"host": "home"} | ({"port": {"number": port}} if port else {})
    before = service(rule(to(), path="/a"), {"route": [{"destination": destination}]}, rule(to("elses"), path="/b"))
    if not refused:
        routes.check_ports(KIND, before, SERVICE, 80)
        return
    with pytest.raises(
        InvalidInput, match="to port 9090 of Service home, and the model is asked at 80.*kubernetes.port"
    ):
        routes.check_ports(KIND, before, SERVICE, 80)
