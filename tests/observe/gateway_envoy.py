"""A real Envoy as a gateway runs it: clusters that come and go, histograms that are merged now and then."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

import servers
from modelway.errors import OutsideFailure
from modelway.loopback import HOST, free_port
from modelway.observe.envoy_statistics import STATISTICS

TYPE = "type.googleapis.com/envoy"
EVERY_SECOND = "1s"


class GatewayEnvoy:
    """One instance. It sends a request to the cluster that its header x-cluster names."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, admin: int, folder: Path) -> None:
        self.process, self.port, self.admin, self.folder = process, port, admin, folder
        self.session = requests.Session()

    def send(self, cluster: str, count: int, bad: bool = False) -> None:
        for _ in range(count):
            answer = self.ask(cluster, {"name": "n", "x": "no number" if bad else 2.5})
            assert answer.status_code == (400 if bad else 200), answer.text

    def ask(self, cluster: str, body: object) -> requests.Response:
        url = f"http://{HOST}:{self.port}/predict"
        return self.session.post(url, json=body, headers={"x-cluster": cluster}, timeout=10)

    def read(self) -> str:
        try:
            answer = requests.get(f"http://{HOST}:{self.admin}{STATISTICS}", timeout=1)
        except requests.RequestException as error:
            raise OutsideFailure(f"cannot be read: {type(error).__name__}", where=f"port {self.admin}") from None
        return answer.text

    def set_clusters(self, clusters: Mapping[str, int | None]) -> None:
        """From now on it has these: name -> port of the only endpoint; None: it has none."""
        _write_clusters(self.folder, clusters)
        servers.wait_until(self.has_taken(clusters), self.process, self.folder / "envoy.log")

    def has_taken(self, clusters: Mapping[str, int | None]) -> Any:
        def taken() -> bool:
            with contextlib.suppress(requests.RequestException):
                said = requests.get(f"http://{HOST}:{self.admin}/clusters?format=json", timeout=1).json()
                return {item["name"] for item in said.get("cluster_statuses", ())} == set(clusters)
            return False

        return taken

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def gateway_envoy(
    folder: Path,
    clusters: Mapping[str, int | None],
    merged_every: str = EVERY_SECOND,
    routes: Mapping[str, Any] | None = None,
) -> Iterator[GatewayEnvoy]:
    """routes: a RouteConfiguration; left out: the header names the cluster."""
    folder.mkdir(parents=True, exist_ok=True)
    port, admin = free_port(), free_port()
    _write_clusters(folder, clusters)
    (folder / "boot.json").write_text(json.dumps(_boot(folder, port, admin, merged_every, routes)), encoding="utf-8")
    program = str(Path(sys.executable).parent / "envoy")
    command = [program, "-c", str(folder / "boot.json"), "--concurrency", "2", "--disable-hot-restart"]
    with servers.running([*command, "--log-level", "warning"], folder / "envoy.log", dict(os.environ)) as process:
        envoy = GatewayEnvoy(process, port, admin, folder)
        servers.wait_until(envoy.has_taken(clusters), process, folder / "envoy.log")
        try:
            yield envoy
        finally:
            envoy.session.close()


def _boot(
    folder: Path, port: int, admin: int, merged_every: str, routes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": routes
        or {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster_header": "x-cluster"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"name": "in", "address": _address(port), "filter_chains": [{"filters": filters}]}
    path = {"resource_api_version": "V3", "path_config_source": {"path": str(folder / "clusters.json")}}
    return {
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": _address(admin)},
        "stats_flush_interval": merged_every,
        "dynamic_resources": {"cds_config": path},
        "static_resources": {"listeners": [listener]},
    }


def _write_clusters(folder: Path, clusters: Mapping[str, int | None]) -> None:
    resources = [
        {
            "@type": f"{TYPE}.config.cluster.v3.Cluster",
            "name": name,
            "connect_timeout": "0.25s",
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}] if port else []}],
            },
        }
        for name, port in clusters.items()
    ]
    draft = folder / "clusters.draft"
    draft.write_text(json.dumps({"resources": resources}), encoding="utf-8")
    draft.replace(folder / "clusters.json")


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
