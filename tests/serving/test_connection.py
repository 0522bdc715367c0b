"""Slow, rude and pipelining clients, byte by byte on a socket: each gets its answer or its end, and harms nobody else."""

from __future__ import annotations

import json
import socket
import time

import pytest

from served import Served

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
        (HEAD + b"x: " + b"y" * 70_000, 431),
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
