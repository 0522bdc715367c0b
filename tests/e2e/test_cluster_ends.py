"""A cluster of the tests leaves nothing behind, whatever ends it; two of them live side by side."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cluster import control_groups, fixture, namespaces, plan
from cluster.fixture import Cluster, wait_until
from e2e import workloads

KINDS = ("pid", "mnt", "net")
WAYS = ("input", "SIGTERM", "SIGKILL", "SIGKILL of the keeper")


def of_this_machine() -> dict[str, object]:
    """What a cluster could change of the machine: kernel settings, links, mounts, the folders of Kubernetes' programs."""
    settings = {name: Path("/proc/sys", name).read_text() for name in (*namespaces.KERNEL, "net/ipv4/ip_forward")}
    places = (
        "/var/lib/kubelet",
        "/var/lib/cni",
        "/var/log/pods",
        "/var/log/containers",
        "/run/containerd",
        "/run/netns",
    )
    there = [
        place for place in (*places, "/opt/containerd", "/opt/cni", "/usr/libexec/kubernetes") if Path(place).exists()
    ]
    links = sorted(link.name for link in Path("/sys/class/net").iterdir())
    return {**settings, "links": links, "places": there, "rules": rules()}


def rules() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def in_namespaces(numbers: dict[str, int]) -> list[int]:
    """Every process that is in one of these."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for kind, number in numbers.items():
            try:
                if (folder / "ns" / kind).stat().st_ino == number:
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


@pytest.mark.skipif(bool(os.environ.get("KUBECONFIG")), reason="the cluster is given")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left(way: str, cluster: Cluster, tmp_path: Path) -> None:
    before = of_this_machine()
    process = fixture.start(tmp_path)
    other = Cluster(tmp_path)
    with other.namespace() as namespace:
        other.apply(namespace, workloads.deployment("one", other.described.base_image, 1))
        other.kubectl("rollout", "status", "deployment/one", "-n", namespace, "--timeout=100s")
        assert of_this_machine() == before, "while it runs"
    assert cluster.get("nodes")["items"], "the other cluster goes on"
    inside = other.pids()["etcd"]
    numbers = {kind: Path(f"/proc/{inside}/ns/{kind}").stat().st_ino for kind in KINDS}
    keeper = keeper_of(tmp_path)
    group = f"{control_groups.PREFIX}{keeper}"
    end(way, process, keeper)
    wait_until(lambda: not Path(f"/proc/{keeper}").exists(), 30)
    wait_until(lambda: in_namespaces(numbers) == [], 5)
    if way == "SIGKILL of the keeper":
        control_groups.sweep()  # as the next cluster does
    assert [place for place in control_groups.hierarchies() if (place / group).exists()] == []
    assert of_this_machine() == before
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    if way != "SIGKILL of the keeper":
        assert not (tmp_path / "state").exists()


def keeper_of(folder: Path) -> int:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if len(words) > 2 and words[1].endswith(b"keeper.py") and words[2] == bytes(plan_file(folder)):
            return int(place.name)
    raise AssertionError("no keeper")


def plan_file(folder: Path) -> Path:
    return plan.Plan(folder, {}, {}, "").file


def end(way: str, process: subprocess.Popen[str], keeper: int) -> None:
    if way == "input":
        assert process.stdin is not None
        process.stdin.close()
    elif way == "SIGTERM":
        process.terminate()
    elif way == "SIGKILL":
        process.kill()
    else:
        os.kill(keeper, signal.SIGKILL)
    code = process.wait(60)
    assert code == {"input": 0, "SIGTERM": 0, "SIGKILL": -signal.SIGKILL}.get(way, 4)
