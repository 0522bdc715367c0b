"""States that nobody sets up on purpose: a reboot, another program on a port, another port in the file, another user, a file
that a power cut emptied, a symbolic link, a registry that forgot. What is refused has touched nothing."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
import requests

from deployment.shop import DEPLOYED, Shop
from modelway import processes
from modelway.config.sections import Local
from modelway.loopback import free_port, is_taken
from modelway.targets.folder_lease import LEASE
from modelway.targets.local.place import LocalPlace

DOWN = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}


@pytest.fixture
def stable(shop: Shop) -> Shop:
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    return shop


def reboot(shop: Shop) -> None:
    """All its processes are gone at once, and nobody had time to write anything."""
    for group in LocalPlace(shop.target, Local()).groups():
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while shop.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert shop.processes() == []


@contextlib.contextmanager
def another_program(port: int) -> Iterator[list[str]]:
    """It answers 200 to everything; the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    wait_until_free(port)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def wait_until_free(port: int) -> None:
    """A process that was killed listens for a moment longer."""
    deadline = time.monotonic() + 10
    while is_taken(port) and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize(
    "flags",
    [(), *(pytest.param(flags, marks=pytest.mark.long) for flags in (("--only-unfinished", "true"), ("--to", "")))],
)
def test_after_a_reboot_a_rollback_that_changes_nothing_puts_all_in_order(stable: Shop, flags: tuple[str, ...]) -> None:
    stable.deploy("again")
    stable.roll_back()
    reboot(stable)
    if flags[:1] == ("--to",):
        flags = ("--to", stable.versions["good"])
    assert "outcome=unchanged" in stable.roll_back(*flags)
    assert stable.serving() == stable.versions["good"]


@pytest.mark.long
def test_a_rollback_does_not_say_yes_where_the_model_cannot_be_started(stable: Shop) -> None:
    reboot(stable)
    slot = stable.deployed().current
    assert slot is not None
    model = Path(slot.model)
    model.rename(model.with_name("gone"))
    try:
        said = stable.roll_back("--only-unfinished", "true", code=4)
    finally:
        model.with_name("gone").rename(model)
    assert "ended before it was ready" in said


@pytest.mark.long
def test_another_program_on_a_replicas_port_is_no_replica(stable: Shop) -> None:
    """After a reboot it was there first: the release gets another port, and not one request goes to the other program."""
    (slot,) = stable.deployed().slots.values()
    reboot(stable)
    with another_program(slot.ports[0]) as asked:
        assert "already" in stable.deploy("good")
        assert stable.serving() == stable.versions["good"]
        answer = requests.post(
            f"http://127.0.0.1:{stable.port}/predict", json={"rows": [{"a": 0.1, "b": 0.2}]}, timeout=5
        )
        assert "predictions" in answer.json()
    assert asked == []
    (now,) = stable.deployed().slots.values()
    assert not set(now.ports) & set(slot.ports)


@pytest.mark.long
def test_another_program_on_the_port_of_a_replica_that_died(stable: Shop) -> None:
    (slot,) = stable.deployed().slots.values()
    stable.kill_replica(stable.versions["good"])
    with another_program(slot.ports[0]):
        stable.roll_back("--only-unfinished", "true")
        assert stable.serving() == stable.versions["good"]
        for _ in range(20):
            assert stable.serving() == stable.versions["good"]


@pytest.mark.long
def test_another_port_in_the_file_touches_nothing(stable: Shop) -> None:
    before, other = stable.processes(), free_port()
    with stable.traffic() as seen:
        time.sleep(0.5)
        stable.configure(other, strategy="all-at-once")
        said = stable.deploy("again", code=2)
        assert f"listens on port {stable.port}, and modelway.yml says {other}" in said
        said = stable.roll_back("--only-unfinished", "true")
        assert "it stays where it is" in said
    assert seen["failed"] == 0
    assert stable.processes() == before
    assert stable.serving() == stable.versions["good"]


@pytest.mark.long
def test_the_port_moves_as_the_error_says(stable: Shop) -> None:
    old, other = stable.port, free_port()
    stable.must("stop_deployment", 0)
    moved = replace(stable, port=other)
    moved.configure(other, strategy="all-at-once")
    moved.deploy("again")
    assert moved.serving() == stable.versions["again"]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{old}/health", timeout=2)


@pytest.mark.long
def test_a_refused_deployment_leaves_nothing_running_where_nothing_ran(stable: Shop) -> None:
    stable.must("stop_deployment", 0)
    stable.configure(stable.port)  # a canary, and no traffic to judge it by
    assert "got no request" in stable.deploy("again", code=3)
    assert stable.processes() == []
    assert "already" in stable.deploy("good")
    refused = stable.run(
        "deploy_model", "--environment", stable.environment, "--version", stable.versions["again"], *DEPLOYED
    )
    assert refused.returncode in (1, 3), "too little to judge by, or nothing"
    assert stable.serving() == stable.versions["good"], "what ran before runs on"


@pytest.mark.long
def test_a_refused_rollback_takes_the_target_from_nobody(stable: Shop) -> None:
    before = stable.deployed(), (stable.target / LEASE).read_bytes()
    said = stable.roll_back("--to", "999", code=1)
    assert "was never in" in said
    assert (stable.deployed(), (stable.target / LEASE).read_bytes()) == before


@pytest.mark.long
def test_the_version_before_is_another_version_not_another_build(stable: Shop) -> None:
    stable.deploy("again")
    again = stable.versions["again"]
    text = (stable.folder / "modelway.yml").read_text()
    (stable.folder / "modelway.yml").write_text(text.replace("at-least: 0.6", "at-least: 0.61"))
    stable.judged(again)
    done = stable.run("build_image", "--environment", "production", "--version", again)
    assert done.returncode == 0, done.stderr
    said = stable.deploy("again")
    assert "already" not in said, "it is another build"
    stable.roll_back()
    assert stable.serving() == stable.versions["good"]


def read_until(stream: IO[str], words: str) -> None:
    assert any(words in line for line in stream), f"it never said: {words}"


@pytest.mark.long
def test_a_registry_that_never_answers_holds_no_rollback_up(stable: Shop) -> None:
    """It accepts and is silent. The traffic is back long before that is over, and a second rollback waits for nothing."""
    stable.deploy("again")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        uri = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        first = subprocess.Popen(
            [stable.root / "scripts" / "run", "rollback_release", "--environment", stable.environment],
            cwd=stable.folder,
            env={**os.environ, "MODELWAY_STATE": str(stable.state), **uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert first.stdout is not None
        read_until(first.stdout, "telling the registry")
        assert stable.serving() == stable.versions["good"]
        second = stable.start("rollback_release", "--to", stable.versions["again"])
        assert second.stdout is not None
        read_until(second.stdout, "ending the rollout")
        assert first.poll() is None, "it waits for its registry, and nobody waits for it"
        second.communicate(timeout=120)
        first.communicate(timeout=120)
        assert second.returncode == 0 and first.returncode in (1, 4)
        assert stable.serving() == stable.versions["again"]
    stable.roll_back("--only-unfinished", "true")
    assert stable.aliases()[stable.environment] == int(stable.versions["again"])


@pytest.mark.long
def test_what_can_never_be_told_is_dropped_and_kept_on_the_record(stable: Shop) -> None:
    """Its version was deleted in MLflow before the registry could be told: that blocks no later deployment."""
    gone = stable.trained("good")
    stable.judged(gone)
    assert stable.run("build_image", "--environment", "production", "--version", gone).returncode == 0
    stable.must("deploy_model", 0, "--version", gone, *DEPLOYED)
    stable.deploy("again")
    stable.roll_back(code=4, **DOWN)
    stable.client.transport.api("DELETE", "model-versions/delete", {"name": stable.model, "version": gone})
    said = stable.deploy("good")
    assert "the history has a gap" in said
    assert f"version {gone} of {stable.model} was deleted in MLflow" in said
    assert stable.serving() == stable.versions["good"]
    assert stable.aliases()[stable.environment] == int(stable.versions["good"])
    (never,) = stable.deployed().never_announced
    assert (never.pending.kind, str(never.pending.version)) == ("rollback", gone)
    assert not stable.deployed().pending


@pytest.mark.long
def test_a_server_that_knows_nothing_of_the_model_is_a_mistake_not_a_deletion(
    stable: Shop, tmp_path: Path, root: Path
) -> None:
    stable.deploy("again")
    with another_registry(tmp_path, root) as uri:
        said = stable.roll_back(code=4, MLFLOW_TRACKING_URI=uri)
        assert "the registry was not told" in said
        stable.roll_back("--only-unfinished", "true", code=4, MLFLOW_TRACKING_URI=uri)
    assert len(stable.deployed().pending) == 1
    stable.roll_back("--only-unfinished", "true")
    assert stable.aliases()[stable.environment] == int(stable.versions["good"])


@contextlib.contextmanager
def another_registry(folder: Path, root: Path) -> Iterator[str]:
    subprocess.run(
        [root / "scripts" / "run", "start_registry", "--folder", folder / "r"], check=True, capture_output=True
    )
    try:
        yield json.loads((folder / "r" / "server.json").read_text())["uri"]
    finally:
        subprocess.run(
            [root / "scripts" / "run", "stop_registry", "--folder", folder / "r"], check=True, capture_output=True
        )


@pytest.mark.parametrize("content", [b"", *(pytest.param(cut, marks=pytest.mark.long) for cut in (b"{", b"\0" * 100))])
def test_a_lease_that_a_power_cut_emptied_blocks_nobody(stable: Shop, content: bytes) -> None:
    (stable.target / LEASE).write_bytes(content)
    stable.roll_back("--only-unfinished", "true")
    (stable.target / LEASE).write_bytes(content)
    assert "already" in stable.deploy("good")
    (stable.target / LEASE).write_bytes(content)
    assert "stopped=true" in stable.must("stop_deployment", 0)


@pytest.mark.long
def test_state_that_cannot_be_read_is_mended_as_the_error_says(stable: Shop) -> None:
    path = stable.target / "target.json"
    path.write_bytes(b"")
    for script, flags in (
        ("deploy_model", ("--version", stable.versions["again"], *DEPLOYED)),
        ("rollback_release", ()),
    ):
        said = stable.must(script, 2, *flags)
        assert f"{path}: is not what deploy-model writes" in said
    assert stable.serving() == stable.versions["good"]
    stable.must("stop_deployment", 0)
    path.rename(path.with_name("moved.json"))
    stable.deploy("again")
    assert stable.serving() == stable.versions["again"]


@pytest.mark.long
def test_a_folder_that_was_deleted_under_what_runs_begins_anew(stable: Shop) -> None:
    shutil.rmtree(stable.target)
    stable.deploy("again")
    assert stable.serving() == stable.versions["again"]


@pytest.mark.long
def test_state_that_is_reached_by_a_symbolic_link(stable: Shop, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(stable.target)
    linked = replace(stable, target=link)
    linked.configure(linked.port, strategy="all-at-once")
    assert "already" in linked.deploy("good")
    linked.deploy("again")
    assert linked.serving() == stable.versions["again"]
    assert "stopped=true" in linked.must("stop_deployment", 0)
    assert stable.processes() == []


@pytest.mark.long
def test_stopping_as_another_user_says_so_and_ends_nothing(stable: Shop) -> None:
    if os.geteuid():
        pytest.skip("NOT RUN: only root has processes of two users")
    before = stable.processes()
    said = as_nobody(lambda: LocalPlace(stable.target, Local()).stop())
    assert re.fullmatch(
        rf"{stable.target}: process \d+ of this target is user root's, so nothing was ended. Fix: .*", said
    )
    assert stable.processes() == before
    assert processes.owner(before[0]) == "root"


def as_nobody(work: object) -> str:
    """What it raised, as a line, in a process of the user that owns nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = "it raised nothing"
        try:
            os.setgid(65534)
            os.setuid(65534)
            work()  # type: ignore[operator]
        except BaseException as error:
            said = str(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as stream:
        return stream.read()
