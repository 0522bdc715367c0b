"""How a cluster is used: what cluster.json says."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import images
from cluster.plan import PROMETHEUS_NAMESPACE, Plan
from modelway.errors import InvalidInput

FILE = "cluster.json"
SETTINGS = {
    "MODELWAY_E2E_REGISTRY": "host:port of a registry that this machine can push to and the cluster can pull from",
    "MODELWAY_E2E_GATEWAY": "the address of its Gateway's HTTP listener, such as http://127.0.0.1:8080",
}
OPTIONAL = {
    "MODELWAY_E2E_PARENT": "the Gateway that routes name, as namespace/name; projectcontour/contour where it is not set",
    "MODELWAY_E2E_STATISTICS": "the address of the gateway's Envoy statistics, with its path",
    "MODELWAY_E2E_PROMETHEUS": "the address of a Prometheus",
}


@dataclass(frozen=True)
class Described:
    """kubeconfig: the administrator's. registry: host:port, the same for this machine and for the cluster's pulls;
    private_registry: another one, of build.oci_programs.USER and SECRET, or empty. gateway:
    what an HTTPRoute gives as parent, namespace/name. prometheus_service: namespace, name and port of its Service; empty where
    it has none. pids_file: the numbers of the cluster's processes by name; empty where they are not this machine's."""

    kubeconfig: str
    kubectl: str
    api_server: str
    registry: str
    base_image: str
    gateway: str
    gateway_url: str
    gateway_stats_url: str
    gateway_admin_url: str
    prometheus_url: str
    prometheus_service: dict[str, str]
    pids_file: str
    held_folder: str
    private_registry: str = ""

    @property
    def prometheus(self) -> str:
        """Its Service, as modelway.yml names one."""
        return "{namespace}/{name}:{port}".format(**self.prometheus_service)

    @classmethod
    def of(cls, plan: Plan, base_image: str) -> Described:
        return cls(
            kubeconfig=str(plan.kubeconfig),
            kubectl=str(plan.programs["kubectl"]),
            api_server=f"https://127.0.0.1:{plan.ports['api']}",
            registry=f"127.0.0.1:{plan.ports['registry']}",
            private_registry=f"127.0.0.1:{plan.ports['private-registry']}",
            base_image=base_image,
            gateway="projectcontour/contour",
            gateway_url=plan.url("gateway"),
            gateway_stats_url=f"{plan.url('statistics')}/stats/prometheus",
            gateway_admin_url=plan.url("admin"),
            prometheus_url=plan.url("prometheus"),
            prometheus_service={"namespace": PROMETHEUS_NAMESPACE, "name": "prometheus", "port": "9090"},
            pids_file=str(plan.pids),
            held_folder=str(plan.held),
        )

    def write(self, folder: Path) -> None:
        unfinished = folder / f"{FILE}.new"
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n")
        unfinished.replace(folder / FILE)


def read(folder: Path) -> Described:
    return Described(**json.loads((folder / FILE).read_text()))


def given(environ: Mapping[str, str]) -> Described:
    """The cluster of KUBECONFIG (kind, minikube, k3d, any), with what SETTINGS and OPTIONAL tell of it. Its base image is
    pushed to the registry. InvalidInput where one of SETTINGS is not set."""
    for name, what in SETTINGS.items():
        if not environ.get(name):
            raise InvalidInput(f"KUBECONFIG names a cluster, and {name} is not set", fix=f"set it to {what}")
    kubectl = shutil.which("kubectl") or ""
    if not kubectl:
        raise InvalidInput("kubectl is not on PATH", fix="install the cluster's version of it")
    registry = environ["MODELWAY_E2E_REGISTRY"]
    return Described(
        kubeconfig=str(Path(environ["KUBECONFIG"].split(os.pathsep)[0]).absolute()),
        kubectl=kubectl,
        api_server="",
        registry=registry,
        base_image=images.push_base(registry),
        gateway=environ.get("MODELWAY_E2E_PARENT") or "projectcontour/contour",
        gateway_url=environ["MODELWAY_E2E_GATEWAY"],
        gateway_stats_url=environ.get("MODELWAY_E2E_STATISTICS", ""),
        gateway_admin_url="",
        prometheus_url=environ.get("MODELWAY_E2E_PROMETHEUS", ""),
        prometheus_service={},
        pids_file="",
        held_folder="",
    )
