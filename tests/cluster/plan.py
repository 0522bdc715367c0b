"""What one cluster is made of: its folder, its programs and its ports; and the fixed addresses inside its network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

NODE = "node"
NODE_ADDRESS = "192.168.77.1"
POD_RANGE = "10.88.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
RUN = Path("/run")
"""A memory file system of the cluster's own: sockets, etcd, Prometheus' samples."""
ENVOY_PORT = 8080
"""Where Contour has Envoy listen for the port 80 of a Gateway."""
PORT_NAMES = ("api", "registry", "private-registry", "gateway", "statistics", "admin", "prometheus")
PROMETHEUS_NAMESPACE = "monitoring"


@dataclass(frozen=True)
class Plan:
    """folder: everything that the cluster writes to a disk. programs: by name. ports: by PORT_NAMES, of 127.0.0.1, the same
    outside of the cluster's network and (but for the gateway's) inside. token: the administrator's. minor: 34 of
    Kubernetes 1.34."""

    folder: Path
    programs: Mapping[str, Path]
    ports: Mapping[str, int]
    token: str
    minor: int

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def held(self) -> Path:
        """A component with a file of its name in here stays dead once it has died."""
        return self.folder / "held"

    @property
    def pids(self) -> Path:
        return self.folder / "pids.json"

    @property
    def file(self) -> Path:
        return self.folder / "plan.json"

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"

    def write(self) -> None:
        self.file.touch(mode=0o600)
        self.file.write_text(json.dumps(asdict(self), default=str))


def read(file: Path) -> Plan:
    content = json.loads(file.read_text())
    programs = {name: Path(path) for name, path in content["programs"].items()}
    return Plan(Path(content["folder"]), programs, content["ports"], content["token"], content["minor"])
