"""The guardian against what a real API server does not show on demand: silence, garbage, 500, a token that has run out, an
answer that is lost. All else is tested on a real one."""

from __future__ import annotations

import ast
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from listening import certificate as self_signed
from modelway.targets.kubernetes import guard

LEASE = "/apis/coordination.k8s.io/v1/namespaces/models/leases/flight-delay"
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes/flight-delay"
BACK, FENCE = "modelway.dev/back", "modelway.dev/fence"
Say = Callable[["Answering"], bool]
"""What happens to one request instead of an answer; False: it is answered."""


class Answering(http.server.BaseHTTPRequestHandler):
    state: State

    def do(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        for fault in list(self.state.faults):
            if fault(self):
                return
        self.answer(*self.state.act(self.command, self.path.partition("?")[0], self.body))

    do_GET = do_PUT = do_PATCH = do  # noqa: N815 - the names that the server looks for

    def answer(self, status: int, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def cut(self) -> None:
        self.connection.close()
        self.rfile.close()
        self.wfile = open(os.devnull, "wb")  # noqa: SIM115 - what the server flushes afterwards

    def log_message(self, *arguments: object) -> None:
        pass


@dataclass
class State:
    lease: dict[str, Any] | None
    route: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    faults: list[Say] = field(default_factory=list)
    patches: list[Any] = field(default_factory=list)

    def act(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if path == ROUTE:
            if method == "PATCH":
                self.patches.append(json.loads(body))
                notes = self.route["metadata"]["annotations"]
                notes.pop(BACK)
                notes[FENCE] = self.patches[-1][-1]["value"]
            return 200, self.route
        if self.lease is None:
            return 404, {"kind": "Status", "code": 404, "details": {"name": "flight-delay", "kind": "leases"}}
        if method == "PUT":
            sent = json.loads(body)
            if sent["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
                return 409, {"kind": "Status", "code": 409, "reason": "Conflict"}
            sent["metadata"]["resourceVersion"] = str(int(sent["metadata"]["resourceVersion"]) + 1)
            self.lease = sent
        return 200, self.lease


@dataclass
class Guardian:
    state: State
    folder: Path
    process: subprocess.Popen[str]

    def ends(self, seconds: float = 20) -> str:
        """All that it said. It has ended well."""
        said, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, said
        return said


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("account")
    self_signed(folder, "IP:127.0.0.1,IP:::1", ("ca.crt", "key"))
    (folder / "token").write_text("first")
    return folder


def lease(holder: str = "a runner", seconds: float = 0.4) -> dict[str, Any]:
    metadata = {"name": "flight-delay", "resourceVersion": "7", "annotations": {"modelway.dev/nonce": "n"}}
    return {"metadata": metadata, "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds}}


def route() -> dict[str, Any]:
    ops = [{"op": "replace", "path": "/spec/rules/0/backendRefs", "value": [{"name": "flight-delay", "weight": 1}]}]
    return {"metadata": {"name": "flight-delay", "annotations": {BACK: json.dumps(ops), FENCE: "n"}}, "spec": {}}


@pytest.fixture
def start(certificate: Path, tmp_path: Path) -> Iterator[Callable[..., Guardian]]:
    ended: list[Callable[[], object]] = []

    def begin(state: State, host: str = "127.0.0.1", python: str = sys.executable) -> Guardian:
        handler = type("Handler", (Answering,), {"state": state})

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        server = Server((host, 0), handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "ca.crt", certificate / "key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        folder = tmp_path / "account"
        shutil.copytree(certificate, folder, dirs_exist_ok=True)
        environ = {
            "MODELWAY_ACCOUNT": str(folder),
            "MODELWAY_NAMESPACE": "models",
            "MODELWAY_LEASE": "flight-delay",
            "MODELWAY_OBJECTS": ROUTE,
            "MODELWAY_POLL_SECONDS": "0.1",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": str(server.server_address[1]),
        }
        program = [python, "-I", "-c", guard.source()]
        process = subprocess.Popen(program, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ended.extend((process.kill, process.communicate, server.shutdown, server.server_close))
        return Guardian(state, folder, process)

    yield begin
    for end in ended:
        end()


def wait_for_requests(state: State, number: int) -> None:
    deadline = time.monotonic() + 10
    while len(state.asked) < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_back(state: State) -> bool:
    return BACK not in state.route["metadata"]["annotations"] and not (state.lease or {})["spec"]["holderIdentity"]


def once(state: State, method: str, fault: Say) -> None:
    """What happens to the next request of the method."""

    def strike(request: Answering) -> bool:
        if request.command != method or strike not in state.faults:
            return False
        state.faults.remove(strike)
        return fault(request)

    state.faults.append(strike)


def test_the_way_back_is_applied_with_its_tests_and_the_lease_given_back(start: Callable[..., Guardian]) -> None:
    guardian = start(State(lease(), route()))
    said = guardian.ends()
    assert is_back(guardian.state)
    (patch,) = guardian.state.patches
    nonce = (guardian.state.lease or {})["metadata"]["annotations"]["modelway.dev/nonce"]
    place = "/metadata/annotations/modelway.dev~1"
    assert patch == [
        {"op": "test", "path": f"{place}back", "value": route()["metadata"]["annotations"][BACK]},
        {"op": "test", "path": f"{place}fence", "value": "n"},
        {"op": "replace", "path": "/spec/rules/0/backendRefs", "value": [{"name": "flight-delay", "weight": 1}]},
        {"op": "remove", "path": f"{place}back"},
        {"op": "add", "path": f"{place}fence", "value": nonce},
    ]
    assert [line.partition(" ")[2] for line in said.splitlines()][1:] == [
        f"the lease was silent for {said.split('silent for ')[1].split(' s')[0]} s: taken over",
        "the way back is written",
        "traffic is on stable; the lease is given back",
    ]


@pytest.mark.parametrize(
    "fault",
    [
        lambda request: request.answer(500, {"kind": "Status", "message": "etcdserver: request timed out"}) or True,
        lambda request: request.answer(200, b"<html>a proxy</html>") or True,
        lambda request: request.answer(200, b"[]") or True,
        lambda request: request.answer(200, b"{}") or True,
        lambda request: request.answer(404, {"kind": "Status", "message": "the server could not find it"}) or True,
        lambda request: request.cut() or True,
    ],
    ids=["500", "html", "list", "empty", "404 of the path", "cut"],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_no_answer_stops_it(start: Callable[..., Guardian], fault: Say, method: str) -> None:
    """Each kind of request fails twice in this way, and what it does in the end is the same."""
    state = State(lease(), route())
    for _ in range(2):
        once(state, method, fault)
    guardian = start(state)
    said = guardian.ends()
    assert is_back(state) and not state.faults
    assert len(state.patches) == 1
    assert "trying again" in said or state.asked.count(f"PATCH {ROUTE}") == 3, "a write is believed when it was read"


def test_a_lost_answer_to_its_own_taking_is_found_by_reading(start: Callable[..., Guardian]) -> None:
    """The PUT was done, its answer never came: the lease is its own, and nobody waits for its duration again."""
    state = State(lease(seconds=3), route())

    def lost(request: Answering) -> bool:
        state.act("PUT", LEASE, request.body)
        request.cut()
        return True

    once(state, "PUT", lost)
    said = start(state).ends()
    assert is_back(state) and "taken over" not in said


def test_a_server_that_hangs_is_left_after_five_seconds(start: Callable[..., Guardian]) -> None:
    state = State(lease(), route())
    released = threading.Event()

    once(state, "GET", lambda request: released.wait(30) or True)
    guardian = start(state)
    said = guardian.ends()
    released.set()
    assert is_back(state)
    assert "TimeoutError: no answer within 5 s" in said or "timed out" in said


def test_a_server_that_drips_is_left_too(start: Callable[..., Guardian]) -> None:
    """A byte every second keeps any time-out of a socket away."""
    state = State(lease(), route())
    ended = threading.Event()

    def drip(request: Answering) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        for _ in range(60):
            if ended.wait(0.5):
                break
            try:
                request.wfile.write(b" ")
            except OSError:
                break
        return True

    once(state, "GET", drip)
    said = start(state).ends()
    ended.set()
    assert is_back(state) and "no answer within 5 s" in said


def test_the_token_is_read_anew(start: Callable[..., Guardian]) -> None:
    state = State(lease(), route())
    state.faults.append(
        lambda request: (
            request.headers["Authorization"] != "Bearer second"
            and (request.answer(401, {"kind": "Status", "message": "Unauthorized"}) or True)
        )
    )
    guardian = start(state)
    wait_for_requests(state, 3)
    (guardian.folder / "token").write_text("second\n")
    said = guardian.ends()
    assert is_back(state)
    assert said.count("401 Unauthorized") == 1, "each problem is told once"


def test_who_could_not_be_heard_is_not_silent(start: Callable[..., Guardian]) -> None:
    """Five seconds without an answer, at a duration of three: nobody could renew the lease either, and the runner does as soon
    as it can."""
    state = State(lease(seconds=3), route())
    dead = threading.Event()
    state.faults.append(lambda request: dead.is_set() and (request.answer(503, {"message": "starting"}) or True))
    guardian = start(state)
    wait_for_requests(state, 3)
    dead.set()
    time.sleep(5)
    dead.clear()
    time.sleep(1.5)
    assert "PUT" not in " ".join(state.asked)
    (state.lease or {})["metadata"]["resourceVersion"] = "8"
    time.sleep(2)
    assert "PUT" not in " ".join(state.asked)
    assert guardian.process.poll() is None
    guardian.ends()
    assert is_back(state)


def test_a_request_to_end_is_no_success(start: Callable[..., Guardian]) -> None:
    """The node is drained: the Job must start it elsewhere."""
    guardian = start(State(lease(seconds=60), route()))
    wait_for_requests(guardian.state, 1)
    guardian.process.send_signal(signal.SIGTERM)
    guardian.process.communicate(timeout=5)
    assert guardian.process.returncode == 143
    assert guardian.state.patches == []


def test_a_server_of_the_other_internet(start: Callable[..., Guardian]) -> None:
    state = State(lease(), route())
    start(state, host="::1").ends()
    assert is_back(state)


def test_it_is_one_file_for_any_python_from_3_9() -> None:
    """The release's image has the team's Python, and nothing of ours where that python looks."""
    tree = ast.parse(guard.source(), feature_version=(3, 9))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    outside = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} - {"__future__", "typing"}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names and not outside
    assert len(guard.source()) < 65_536, "it is an argument of the pod's command"
