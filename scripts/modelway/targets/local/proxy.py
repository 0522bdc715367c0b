"""Envoy: its configuration as files that it watches, and what it says of itself.

Every change is a new file and a rename; Envoy takes it up within milliseconds, and `config_dump` says which it has. A
cluster is one release, an endpoint one replica.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from modelway import processes
from modelway.errors import OutsideFailure
from modelway.files import write_whole
from modelway.loopback import HOST
from modelway.observe.counts import BOUNDS_MS
from modelway.rollout import matching
from modelway.serving.head import TESTER_HEADER
from modelway.targets.local import servers
from modelway.targets.local.state import LocalSlot
from modelway.targets.place import Routing

BOOT, CLUSTERS, ROUTES, BACK = "boot.json", "clusters.json", "routes.json", "back.json"
TYPE = "type.googleapis.com/envoy"
SHARES = 10_000
"""A weight's unit: a hundredth of a percent."""
REQUEST_SECONDS = 60
LIMIT = 10_000
"""Of connections and requests at once: no circuit opens before the machine itself is full."""
RETRIES = "connect-failure,refused-stream,reset"
"""A prediction may be asked for twice, so a replica that dies costs no request: it goes to another one of the same release."""
PICKS = 100
"""Of a replica for a retry until it is another one. A dead one has the fewest requests, so until its death is known it is
picked again three times out of four; with 5 picks about one request for each death found no other one in three retries."""

RETRYING: dict[str, Any] = {
    "timeout": f"{REQUEST_SECONDS}s",
    "retry_policy": {
        "retry_on": RETRIES,
        "num_retries": 3,
        "host_selection_retry_max_attempts": PICKS,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": f"{TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
            }
        ],
    },
}
"""Of every route that leads to a release."""
TESTED = "-testers"


def boot(folder: Path, port: int, admin_port: int) -> dict[str, Any]:
    """What Envoy starts with. folder: where the watched files are."""

    def watched(name: str) -> dict[str, Any]:
        return {"resource_api_version": "V3", "path_config_source": {"path": str(folder / name)}}

    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "rds": {"route_config_name": "routes", "config_source": watched(ROUTES)},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "name": "in",
        "address": _address(port),
        "enable_reuse_port": False,  # else two could listen on one port, and each get half of the requests
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {
        "node": {"id": "modelway", "cluster": "modelway"},
        "admin": {"address": _address(admin_port)},
        "stats_flush_on_admin": True,
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": list(BOUNDS_MS)}]
        },
        "dynamic_resources": {"cds_config": watched(CLUSTERS)},
        "static_resources": {"listeners": [listener]},
    }


def clusters(slots: Mapping[str, LocalSlot], tested: str, serial: int) -> dict[str, Any]:
    """tested: the slot that has testers, whose requests are counted apart; empty: none has."""
    named = [*slots.items(), *((tested_name(name), slot) for name, slot in slots.items() if name == tested)]
    return {"version_info": str(serial), "resources": [_cluster(name, slot) for name, slot in sorted(named)]}


def tested_name(slot: str) -> str:
    """The cluster of a release for its testers."""
    return slot + TESTED


def slot_of(cluster: str) -> str:
    return cluster.removesuffix(TESTED)


def tested(folder: Path) -> str:
    """The slot that testers are led to by the routes of now; empty: there are none."""
    tables: Any = resources(folder, ROUTES) or []
    found = [item for table in tables for host in table["virtual_hosts"] for item in host["routes"]]
    names = [item["route"]["cluster"] for item in found if "cluster" in item.get("route", {})]
    return next((slot_of(name) for name in names if name.endswith(TESTED)), "")


def routes(routing: Routing, versions: Mapping[str, int], serial: int) -> dict[str, Any]:
    action: dict[str, Any]
    if routing.shares:
        weighted = [
            {"name": name, "weight": round(share * SHARES), "response_headers_to_add": [_version(versions[name])]}
            for name, share in sorted(routing.shares.items())
        ]
        action = {"route": {"weighted_clusters": {"clusters": weighted}, **RETRYING}}
        if routing.mirror:
            action["route"]["request_mirror_policies"] = [{"cluster": routing.mirror}]
    else:
        action = {"direct_response": {"status": 503, "body": {"inline_string": "nothing is deployed here\n"}}}
    # nobody is a tester for saying so: what testers ask is not counted
    found = [{"match": {"prefix": "/"}, "request_headers_to_remove": [TESTER_HEADER], **action}]
    if routing.testers is not None:
        found.insert(0, _testers(routing, versions[routing.tested]))
    # the serial is in the name too: a table that is otherwise the same would not count as a change, and never be confirmed
    host = {"name": f"all-{serial}", "domains": ["*"], "routes": found}
    table = {"@type": f"{TYPE}.config.route.v3.RouteConfiguration", "name": "routes", "virtual_hosts": [host]}
    return {"version_info": str(serial), "resources": [table]}


def _testers(routing: Routing, version: int) -> dict[str, Any]:
    match, slot = routing.testers, routing.tested
    assert match is not None
    cookie = matching.expression(match)
    value = {"safe_regex": {"regex": cookie}} if cookie else {"exact": match.value}
    led = {
        "match": {"prefix": "/", "headers": [{"name": matching.header_of(match), "string_match": value}]},
        "route": {"cluster": slot if routing.judged else tested_name(slot), **RETRYING},
        "response_headers_to_add": [_version(version)],
    }
    return led if routing.judged else led | {"request_headers_to_add": [_header(TESTER_HEADER, "1")]}


def _version(version: int) -> dict[str, Any]:
    return _header("x-modelway-version", str(version))


def _header(name: str, value: str) -> dict[str, Any]:
    """append_action: the other side may have said it too."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def put(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """On the disk, then in its place by one rename: Envoy never sees half a file."""
    write_whole(folder / name, json.dumps(content).encode())


def resources(folder: Path, name: str) -> object:
    """What the file holds; None where there is no whole one."""
    try:
        return json.loads((folder / name).read_bytes())["resources"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start(folder: Path, admin: str, log: Path, seconds: float) -> None:
    """Start Envoy with the configuration in this folder. OutsideFailure, with its last words, where it is not ready in
    time."""
    envoy = str(Path(sys.executable).parent / "envoy")
    command = [envoy, "-c", str(folder / BOOT), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    try:
        process = servers.start_process(command, folder.parent, log)
    except OSError as error:
        raise OutsideFailure(
            f"Envoy cannot be started: {error.strerror}",
            where=envoy,
            fix="delete $MODELWAY_HOME/environments/deploy-*",
        ) from None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready(admin):
            processes.detach(process)
            return
        time.sleep(0.02)
    processes.end([process.pid], 1)
    raise OutsideFailure(
        f"Envoy did not start: {servers.last_words(log)}",
        where=str(log),
        fix="mend what it says, and run the same command again",
    )


def is_ready(admin: str) -> bool:
    try:
        return requests.get(f"{admin}/ready", timeout=1).text.startswith("LIVE")
    except requests.RequestException:
        return False


def answers(admin: str, seconds: float) -> bool:
    """Ready within so long: on a busy machine one answer may be late, and an Envoy that is ended for that is an outage."""
    deadline = time.monotonic() + seconds
    while not is_ready(admin):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_for_routes(admin: str, serial: int, seconds: float = 10) -> None:
    """Until Envoy routes by the table with this serial, or by a later one: another command's."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        dump = _get(admin, "/config_dump?resource=dynamic_route_configs").get("configs", [])
        if any(int(item.get("version_info") or 0) >= serial for item in dump):
            return
        time.sleep(0.005)
    raise OutsideFailure(
        f"Envoy did not take up its configuration {serial}",
        where=admin,
        fix="see envoy.log in the target's folder logs",
    )


def healthy(admin: str, slot: str) -> int:
    """How many replicas of a release Envoy sends requests to."""
    for cluster in _get(admin, "/clusters?format=json").get("cluster_statuses", []):
        if cluster["name"] == slot:
            return sum(_is_healthy(host["health_status"]) for host in cluster.get("host_statuses", []))
    return 0


def known(admin: str, slot: str) -> int:
    """How many replicas of a release Envoy has been told of."""
    clusters = _get(admin, "/clusters?format=json").get("cluster_statuses", [])
    return sum(len(cluster.get("host_statuses", [])) for cluster in clusters if cluster["name"] == slot)


def active(admin: str, slot: str) -> int:
    """Requests that a release is at work on."""
    answer = _get(admin, f"/stats?format=json&filter=^cluster\\.{slot}\\.upstream_rq_active$")
    return sum(int(item.get("value", 0)) for item in answer.get("stats", []))


def _is_healthy(status: Mapping[str, Any]) -> bool:
    return not status.get("failed_active_health_check") and not status.get("pending_active_hc")


def _get(admin: str, path: str) -> dict[str, Any]:
    try:
        answer = requests.get(f"{admin}{path}", timeout=3)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise OutsideFailure(
            f"Envoy does not answer: {type(error).__name__}", where=admin, fix="run the same command again"
        ) from None
    return found


def _cluster(name: str, slot: LocalSlot) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": _address(port)}} for port in slot.running]
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "health_checks": [
            {
                "timeout": "2s",
                "interval": "0.2s",
                "no_traffic_interval": "0.2s",  # else a new release is looked at once a minute
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/ready"},
            }
        ],
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": LIMIT, "max_pending_requests": LIMIT, "max_requests": LIMIT, "max_retries": LIMIT}
            ]
        },
        "close_connections_on_host_health_failure": True,
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
