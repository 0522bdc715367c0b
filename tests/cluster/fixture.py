"""The cluster of tests/e2e: one for the whole run, started on first use, or a running one whose folder MODELWAY_E2E_CLUSTER
names."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster import described

RUN = Path(__file__).with_name("run.py")
START_SECONDS = 3000
"""With a first build of Kubernetes on a busy machine."""


class Cluster:
    """described: where everything is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.described = described.read(folder)

    @functools.cached_property
    def minor(self) -> int:
        """34 of Kubernetes 1.34."""
        said = json.loads(self.kubectl("version", "-o", "json"))["serverVersion"]["minor"]
        return int(said.rstrip("+"))

    @property
    def environ(self) -> dict[str, str]:
        """For a client: this cluster, and no proxy on the way to it."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**kept, "KUBECONFIG": self.described.kubeconfig}

    def kubectl(self, *arguments: str, content: str = "") -> str:
        """What it prints. AssertionError, with its error, where it fails."""
        done = self.try_kubectl(*arguments, content=content)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def try_kubectl(self, *arguments: str, content: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
        command = [self.described.kubectl, *arguments]
        return subprocess.run(
            command, input=content, env=self.environ, capture_output=True, text=True, timeout=seconds, check=False
        )

    def get(self, *arguments: str) -> Any:
        """An object, or a list of them, as the API has it."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, namespace: str, *objects: dict[str, Any]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", content=json.dumps(items))

    @contextlib.contextmanager
    def namespace(self) -> Iterator[str]:
        """A new one, which goes with all that is in it."""
        name = f"test-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def pids(self) -> dict[str, int]:
        """Of the cluster's processes by component, as this machine counts; a component that is dead is not there."""
        if not self.described.pids_file:
            pytest.skip("the processes of a given cluster are not this machine's")
        numbers: dict[str, int] = json.loads(Path(self.described.pids_file).read_text())
        return numbers

    def signal(self, component: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.pids()[component], number)

    @contextlib.contextmanager
    def dead(self, component: str) -> Iterator[None]:
        """Kill it; it is started again when this ends."""
        mark = Path(self.described.held_folder, component)
        mark.touch()
        try:
            self.signal(component)
            wait_until(lambda: component not in self.pids(), 10)
            yield
        finally:
            mark.unlink()

    @contextlib.contextmanager
    def stopped(self, component: str) -> Iterator[None]:
        """It neither answers nor dies."""
        self.signal(component, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(component, signal.SIGCONT)

    def wait_ready(self, seconds: float = 60) -> None:
        """Until the API server answers for every kind of object, which a new one does last for those of Gateway API."""
        wait_until(lambda: self.try_kubectl("get", "gateways", "-A").returncode == 0, seconds)


def wait_until(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def start(folder: Path, arguments: Sequence[str] = ()) -> subprocess.Popen[str]:
    """A cluster in the folder, ready. It ends with the process, and with the process's input."""
    process = subprocess.Popen(
        [sys.executable, str(RUN), "--folder", str(folder), "--until-input-ends", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    answered, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    if not answered or process.stdout.readline() != "ready\n":
        process.kill()
        raise AssertionError(f"the cluster did not start (exit code {process.wait()}); its logs are in {folder}/logs")
    return process


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if running := os.environ.get("MODELWAY_E2E_CLUSTER"):
        yield Cluster(Path(running))
        return
    folder = tmp_path_factory.mktemp("cluster")
    with start(folder) as process:
        yield Cluster(folder)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name
