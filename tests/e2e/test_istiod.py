"""What we write into a VirtualService, as Istio itself understands it: the routes that istiod tells a gateway, and what an
Envoy with these routes does. It needs no cluster; the program is built from Go modules on first use."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from cluster.istiod import Told, told
from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.loopback import HOST as LOCAL
from modelway.targets.kubernetes import destination_rules, routes, virtual_service
from modelway.targets.kubernetes.additions import NO_ADDITIONS, Additions
from modelway.targets.kubernetes.routes import Sharing
from observe.gateway_envoy import gateway_envoy
from targets.kubernetes.api_server import patched

pytestmark = pytest.mark.long
Object = dict[str, Any]
KIND = virtual_service.KIND
SERVICE, NEW = "home", "home-v7-r3"
API = "networking.istio.io/v1"
HOST = "home.models.svc.cluster.local"
CANARY, TESTERS = HOST.replace(SERVICE, NEW), HOST.replace(SERVICE, f"{NEW}-testers")


def istio(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": "models"}, "spec": spec}


def service(name: str) -> Object:
    """As istiod sees a Service with a pod."""
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    spec = {"hosts": [f"{name}.models.svc.cluster.local"], "ports": ports, "resolution": "STATIC"}
    return istio("ServiceEntry", name, spec | {"endpoints": [{"address": "127.0.0.1"}]})


AROUND = [
    istio(
        "Gateway",
        "public",
        {
            "selector": {"istio": "ingress"},
            "servers": [{"port": {"number": 8080, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    ),
    *map(service, (SERVICE, NEW, f"{NEW}-testers", "elses")),
]
ADMIN = {"match": [{"uri": {"prefix": "/admin"}}], "route": [{"destination": {"host": "elses"}}]}


def route(host: str = SERVICE, **more: Any) -> Object:
    ours = {"route": [{"destination": {"host": host}}], **more}
    return istio("VirtualService", "r", {"hosts": ["*"], "gateways": ["public"], "http": [ADMIN, ours]})


def begun(team: Object, share: float = 0.1, added: Additions = NO_ADDITIONS) -> Object:
    wanted = Sharing({SERVICE: 1 - share, NEW: share}, [NEW], SERVICE, added)
    return patched(team, routes.weights(KIND, team, SERVICE, wanted))


def rules(said: Told) -> list[Object]:
    """Of the gateway, in the order in which Envoy tries them."""
    assert said.refused == ""
    (host,) = [host for one in said.routes for host in one["virtualHosts"] if host["routes"]]
    found: list[Object] = host["routes"]
    return found


def weights(rule: Object) -> dict[str, int]:
    """By host."""
    action = rule["route"]
    if "cluster" in action:
        return {action["cluster"].split("|")[-1]: 1}
    return {part["name"].split("|")[-1]: part.get("weight", 0) for part in action["weightedClusters"]["clusters"]}


@pytest.mark.parametrize("host", [SERVICE, HOST])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_requests_are_shared_by_the_weights(host: str, share: float) -> None:
    admin, ours = rules(told(*AROUND, begun(route(host), share)))
    assert weights(admin) == {"elses.models.svc.cluster.local": 1}
    found = weights(ours)
    assert {name: weight for name, weight in found.items() if weight} == {
        name: weight
        for name, weight in ((HOST, round(10_000 * (1 - share))), (CANARY, round(10_000 * share)))
        if weight
    }


@pytest.mark.parametrize("host", ["home.models", "home.models.svc"])
def test_what_istio_does_not_resolve_is_refused(host: str) -> None:
    _, ours = rules(told(*AROUND, route(host)))
    assert weights(ours) == {host: 1}, "no cluster that Envoy has"
    with pytest.raises(InvalidInput, match=f"{host}, which Istio does not resolve"):
        KIND.check(route(host), SERVICE)


def test_after_the_way_back_all_of_it_is_stables() -> None:
    now = begun(route(), 0.5)
    back = patched(now, routes.way_back(KIND, now))
    _, ours = rules(told(*AROUND, back))
    assert {name for name, weight in weights(ours).items() if weight} == {HOST}


def test_no_weight_at_all_is_what_istio_refuses() -> None:
    """So nothing of ours ever writes it."""
    nothing = begun(route())
    for part in nothing["spec"]["http"][1]["route"]:
        part["weight"] = 0
    assert "total destination weight = 0" in told(*AROUND, nothing).refused
    unshared = route()
    unshared = patched(unshared, routes.weights(KIND, unshared, SERVICE, Sharing({}, [NEW])))
    _, ours = rules(told(*AROUND, unshared))
    assert {name for name, weight in weights(ours).items() if weight} == {HOST}


def test_testers_are_matched_before_others_and_after_what_the_team_leads_elsewhere() -> None:
    testers = Additions(tested=f"{NEW}-testers", testers=RequestMatch(header="X-Release", value="next"))
    admin, led, ours = rules(told(*AROUND, begun(route(), 0.1, testers)))
    assert weights(admin) == {"elses.models.svc.cluster.local": 1}
    assert weights(led) == {TESTERS: 1} and set(weights(ours)) == {HOST, CANARY}
    (header,) = led["match"]["headers"]
    assert header["name"] == "x-release" and header["stringMatch"]["exact"] == "next"
    marks = {item["header"]["key"]: item["header"]["value"] for item in led["requestHeadersToAdd"]}
    assert marks == {"x-modelway-tester": "1"}


def test_an_arm_is_matched_by_its_cookie() -> None:
    arm = Additions(tested=NEW, testers=RequestMatch(cookie="arm", value="b"), judged=True)
    _, led, _ = rules(told(*AROUND, begun(route(), 0.0, arm)))
    (header,) = led["match"]["headers"]
    assert header["stringMatch"]["safeRegex"]["regex"] == r"^(.*;[ \t]*)?arm=b([ \t]*;.*)?$"
    assert weights(led) == {CANARY: 1} and "requestHeadersToAdd" not in led


def test_a_shadow_gets_a_copy_of_every_request() -> None:
    _, ours = rules(told(*AROUND, begun(route(), 0.0, Additions(mirror=NEW))))
    (copies,) = ours["route"]["requestMirrorPolicies"]
    assert copies["cluster"] == f"outbound|80||{CANARY}"
    part = copies["runtimeFraction"]["defaultValue"]
    assert part == {"numerator": 1_000_000, "denominator": "MILLION"}
    assert {name for name, weight in weights(ours).items() if weight} == {HOST}


def test_the_release_beside_is_reached_under_the_same_policy() -> None:
    policy = {"outlierDetection": {"consecutive5xxErrors": 7}, "connectionPool": {"tcp": {"maxConnections": 9}}}
    team = istio("DestinationRule", "pools", {"host": SERVICE, "trafficPolicy": policy, "subsets": [{"name": "all"}]})
    beside = destination_rules.beside(team, {"name": NEW, "namespace": "models"})
    said = told(*AROUND, begun(route()), team, beside)
    found = {item["name"]: item for item in said.clusters}
    stable, new = (found[f"outbound|80||{host}"] for host in (HOST, CANARY))
    for key in ("outlierDetection", "circuitBreakers"):
        assert stable[key] == new[key]
    assert new["outlierDetection"]["consecutive5xx"] == 7
    assert new["circuitBreakers"]["thresholds"][0]["maxConnections"] == 9


def test_a_delegate_shares_by_weight_too() -> None:
    root = route()
    root["spec"]["http"][1] = {"delegate": {"name": "leaf", "namespace": "models"}}
    leaf = istio("VirtualService", "leaf", {"http": [{"route": [{"destination": {"host": SERVICE}}]}]})
    _, ours = rules(told(*AROUND, root, begun(leaf)))
    assert weights(ours) == {HOST: 9000, CANARY: 1000}


# what an Envoy does


class Led:
    """An Envoy with the routes of a gateway, and a server behind each Service. got: how many requests came to it; marked: of
    those, how many as a tester's."""

    def __init__(self) -> None:
        self.got, self.marked, self.lock = Counter[str](), Counter[str](), threading.Lock()
        self.url = ""

    def ask(self, count: int = 1, path: str = "/predict", **headers: str) -> Counter[str]:
        """Who answered."""
        with requests.Session() as session:
            session.trust_env = False
            return Counter(session.get(self.url + path, headers=headers, timeout=10).text for _ in range(count))


@contextlib.contextmanager
def led(folder: Path, team: Object) -> Iterator[Led]:
    said, seen = told(*AROUND, team), Led()
    rules(said)
    with contextlib.ExitStack() as stack:
        ports: dict[str, int | None] = {}
        for item in said.clusters:
            if item["name"].startswith("outbound|"):
                name = item["name"].split("|")[-1].partition(".")[0]
                ports[item["name"]] = stack.enter_context(_answering(seen, name))
        envoy = stack.enter_context(gateway_envoy(folder, ports, routes=said.routes[0]))
        seen.url = f"http://{LOCAL}:{envoy.port}"
        yield seen


@contextlib.contextmanager
def _answering(seen: Led, name: str) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with seen.lock:
                seen.got[name] += 1
                seen.marked[name] += self.headers.get("x-modelway-tester") == "1"
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((LOCAL, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_an_envoy_leads_a_part_of_the_requests_and_every_tester_to_the_release(tmp_path: Path) -> None:
    testers = Additions(tested=f"{NEW}-testers", testers=RequestMatch(header="X-Release", value="next"))
    now = begun(route(), 0.25, testers)
    with led(tmp_path / "shared", now) as seen:
        said = seen.ask(400)
        assert set(said) == {SERVICE, NEW} and 60 <= said[NEW] <= 140, said  # 4.6 standard deviations
        assert seen.ask(20, **{"x-release": "next"}) == {f"{NEW}-testers": 20}
        assert seen.ask(5, "/admin", **{"x-release": "next"}) == {"elses": 5}
        assert +seen.marked == {f"{NEW}-testers": 20}
    with led(tmp_path / "back", patched(now, routes.way_back(KIND, now))) as seen:
        assert seen.ask(50, **{"x-release": "next"}) == {SERVICE: 50}


def test_an_envoy_leads_the_arm_of_an_ab_by_its_cookie_alone(tmp_path: Path) -> None:
    arm = Additions(tested=NEW, testers=RequestMatch(cookie="arm", value="b"), judged=True)
    with led(tmp_path / "arm", begun(route(), 0.0, arm)) as seen:
        for cookie, expected in (("a=1; arm=b", NEW), ("arm=b; z=2", NEW), ("notarm=b", SERVICE), ("arm=bc", SERVICE)):
            assert seen.ask(5, cookie=cookie) == {expected: 5}, cookie
        assert +seen.marked == {}


def test_an_envoy_copies_every_request_and_answers_with_stables(tmp_path: Path) -> None:
    with led(tmp_path / "shadow", begun(route(), 0.0, Additions(mirror=NEW))) as seen:
        assert seen.ask(50) == {SERVICE: 50}
        assert seen.ask(5, "/admin") == {"elses": 5}
        deadline = time.monotonic() + 10
        while seen.got[NEW] < 50 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen.got == {SERVICE: 50, NEW: 50, "elses": 5}
