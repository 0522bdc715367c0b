"""A cluster of the tests leaves nothing behind, whatever ends it; two of them live side by side."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import control_groups, fixture, plan
from cluster.fixture import Cluster, wait_until
from e2e import workloads
from e2e.machine import of_this_machine

pytestmark = pytest.mark.long

KINDS = ("pid", "mnt", "net")
WAYS = ("SIGTERM", "SIGKILL", "SIGKILL of the keeper")


@contextlib.contextmanager
def held_namespaces(process: int) -> Iterator[dict[str, int]]:
    """The numbers of those that a process is in, by kind. Held open: the kernel would give a free number to the next one."""
    with contextlib.ExitStack() as stack:
        files = {kind: stack.enter_context(Path(f"/proc/{process}/ns/{kind}").open("rb")) for kind in KINDS}
        yield {kind: os.fstat(file.fileno()).st_ino for kind, file in files.items()}


def in_namespaces(numbers: dict[str, int]) -> list[str]:
    """Every process that is in one of these."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any((folder / "ns" / kind).stat().st_ino == number for kind, number in numbers.items()):
                found.append(f"{folder.name} {(folder / 'comm').read_text().strip()}")
    return found


@pytest.mark.skipif(bool(os.environ.get("KUBECONFIG")), reason="the cluster is given")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left(way: str, machine: dict[str, object], cluster: Cluster, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack, fixture.start(tmp_path) as process:
        other = Cluster(tmp_path)
        with other.namespace() as namespace:
            other.apply(namespace, workloads.deployment("one", other.described.base_image, 1))
            other.kubectl("rollout", "status", "deployment/one", "-n", namespace, "--timeout=100s")
            assert of_this_machine() == machine, "while it runs"
        assert cluster.get("nodes")["items"], "the other cluster goes on"
        numbers = stack.enter_context(held_namespaces(other.pids()["etcd"]))
        assert len(in_namespaces(numbers)) > 10
        keeper = keeper_of(tmp_path)
        group = f"{control_groups.PREFIX}{keeper}"
        end(way, process, keeper)
        wait_until(lambda: not Path(f"/proc/{keeper}").exists(), 30)
        wait_until(lambda: in_namespaces(numbers) == [], 5)
    if way == "SIGKILL of the keeper":
        control_groups.sweep()  # as the next cluster does
    assert [place for place in control_groups.hierarchies() if (place / group).exists()] == []
    assert of_this_machine() == machine
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
    return plan.Plan(folder, {}, {}, "", 0).file


def end(way: str, process: subprocess.Popen[str], keeper: int) -> None:
    if way == "SIGTERM":
        process.terminate()
    elif way == "SIGKILL":
        process.kill()
    else:
        os.kill(keeper, signal.SIGKILL)
    code = process.wait(60)
    assert code == {"SIGTERM": 0, "SIGKILL": -signal.SIGKILL}.get(way, 4)


@pytest.mark.skipif(bool(os.environ.get("KUBECONFIG")), reason="the cluster is given")
def test_a_given_cluster_is_used(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of kind or minikube is: nothing is started, and nothing is ended."""
    known = cluster.described
    monkeypatch.setenv("KUBECONFIG", known.kubeconfig)
    monkeypatch.setenv("MODELWAY_E2E_REGISTRY", known.registry)
    monkeypatch.setenv("MODELWAY_E2E_GATEWAY", known.gateway_url)
    monkeypatch.setenv("PATH", str(Path(known.kubectl).parent), prepend=os.pathsep)
    with fixture.start(tmp_path) as process:
        given = Cluster(tmp_path)
        assert given.get("nodes")["items"] == cluster.get("nodes")["items"]
        assert given.described.base_image == known.base_image
        process.terminate()
        assert process.wait(30) == 0
    assert cluster.get("nodes")["items"]
