"""Start and end: flags, a model that cannot be served, SIGTERM under load, several workers and the death of one."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelway.serving.settings import read
from served import Serve, Served

SLOW = json.dumps({"x": 1.5, "n": 2, "i": 3, "f": 0.5, "name": "sleep 0.02"})


class Load:
    """Clients that ask again and again until the server takes no more connections. lost: requests that were sent on a
    connection and got no answer."""

    def __init__(self, port: int, clients: int, keep_alive: bool = True) -> None:
        self.port, self.keep_alive = port, keep_alive
        self.answers: list[int] = []
        self.lost: list[str] = []
        self.refused = 0
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _client(self) -> None:
        while True:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                client.connect()
            except ConnectionRefusedError:
                self.refused += 1
                return
            try:
                closed = False
                while not closed:
                    client.request("POST", "/predict", SLOW, {"content-type": "application/json"})
                    answer = client.getresponse()
                    answer.read()
                    self.answers.append(answer.status)
                    closed = answer.will_close or not self.keep_alive
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
            client.close()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["one worker", "two workers"])
def test_no_request_is_lost_at_the_end(serve: Serve, flags: tuple[str, ...]) -> None:
    with serve("told", *flags) as server:
        server.session.close()
        loads = Load(server.port, 6), Load(server.port, 2, keep_alive=False)
        time.sleep(0.5)
        assert server.stop() == 0
        for load in loads:
            load.join()
            assert load.lost == [] and load.answers and set(load.answers) == {200}
        assert sum(load.refused for load in loads) == 8


def test_what_takes_too_long_is_cut_off_at_the_limit_and_the_exit_is_clean(serve: Serve) -> None:
    with serve("told", "--stop-seconds", "0.5") as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        client.request("POST", "/predict", SLOW.replace("0.02", "20"), {"content-type": "application/json"})
        time.sleep(0.2)
        assert server.stop() == 0
        with pytest.raises((OSError, http.client.HTTPException)):
            client.getresponse()
        assert "1 connections were cut off" in server.said()


def test_it_is_not_ready_while_it_stops(serve: Serve) -> None:
    with serve("told") as server:
        with server.raw() as client, server.raw() as busy:
            busy.sendall(
                b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                % len(SLOW)
            )
            client.sendall(b"GET /ready HTTP/1.1\r\nhost: a\r\n")
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            client.sendall(b"\r\n")
            said = client.recv(65536)
            assert b" 503 " in said and b"connection: close" in said
            busy.sendall(SLOW.encode())
            said = busy.recv(65536)
            assert b" 200 " in said and b"connection: close" in said
        assert server.process.wait(10) == 0


def test_a_worker_that_dies_is_replaced_and_its_counts_stay(serve: Serve, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text("")
    with serve("gated", "--workers", "2", environ={"GATE": str(gate)}) as server:
        for _ in range(10):
            server.session.close()  # a new connection each time
            assert server.post("/predict", {"x": 1}).status_code == 200
        assert server.metric("modelway_workers_ready") == 2
        for died, worker in enumerate(workers_of(server), 1):
            gate.unlink()  # the new one is loaded when we say so
            server.session.close()
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda died=died: server.metric("modelway_worker_restarts_total") == died)
            wait_until(lambda: len(workers_of(server)) == 2)
            for _ in range(100):  # meanwhile the other one answers
                server.session.close()
                assert server.get("/ready").status_code == 200
            assert server.metric("modelway_workers_ready") == 1
            gate.write_text("")
            wait_until(lambda: server.metric("modelway_workers_ready") == 2)
        assert server.metric("modelway_prediction_score_count") == 10
        assert server.stop() == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(server.process.pid, 0)


@pytest.mark.long
def test_who_has_connected_before_the_end_is_served(serve: Serve) -> None:
    with serve("told", "--workers", "2") as server:
        server.session.close()
        workers = workers_of(server)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)  # so that nobody accepts
        clients = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(12)]
        for client in clients:
            client.request("POST", "/predict", SLOW, {"content-type": "application/json"})
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
        answers = [client.getresponse() for client in clients]
        assert [answer.status for answer in answers] == [200] * 12 and all(answer.read() for answer in answers)
        for client in clients:
            client.close()
        assert server.process.wait(20) == 0


@pytest.mark.long
def test_workers_end_with_a_supervisor_that_is_killed(serve: Serve) -> None:
    with serve("told", "--workers", "2") as server:
        workers = workers_of(server)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["one worker", "two workers"])
def test_a_model_that_cannot_be_loaded_ends_the_server(start: Callable[..., Served], flags: tuple[str, ...]) -> None:
    server = start("no-such-model", *flags)
    assert server.process.wait(60) == 1
    assert "error: the model cannot be served: " in server.said()


def test_it_lives_before_it_is_ready(start: Callable[..., Served], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = start("gated", environ={"GATE": str(gate)})
    try:
        wait_until(lambda: server.get("/health").status_code == 200)
        assert server.get("/ready").status_code == server.post("/predict", {"x": 1}).status_code == 503
        gate.write_text("")
        assert server.wait().post("/predict", {"x": 1}).json()["predictions"] == [2.0]
        assert server.post("/invocations", {"inputs": {"x": [1, 2]}}).json() == {
            "predictions": [{"x": 2.0}, {"x": 4.0}]
        }
        assert server.stop() == 0
    finally:
        server.process.kill()
        server.process.wait()
        server.session.close()


def test_a_model_that_fails_on_its_own_example_ends_the_server(start: Callable[..., Served], tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("raise")
    server = start("gated", environ={"GATE": str(tmp_path / "gate")})
    assert server.process.wait(60) == 1
    assert "not even its own example" in server.said().splitlines()[-1]


def test_without_its_example_a_model_is_proven_by_its_first_request(
    serve: Serve, folder: Path, expected: dict[str, Any]
) -> None:
    """An image has no example: it is rows of the training data."""
    shutil.copytree(folder / "boosting", folder / "bereft")
    for name in ("input_example.json", "serving_input_example.json"):
        (folder / "bereft" / name).unlink()
    with serve("bereft") as server:
        said = [server.post("/predict", {"rows": expected["rows"]}).json()["predictions"] for _ in range(3)]
        assert said == [expected["boosting"]] * 3
        assert "past pyfunc's check" in server.said()


def test_a_replica_that_nobody_warms_up_is_warm_when_it_is_ready(serve: Serve) -> None:
    """Its times are steady by then; those of a slow model are so at once, and it is asked no more than needed."""
    with serve("cold") as cold, serve("slow") as slow:
        asked = cold.post("/predict", {"name": "a"}).json()["predictions"][0]
        assert asked > 25 + 20, "a round at least after the slow ones"
        assert slow.post("/predict", {"name": "a"}).json()["predictions"][0] <= 1 + 5 * 20 + 1
        assert "warm: a prediction takes " in cold.said()


def test_what_a_model_lacks_is_found_before_it_is_ready(start: Callable[..., Served], serve: Serve) -> None:
    server = start("lazy")
    assert server.process.wait(60) == 1
    assert "No module named 'no_such_package'" in server.said().splitlines()[-1]
    with serve("picky") as other:
        assert other.post("/predict", {"name": "a"}).json()["predictions"] == [1.0]
        assert "takes no row of empty values: SystemExit" in other.said()


@pytest.mark.parametrize(
    ("flags", "environ", "says"),
    [
        (("--port", "99999"), {}, "--port"),
        (("--no-such-flag",), {}, "--no-such-flag"),
        (("train",), {}, "choose from"),
        (("--stop-seconds", "nan"), {}, "--stop-seconds"),
        (("--release", "/no/such/file"), {}, "/no/such/file"),
        ((), {"MODELWAY_WORKERS": "many"}, "--workers"),
        ((), {"MODELWAY_BATCHING": "maybe"}, "MODELWAY_BATCHING"),
    ],
)
def test_a_wrong_flag_is_2_and_says_which(
    start: Callable[..., Served], flags: tuple[str, ...], environ: dict[str, str], says: str
) -> None:
    server = start("told", *flags, environ=environ)
    assert server.process.wait(60) == 2
    assert says in server.said().splitlines()[-1] and "Traceback" not in server.said()


def test_a_port_in_use_is_2_and_says_so(start: Callable[..., Served], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start("told", "--port", str(taken.getsockname()[1]))
        assert server.process.wait(60) == 2
        assert "cannot listen on 127.0.0.1" in server.said()


def workers_of(server: Served) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except OSError:  # requests' errors are: the connection was to the worker that died
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_access_log_has_a_line_of_json_for_each_answer(serve: Serve) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with serve("told", "--access-log") as server:
        server.get("/no\u00e9?secret=1")
        headers = {"x-request-id": "abc-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        address = f"http://127.0.0.1:{server.port}/predict"
        said = server.session.post(address, SLOW, headers=headers | {"content-type": "application/json"})
        assert said.headers["x-request-id"] == "abc-1"
        failed = server.session.post(address, SLOW.replace("sleep 0.02", "raise"), headers=headers)
        assert failed.json()["id"] == "abc-1" and f"abc-1 trace {trace}" in server.said()
        forged = server.session.post(address, b"{}", headers={"x-request-id": 'a"b', "traceparent": "00-" + "0" * 55})
        assert "x-request-id" not in forged.headers
        with server.raw() as client:
            client.sendall(b"nonsense\r\n\r\n")
            client.recv(65536)
        lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
        lines = [line for line in lines if line["path"] != "/ready"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/no%C3%A9", 404),
        ("POST", "/predict", 200),
        ("POST", "/predict", 500),
        ("POST", "/predict", 400),
        ("", "", 400),
    ]
    asked = lines[1]
    assert (asked["request_id"], asked["trace_id"], asked["client"]) == ("abc-1", trace, "127.0.0.1")
    assert asked["bytes_in"] == len(SLOW) and asked["seconds"] >= 0.02 and asked["bytes_out"] == len(said.content)
    assert not {"request_id", "trace_id"} & (lines[0].keys() | lines[3].keys())


def test_without_the_switch_nothing_is_logged_of_a_request(told: Served) -> None:
    told.get("/health")
    assert "/health" not in told.said()


def test_what_platforms_set_is_heeded_and_modelways_own_comes_first() -> None:
    def chosen(*flags: str, **environ: str) -> tuple[int, int]:
        settings = read(flags, environ)
        return settings.port, settings.workers

    assert chosen(PORT="9000", WEB_CONCURRENCY="3") == (9000, 3)
    assert chosen(PORT="9000", MODELWAY_PORT="9001", WEB_CONCURRENCY="", MODELWAY_WORKERS="2") == (9001, 2)
    assert chosen("--port", "9002", PORT="9000") == (9002, 1)
    assert chosen("--port", "9002", "serve") == (9002, 1), "SageMaker's word"


@pytest.mark.long
def test_the_process_is_measured_and_all_workers_are_added_up(serve: Serve) -> None:
    with serve("told", "--workers", "2") as server:
        wait_until(lambda: server.metric("process_resident_memory_bytes") > 2 * 50e6)
        before = server.metric("process_cpu_seconds_total")
        assert 0.5 < before < 1000 and abs(server.metric("process_start_time_seconds") - time.time()) < 1000
        assert server.metric("process_open_fds") >= 10 and server.metric("modelway_connections_open") >= 1
        assert server.metric("process_max_fds") >= server.metric("process_open_fds")

        os.kill(workers_of(server)[0], signal.SIGKILL)
        wait_until(lambda: server.metric("modelway_worker_restarts_total") == 1)
        assert server.metric("process_cpu_seconds_total") >= before


def test_what_waits_is_told(serve: Serve) -> None:
    with serve("told") as server, server.raw() as client, server.raw() as other:
        slow = SLOW.replace("0.02", "1").encode()
        asked = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        for one in (client, other):
            one.sendall(asked % len(slow) + slow)
        wait_until(lambda: server.metric("modelway_requests_waiting") == 2)
        assert server.metric("modelway_body_bytes_held") == 2 * len(slow)
        wait_until(lambda: server.metric("modelway_requests_waiting") == 0)
