"""How requests were answered, counted by a server itself: every way to an answer, once; added in any order."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import os
import signal
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cluster.fixture import wait_until
from modelway.monitoring.asked_requests import AskedRequests, added_requests
from modelway.serving.cells import MOST_MINUTES
from modelway.serving.messages import LARGE_BYTES, HttpRequest
from modelway.serving.metrics import SECONDS
from modelway.serving.request_minutes import ENDS, RequestMinutes, memory
from served import Serve, Served

TOKEN = "a token that is long enough"
COUNTING = ("--sketches-token-sha256", hashlib.sha256(TOKEN.encode()).hexdigest())
NOON = 1_795_780_800.0
PREDICT = HttpRequest("POST", "/predict", "", b"")
ROW = {"x": 1.5, "n": 2, "i": 3, "f": 0.5}
Event = tuple[int, int, int, float | None]
"""Replica, seconds since NOON, status, seconds until the answer."""
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 600),
        st.sampled_from([200, 400, 405, 408, 413, 422, 500, 501, 503, 505]),
        st.none() | st.sampled_from(SECONDS) | st.floats(0, 100),
    ),
    max_size=60,
)


class Clock:
    at = NOON

    def __call__(self) -> float:
        return self.at


def told(server: Served, path: str = "/sketches") -> Any:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answer = requests.post(
        f"http://127.0.0.1:{server.port}{path}",
        json={"tell": "requests", "to": soon},
        headers={"x-modelway-token": TOKEN},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json()


def counts(server: Served) -> tuple[int, int, int, int]:
    """answered, refused, failed, timed."""
    said = told(server)
    return said["answered"], said["refused"], said["failed"], sum(said["took"].values())


@given(EVENTS, st.lists(st.integers(0, 11), max_size=4), st.randoms())
def test_replicas_and_windows_are_added_in_any_order_to_the_same_bytes(
    events: list[Event], cuts: list[int], chance: Any
) -> None:
    clock, shared = Clock(), memory(2)
    workers = [RequestMinutes(shared, slot, clock) for slot in range(2)]
    replicas = [*workers, RequestMinutes(memory(1), 0, clock)]
    for replica, second, status, seconds in sorted(events, key=lambda event: event[1]):
        clock.at = NOON + second
        replicas[replica].count(PREDICT, status, seconds)
    ends = [0.0, *(NOON + 60 * minute for minute in sorted(cuts)), NOON + 6000]
    parts = [
        msgspec.json.decode(one.told(begin, end), type=AskedRequests)
        for one in (workers[0], replicas[2])
        for begin, end in pairwise(ends)
    ]
    in_order = msgspec.json.encode(added_requests(parts))
    chance.shuffle(parts)
    assert msgspec.json.encode(added_requests(parts)) == in_order
    assert workers[1].told(0, NOON + 6000) == workers[0].told(0, NOON + 6000), "each tells of both"
    kinds = Counter(
        "failed" if status in (500, 503) else "refused" if status >= 400 else "answered" for _, _, status, _ in events
    )
    took = Counter(ENDS[bisect_left(SECONDS, seconds)] for *_, seconds in events if seconds is not None)
    found = json.loads(in_order)
    assert {name: found[name] for name in ("answered", "refused", "failed")} == {
        name: kinds[name] for name in ("answered", "refused", "failed")
    }
    assert found["took"] == {bound: took[bound] for bound in ENDS}


def test_a_day_is_kept_and_an_old_minute_is_not_counted_as_a_new_one() -> None:
    clock, shared = Clock(), memory(1)
    minutes = RequestMinutes(shared, 0, clock)
    minutes.count(PREDICT, 200, 0.1)
    clock.at += 60 * (MOST_MINUTES - 1)
    minutes.count(PREDICT, 200, 0.1)
    assert json.loads(minutes.told(0, clock.at + 60))["answered"] == 2
    clock.at += 60
    minutes.count(PREDICT, 500, None)
    said = json.loads(minutes.told(0, clock.at + 60))
    assert (said["answered"], said["failed"]) == (1, 1), "the place of the first is the third's now"
    assert len(shared) < 1 << 18


def test_only_what_clients_ask_the_model_is_counted() -> None:
    minutes = RequestMinutes(memory(1), 0, Clock())
    for path in ("/health", "/sketches", "/", "/predict/", "other"):
        minutes.count(HttpRequest("POST", path, "", b""), 200, 0.1)
    minutes.count(HttpRequest("POST", "/predict", "", b"", tested=True), 500, 0.1)
    minutes.count(HttpRequest("POST", "/predict", "", b"", sampled=True), 500, 0.1)
    minutes.count(HttpRequest("POST", "/invocations", "", b""), 200, 0.1)
    said = json.loads(minutes.told(0, NOON + 60))
    assert (said["answered"], said["refused"], said["failed"]) == (1, 0, 0)


def test_every_way_to_an_answer_is_counted_once(serve: Serve) -> None:
    flags = ("--max-body-bytes", "80000", "--max-rows", "1000", "--body-seconds", "3", "--max-held-bytes", "90000")
    head = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    with serve("told", *flags, "--max-waiting", "12", *COUNTING) as server:
        assert counts(server) == (0, 0, 0, 0)
        seen = [0, 0, 0, 0]

        def grown(*by: int) -> None:
            nonlocal seen
            now = list(counts(server))
            assert [new - old for new, old in zip(now, seen, strict=True)] == list(by)
            seen = now

        assert server.post("/predict", ROW).status_code == 200
        assert server.post("/invocations", {"dataframe_records": [ROW]}).status_code == 200
        grown(2, 0, 0, 2)
        large = {"rows": [ROW] * 900}
        assert len(json.dumps(large)) > LARGE_BYTES
        assert server.post("/predict", large).status_code == 200, "read and written beside the event loop"
        grown(1, 0, 0, 1)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            blocked = pool.submit(server.post, "/predict", ROW | {"name": "sleep 0.3"})
            answers = list(pool.map(lambda _: server.post("/predict", ROW), range(7)))
            assert {answer.status_code for answer in [*answers, blocked.result()]} == {200}
        grown(8, 0, 0, 8)
        slow = {bound: n for bound, n in told(server)["took"].items() if float(bound) > 0.25}
        assert sum(slow.values()) >= 1
        refused = [(ROW | {"x": "1"}, 400), ({}, 400), ({"rows": [ROW] * 1001}, 413)]
        for body, status in refused:
            assert server.post("/predict", body).status_code == status
        assert server.post("/predict", b"{}", "text/plain").status_code == 415
        assert server.get("/predict").status_code == 405
        grown(0, 5, 0, 5)
        for whole, status in (
            (head + b"content-length: 80001\r\n\r\n", b"413"),
            (head + b"content-length: 10\r\n\r\n{", b"408"),
            (head + b"transfer-encoding: gzip\r\n\r\n", b"501"),
        ):
            with server.raw() as client:
                client.sendall(whole)
                assert client.recv(65536).split()[1] == status
        grown(0, 3, 0, 0)
        for name in ("raise", "nan", "exit"):
            assert server.post("/predict", ROW | {"name": name}).status_code == 500
        grown(0, 0, 3, 3)
        with server.raw() as one, server.raw() as other:
            one.sendall(head + b"content-length: 70000\r\n\r\n" + b" " * 60_000)
            wait_until(lambda: server.metric("modelway_body_bytes_held") >= 60_000, 10)
            other.sendall(head + b"content-length: 70000\r\n\r\n")
            assert other.recv(65536).split()[1] == b"503"
        grown(0, 0, 1, 0)
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            overload = list(pool.map(lambda _: server.post("/predict", ROW | {"name": "sleep 0.3"}), range(40)))
        said = Counter(answer.status_code for answer in overload)
        assert said[503] and said.keys() <= {200, 408, 503}
        # 408: where the machine is busy, a client may be too slow with its body
        grown(said[200], said[408], said[503], 40 - said[408])
        for path in ("/ready", "/metrics", "/nothing"):
            server.get(path)
        for foreign in ("x-modelway-tester", "x-modelway-sample"):
            requests.post(f"http://127.0.0.1:{server.port}/predict", json=ROW, headers={foreign: "1"}, timeout=30)
        grown(0, 0, 0, 0)


def test_what_is_asked_before_the_model_is_loaded_has_failed(start: Callable[..., Served], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = start("gated", *COUNTING, environ={"GATE": str(gate)})
    try:

        def answers() -> bool:
            with contextlib.suppress(requests.ConnectionError):
                return server.post("/predict", {"x": 1}).status_code == 503
            return False

        wait_until(answers, 60)
        gate.write_text("")
        server.wait()
        assert server.post("/predict", {"x": 1}).status_code == 200
        answered, refused, failed, _ = counts(server)
        assert (answered, refused) == (1, 0) and failed >= 1
    finally:
        server.stop()


@pytest.mark.long
def test_workers_count_together_and_one_that_dies_takes_no_count_with_it(serve: Serve, tmp_path: Path) -> None:
    with serve("told", "--workers", "2", *COUNTING) as server:
        for _ in range(20):
            server.session.close()  # a new connection each time
            assert server.post("/predict", ROW).status_code == 200
        pid = server.process.pid
        for died, worker in enumerate(Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), 1):
            server.session.close()
            os.kill(int(worker), signal.SIGKILL)
            wait_until(lambda died=died: server.metric("modelway_worker_restarts_total") == died, 30)
            wait_until(lambda: server.metric("modelway_workers_ready") == 2, 60)
        assert counts(server) == (20, 0, 0, 20)


@pytest.mark.long
def test_a_model_whose_rows_have_no_columns_counts_requests_all_the_same(serve: Serve) -> None:
    with serve("bare", *COUNTING) as server:
        assert server.post("/predict", {"x": 2, "y": 1}).status_code == 200
        assert server.post("/predict", {"y": 1}).status_code == 400
        assert counts(server) == (1, 1, 0, 2)
