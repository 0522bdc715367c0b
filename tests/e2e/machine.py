"""What a cluster could change of the machine that it runs on."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cluster import namespaces, run

PLACES = (
    *("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers", "/run/containerd", "/run/netns"),
    *("/opt/containerd", "/opt/cni", "/usr/libexec/kubernetes"),
)


def of_this_machine() -> dict[str, object]:
    """Kernel settings, links, the rules of its firewall, and the folders where Kubernetes' programs write elsewhere."""
    settings = {name: Path("/proc/sys", name).read_text() for name in (*namespaces.KERNEL, "net/ipv4/ip_forward")}
    there = [place for place in PLACES if Path(place).exists()]
    links = sorted(link.name for link in Path("/sys/class/net").iterdir())
    return {**settings, "links": links, "places": there, "rules": rules()}


def rules() -> str:
    command = ["nft", "list", "ruleset"]
    return subprocess.run(command, env={"PATH": run.SYSTEM_PATH}, capture_output=True, text=True, check=True).stdout
