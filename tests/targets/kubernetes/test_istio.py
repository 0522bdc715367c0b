"""Where Istio has the team's route: how it is found or named, what stands beside it meanwhile, and who takes it back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from modelway.config.sections import Create, Kubernetes, Prometheus, RequestCounts
from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput, OutsideFailure
from modelway.targets.kubernetes import checks, cluster, guard, guardian
from modelway.targets.kubernetes import names as ours
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.replicas import ReplicaTraffic
from modelway.targets.kubernetes.traffic import GatewayTraffic
from modelway.targets.kubernetes.whereabouts import Whereabouts
from targets.case import Case, begun
from targets.kubernetes import team_routes
from targets.kubernetes.api_server import ApiServer, ClusterInMemory, Object
from targets.kubernetes.simulation import Process
from targets.kubernetes.test_two_at_once import KEY, World, release
from targets.kubernetes.test_two_at_once import worlds as worlds

ISTIO, OLDER = "apis/networking.istio.io/v1", "apis/networking.istio.io/v1beta1"
ROUTE = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/home"


def working(world: World, *, guarded: bool = False, testers: bool = False) -> dict[tuple[str, str], Object]:
    """All that is there while the release has half of the traffic, and its command dies."""
    world.simulation.faults = False
    world.settings = msgspec.structs.replace(world.settings, guardian=guarded)

    def work() -> None:
        claim = world.target().claim("a tester", "deploying")
        claim.take_in()
        planned = {"testers": RequestMatch(header="x-release", value="next")} if testers else {}
        begun(cast("Case", None), claim, release(2), **planned).route(0.5, tested=testers)

    process = Process("deploying", work)
    world.simulation.run(process)
    assert process.ended is None, process.ended
    return dict(world.simulation.server.objects)


# the traffic policy


def test_the_release_beside_has_the_services_traffic_policy_for_as_long_as_it_is_there(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    objects = working(world, testers=True)
    for name in ("home-v2-r1", "home-v2-r1-testers"):
        rule = objects["DestinationRule", name]
        assert rule["spec"] == {"host": name, "trafficPolicy": team_routes.POLICY}, "its pods are in no subset"
        owned, service = rule["metadata"], objects["Service", name]["metadata"]
        assert (owned["labels"], owned["ownerReferences"]) == (service["labels"], service["ownerReferences"])
    back = world.rolling_back(1)
    world.simulation.run(back)
    assert back.ended is None, back.ended
    world.check_whole(1)
    rules = [name for kind, name in world.simulation.server.objects if kind == "DestinationRule"]
    assert rules == ["home"]


def test_a_rule_for_many_hosts_holds_for_the_release_beside_by_itself(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    world.get("DestinationRule", "home")["spec"]["host"] = "*.models.svc.cluster.local"
    assert ("DestinationRule", "home-v2-r1") not in working(world)


def test_two_policies_are_refused_before_anything_is_touched(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    second = world.get("DestinationRule", "home")
    second = second | {"metadata": {"name": "b", "namespace": "models"}}
    world.simulation.server.create("DestinationRule", second)
    refused(world, "DestinationRules b and home have a trafficPolicy for Service home.*write one trafficPolicy")


def test_a_second_policy_that_comes_meanwhile_holds_up_no_way_back(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    world.simulation.faults = False
    deploying, back = world.deploying(2), world.rolling_back(1)
    world.simulation.run(deploying)
    first = world.get("DestinationRule", "home")
    first["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    later = {"name": "a", "namespace": "models", "creationTimestamp": "2026-02-01T00:00:00Z"}
    other = {**first["spec"], "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}
    world.simulation.server.create("DestinationRule", first | {"metadata": later, "spec": other})
    made, store = list[Any](), world.simulation.server._stored

    def stored(kind: str, body: Any) -> Any:
        made.extend([body["spec"]] if kind == "DestinationRule" else [])
        return store(kind, body)

    world.simulation.server._stored = stored
    world.simulation.run(back)
    assert back.ended is None, back.ended
    assert [spec["trafficPolicy"] for spec in made] == [team_routes.POLICY], "that of the older one, as Istio takes it"
    world.check_whole(1)


def refused(world: World, said: str) -> None:
    before = dict(world.simulation.server.objects)
    world.simulation.faults = False
    deploying = world.deploying(2)
    world.simulation.run(deploying)
    with pytest.raises(InvalidInput, match=said):
        raise deploying.ended or AssertionError("it was done")
    after = world.simulation.server.objects
    ignored = [key for key in {**before, **after} if key[0] in ("Lease", "ConfigMap")]
    assert {key: item for key, item in after.items() if key not in ignored} == {
        key: item for key, item in before.items() if key not in ignored
    }


# who takes it back


def test_the_guardian_takes_the_traffic_back_by_what_is_on_the_route(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own program, on the API server in memory."""
    world = worlds(1, "VirtualService")
    objects = working(world, guarded=True, testers=True)
    job, role = (objects[kind, "home-v2-r1-guardian"] for kind in ("Job", "Role"))
    variables = {item["name"]: item["value"] for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables["MODELWAY_OBJECTS"] == ROUTE
    assert role["rules"][1] == {
        "apiGroups": ["networking.istio.io"],
        "resources": ["virtualservices"],
        "resourceNames": ["home"],
        "verbs": ["get", "patch"],
    }
    assert team_routes.weights(world.route()) == [
        {"elses": 1},
        {"home-v2-r1-testers": 1},
        {"home": 5000, "home-v2-r1": 5000},
    ]

    def call(method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Object]:
        return 200, world.simulation.server.answer(method, path.partition("?")[0], {}, body, kind)

    monkeypatch.setattr(guardian, "call", call)
    assert guardian.go_back(ROUTE) == "traffic is on stable"
    assert team_routes.weights(world.route()) == [{"elses": 1}, {"home": 10_000, "home-v2-r1": 0}]
    assert ours.BACK not in world.route()["metadata"]["annotations"]
    back = world.rolling_back(1)
    world.simulation.run(back)
    assert back.ended is None, back.ended
    world.check_whole(1)


@pytest.mark.parametrize("queries", ["contour", "modelway", "istio"])
def test_a_shadow_is_not_counted_by_what_clients_proxies_report(worlds: Any, queries: Any) -> None:
    counts = RequestCounts(prometheus=Prometheus(url="http://p", queries=queries))
    world = worlds(1, "VirtualService")
    world.settings = msgspec.structs.replace(world.settings, counts=counts)
    target = world.target()
    shadow = dataclasses.replace(target.place, needs_route="strategy")
    preparing = Process("a shadow", lambda: shadow.prepare(release(2), lambda said: None))
    world.simulation.faults = False
    world.simulation.run(preparing)
    if queries != "istio":
        assert preparing.ended is None, preparing.ended
        return
    with pytest.raises(InvalidInput, match="they report no copy of a request.*count by pods"):
        raise preparing.ended or AssertionError("it was done")


def test_no_sidecar_is_put_beside_the_guardian() -> None:
    """A Job with one never ends, and its first calls fail while the proxy starts."""
    job = guard.job("g", "models", image="i", python="p", lease="l", targets=[], labels={"a": "b"})
    assert job["spec"]["template"]["metadata"]["labels"] == {"a": "b", "sidecar.istio.io/inject": "false"}
    assert job["metadata"]["labels"] == {"a": "b"}


# how it is found


def world_of(*kinds: str, group: str = ISTIO, **wanted: Any) -> tuple[Callable[[], Any], ApiServer, list[str]]:
    """What finds the route, among a team's objects; and the paths that were asked for."""
    server, asked = ApiServer(), list[str]()
    server.groups |= {group} if group else set()
    labels = {"app": "home"}
    container = {"name": "server", "image": "i", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    specs: dict[str, Object] = {
        "Deployment": {"selector": {"matchLabels": labels}, "template": template},
        "Service": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    for kind, spec in specs.items():
        server.create(kind, {"kind": kind, "metadata": {"name": "home"}, "spec": spec})
    for item in (one for kind in kinds for one in team_routes.objects(kind)):
        server.create(item["kind"], item | {"apiVersion": group.removeprefix("apis/")})

    class Seen(ClusterInMemory):
        def call(self, method: str, path: str, *more: Any) -> bytes:
            asked.append(path)
            return super().call(method, path, *more)

    there = Whereabouts(Seen(server), KEY, Kubernetes(deployment="home", **wanted))
    return lambda: there.traffic(there.home()), server, asked


@pytest.mark.parametrize("group", [ISTIO, OLDER])
def test_a_virtual_service_that_leads_to_the_service_is_found_in_the_version_that_is_served(group: str) -> None:
    find, _, asked = world_of("VirtualService", group=group)
    found = find()
    assert isinstance(found, GatewayTraffic) and (found.kind.name, found.route) == ("VirtualService", "home")
    assert f"/{group}/namespaces/models/virtualservices" in asked


def test_without_istio_nobody_asks_for_its_objects_which_a_role_may_not_know() -> None:
    find, _, asked = world_of(group="")
    assert isinstance(find(), ReplicaTraffic) and isinstance(find(), ReplicaTraffic)
    assert [path for path in asked if "istio" in path] == [f"/{ISTIO}", f"/{OLDER}"], "whether it is there, and once"


def test_a_cluster_that_hides_what_it_serves_is_as_one_without_istio(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a VirtualService that is named."""
    hidden = 'User "system:serviceaccount:models:modelway" cannot get path "/apis/networking.istio.io/v1"'
    for wanted, said, expected in (
        ({}, hidden, ReplicaTraffic),
        ({"route": "VirtualService/home"}, hidden, GatewayTraffic),
        ({}, "the token has expired", InvalidInput),
    ):
        find, server, _ = world_of("VirtualService", group=OLDER, **wanted)
        answer = server.answer

        def answered(method: str, path: str, *more: Any, said: str = said, answer: Any = answer) -> Object:
            if "namespaces" not in path:
                raise ApiError(403, said, "Forbidden")
            return cast(Object, answer(method, path, *more))

        monkeypatch.setattr(server, "answer", answered)
        if expected is InvalidInput:
            with pytest.raises(InvalidInput, match="the token has expired"):
                find()
        else:
            assert isinstance(find(), expected)


def test_an_api_server_that_starts_anew_has_istio_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not know custom resources for some seconds: by the number of pods nothing is shared meanwhile."""
    monkeypatch.setattr(cluster, "PAUSE_SECONDS", 0.01)
    find, server, asked = world_of("VirtualService")
    assert isinstance(find(), GatewayTraffic)
    answer, starting = server.answer, [3]

    def answered(method: str, path: str, *more: Any) -> Object:
        if "virtualservices" in path and starting[0]:
            starting[0] -= 1
            raise ApiError(404, "404 page not found")
        return answer(method, path, *more)

    monkeypatch.setattr(server, "answer", answered)
    del asked[:]
    assert isinstance(find(), GatewayTraffic)
    assert len([path for path in asked if path.endswith("/virtualservices")]) == 4


def test_one_that_leads_elsewhere_or_has_no_http_rules_is_not_it() -> None:
    find, server, _ = world_of("VirtualService")
    spec = server.objects["VirtualService", "home"]["spec"]
    spec["http"][1]["route"][0]["destination"]["host"] = "home.other.svc.cluster.local"
    assert isinstance(find(), ReplicaTraffic)
    spec["tcp"], spec["http"] = [{"route": [{"destination": {"host": "home"}}]}], []
    assert isinstance(find(), ReplicaTraffic)


def test_of_two_routes_the_team_names_one() -> None:
    find, _, _ = world_of("HTTPRoute", "VirtualService")
    with pytest.raises(InvalidInput, match="HTTPRoute/home and VirtualService/home lead to Service home.*name the one"):
        find()
    find, server, _ = world_of("VirtualService")
    other = server.objects["VirtualService", "home"]
    server.create("VirtualService", other | {"metadata": {"name": "mesh", "namespace": "models"}})
    with pytest.raises(InvalidInput, match="VirtualService/home and VirtualService/mesh lead to Service home"):
        find()


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        ("home", "HTTPRoute"),
        ("HTTPRoute/home", "HTTPRoute"),
        ("VirtualService/home", "VirtualService"),
        ("virtualservice/home", "VirtualService"),
    ],
)
def test_a_route_may_be_named_with_its_kind(route: str, kind: str) -> None:
    find, _, _ = world_of("HTTPRoute", "VirtualService", route=route)
    found = find()
    assert (found.kind.name, found.route) == (kind, "home")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"route": "GRPCRoute/home"}, "is GRPCRoute/home, which is no route that we know.*VirtualService/NAME"),
        (
            {"route": "VirtualService/home", "create": Create(gateway="a/b")},
            "is VirtualService/home, and create.gateway makes an HTTPRoute",
        ),
    ],
)
def test_what_names_no_route_is_refused(wanted: dict[str, Any], said: str) -> None:
    find, _, _ = world_of("VirtualService", **wanted)
    with pytest.raises(InvalidInput, match=said):
        find()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"route": "VirtualService/no-such"},
            "there is no VirtualService no-such in namespace models.*get virtualservices",
        ),
        (
            {"route": "VirtualService/no-such", "create": "the rest"},
            "there is no VirtualService no-such in namespace models",
        ),
        ({"owner": "argocd-controller"}, r"VirtualService home: Argo CD \(argocd-controller\) owns .spec.http"),
        ({"port": "9090"}, "a rule sends requests to port 9090 of Service home, and the model is asked at 80"),
        ({"error": "IST0101"}, r"VirtualService home: is not accepted: error \(IST0101\)"),
    ],
)
def test_what_could_not_be_shared_is_refused_before_anything_is_touched(
    worlds: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    world = worlds(1, "VirtualService")
    world.settings = msgspec.structs.replace(world.settings, route=change.get("route"))
    if "create" in change:
        world.settings = msgspec.structs.replace(world.settings, create=Create(replicas=2))
    if "owner" in change:
        fields = {"f:spec": {"f:http": {}}}
        entry = {"manager": change["owner"], "operation": "Apply", "fieldsV1": fields}
        world.route()["metadata"]["managedFields"] = [entry]
    if "port" in change:
        world.route()["spec"]["http"][1]["route"][0]["destination"]["port"] = {"number": int(change["port"])}
    if "error" in change:
        monkeypatch.setattr(checks, "SEEN_SECONDS", 0.0)
        world.route()["status"] = {"validationMessages": [{"level": "ERROR", "type": {"code": change["error"]}}]}
    refused(world, said)


def test_a_virtual_service_that_somebody_deletes_meanwhile_is_missed(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    world.settings = msgspec.structs.replace(world.settings, route="VirtualService/home")
    working(world)
    del world.simulation.server.objects["VirtualService", "home"]
    back = world.rolling_back(1)
    world.simulation.run(back)
    with pytest.raises(OutsideFailure, match="VirtualService home is not there any more.*apply the team's manifest"):
        raise back.ended or AssertionError("it was done")


def test_what_istio_does_not_know_is_refused_by_the_api_server_of_these_tests(worlds: Any) -> None:
    world = worlds(1, "VirtualService")
    body = json.loads(json.dumps(world.route()))
    body["spec"]["http"][1]["weight"] = 7
    with pytest.raises(Exception, match="'weight' was unexpected"):
        world.simulation.server.create("VirtualService", body | {"metadata": {"name": "other"}})
