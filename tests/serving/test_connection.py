"""Slow, rude and pipelining clients, byte by byte on a socket: each gets its answer or its end, and harms nobody else."""

from __future__ import annotations

import json
import socket
import time

import pytest

from modelway.serving.messages import LARGE_BYTES
from served import Serve, Served

ROW = json.dumps({"x": 1.5, "n": 2, "i": 3, "f": 0.5}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
WHOLE = HEAD + b"content-length: %d\r\n\r\n%b" % (len(ROW), ROW)
GET = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"


def to_the_end(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    said = b""
    while part := client.recv(65536):
        said += part
    return said


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
LONG = b"y" * 70_000


def statuses(said: bytes) -> list[int]:
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def test_slow_clients_are_ended_and_harm_nobody(told: Served) -> None:
    with told.raw() as head, told.raw() as body, told.raw() as silent, told.raw() as slow:
        head.sendall(HEAD)
        body.sendall(HEAD + b"content-length: 10\r\n\r\n{")
        slow.sendall(HEAD + b"a: ")
        began = time.monotonic()
        while time.monotonic() - began < 0.9:
            slow.sendall(b"x")  # one byte after the other buys no time
            assert told.post("/predict", ROW).status_code == 200
            time.sleep(0.1)
        assert [statuses(to_the_end(client)) for client in (head, body, slow)] == [[408]] * 3
        assert to_the_end(silent) == b""


def test_an_idle_connection_is_kept_for_its_time_and_then_closed(told: Served) -> None:
    with told.raw() as client:
        for _ in range(2):
            client.sendall(WHOLE)
            assert statuses(client.recv(65536)) == [200]
        assert to_the_end(client) == b""


def test_requests_sent_ahead_are_answered_in_order(told: Served) -> None:
    with told.raw() as client:
        client.sendall(WHOLE + GET * 2000 + WHOLE + b"GET /no HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert statuses(to_the_end(client)) == [200] * 2002 + [404]


def test_what_comes_before_a_broken_request_is_answered_first(told: Served) -> None:
    with told.raw() as client:
        client.sendall(WHOLE + b"\x00nonsense\r\n\r\n")
        assert statuses(to_the_end(client)) == [200, 400]


def test_a_client_that_closed_its_side_still_gets_its_answer(told: Served) -> None:
    with told.raw() as client:
        client.sendall(WHOLE)
        client.shutdown(socket.SHUT_WR)
        assert statuses(to_the_end(client)) == [200]


def test_a_client_that_is_gone_is_no_error(told: Served) -> None:
    for _ in range(5):
        with told.raw() as client:
            client.sendall(WHOLE)
    assert told.post("/predict", ROW).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", 400),
        (HEAD + b"content-length: -5\r\n\r\n", 400),
        (HEAD + b"content-length: 99999999999999999999999\r\n\r\n", 400),
        (HEAD + b"content-length: 20001\r\n\r\n", 413),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"4000\r\n%b\r\n" % (b"x" * 0x4000) * 2, 413),
        (HEAD + b"x: " + LONG, 431),
        (HEAD + b"x: " + LONG + b"\r\n\r\n", 431),
        (b"GET /health?" + LONG + b" HTTP/1.1\r\nhost: a\r\n\r\n", 431),
        (CHUNKED + b"0\r\nx: " + LONG * 8, 431),
        (CHUNKED + b"1;x=" + LONG * 8, 431),
        (CHUNKED + b"1\r\nx\r\n" * 18_000, 413),
        (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (HEAD + b"transfer-encoding: gzip\r\n\r\n", 501),
        (HEAD + b"content-encoding: gzip\r\ncontent-length: 20\r\n\r\n" + b"\x1f\x8b" + b"\x00" * 18, 415),
        (HEAD + b"TE: gzip\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(ROW), ROW), 200),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
        (b"GET /health\r\n", 505),
        (b"GET /health HTTP/0.9\r\n\r\n", 505),
        (b"GET /health HTTP/2.0\r\nhost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"GET http://somewhere/health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 200),
        (b"GET /health?a=b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 200),
        (b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 404),
        (HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ROW), ROW), 200),
    ],
)
def test_what_is_sent_is_answered_and_the_connection_ends(told: Served, sent: bytes, status: int) -> None:
    with told.raw() as client:
        client.sendall(sent)
        assert statuses(to_the_end(client)) == [status]


def test_a_refusal_says_what_to_do(told: Served) -> None:
    for sent, words in (
        (HEAD + b"content-encoding: br\r\n\r\n", b"accept-encoding: identity"),
        (HEAD + b"transfer-encoding: gzip\r\n\r\n", b"'gzip' is not known here; chunked is"),
        (b"GET /health HTTP/1.1\r\n\r\n", b"no Host header"),
        (b"GET /health HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", b"more than one Host header"),
        (b"GET /\r\n", b"speaks HTTP/1.0 and HTTP/1.1"),
        (CHUNKED + b"0\r\nx: " + LONG * 8, b"trailers, have more than 65536 bytes"),
    ):
        with told.raw() as client:
            client.sendall(sent)
            assert words in to_the_end(client)


def test_trailers_change_nothing(told: Served) -> None:
    with told.raw() as client:
        trailers = b"content-type: text/csv\r\nhost: b\r\nhost: c\r\n\r\n"
        client.sendall(CHUNKED + b"%x\r\n%b\r\n0\r\n" % (len(ROW), ROW) + trailers + WHOLE)
        assert statuses(client.recv(65536) + client.recv(65536)) == [200, 200]


def test_memory_for_bodies_is_bounded_and_given_back(serve: Serve) -> None:
    large = json.dumps({"rows": [json.loads(ROW)] * 900}).encode()
    assert len(large) > LARGE_BYTES
    head = HEAD + b"content-length: %d\r\n\r\n" % len(large)
    with serve("told", "--max-body-bytes", str(2 * len(large)), "--max-held-bytes", str(2 * len(large))) as server:
        with server.raw() as one, server.raw() as other, server.raw() as third:
            for client in (one, other):
                client.sendall(head + large[:-1])
            while server.metric("modelway_body_bytes_held") < 2 * len(large) - 2:
                time.sleep(0.01)
            third.sendall(head)
            refused = to_the_end(third)
            assert b" 503 " in refused and b"retry-after: 1" in refused and b"--max-held-bytes" in refused
            assert server.post("/predict", ROW).status_code == 200  # small ones are taken
            one.sendall(large[-1:])
            assert statuses(one.recv(65536)) == [200]
        while server.metric("modelway_body_bytes_held"):  # other has gone away in the middle of its body
            time.sleep(0.01)
        assert server.post("/predict", large).status_code == 200
        assert server.metric("modelway_body_bytes_held") == 0


def test_latency_counts_from_when_a_request_came(serve: Serve) -> None:
    slow = ROW[:-1] + b', "name": "sleep 0.3"}'
    whole = HEAD + b"content-length: %d\r\n\r\n%b" % (len(slow), slow)
    with serve("told") as server, server.raw() as client:
        client.sendall(whole * 2)
        said = b""
        while len(statuses(said)) < 2:
            said += client.recv(65536)
        name = "modelway_request_duration_seconds_sum{"
        [line] = [
            line for line in server.get("/metrics").text.split("\n") if line.startswith(name) and "/predict" in line
        ]
        assert float(line.rpartition(" ")[2]) > 0.85  # 0.3 s for the first, and 0.6 s for the second


def test_a_client_that_asks_first_is_told_to_go_on(told: Served) -> None:
    with told.raw() as client:
        client.sendall(HEAD + b"connection: close\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(ROW))
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(ROW)
        assert statuses(to_the_end(client)) == [200]


def test_a_client_that_takes_no_answers_is_ended(told: Served) -> None:
    with told.raw() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        asked = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" * 100
        with pytest.raises(ConnectionError):
            all(client.sendall(asked) is None for _ in range(10**6))
    assert told.post("/predict", ROW).status_code == 200
