"""A server may do anything: what it does ends in time, and in words."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from modelway.endpoint.client import Endpoint, NoAnswerError, SilentError


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """One connection is taken, and talked to until it ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            accepted, _ = server.accept()
            with accepted, contextlib.suppress(OSError):
                accepted.recv(4096)
                talk(accepted)

        thread = threading.Thread(target=take)
        thread.start()
        yield Endpoint(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=0.4)
        thread.join()


def for_ever(start: bytes) -> Callable[[socket.socket], None]:
    def talk(accepted: socket.socket) -> None:
        accepted.sendall(start)
        for _ in range(200):
            accepted.sendall(b"x")
            time.sleep(0.05)

    return talk


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\na: "])
def test_an_answer_that_never_ends_is_cut(start: bytes) -> None:
    """Each byte comes in time, so no limit of a single read would ever be reached."""
    with listening(for_ever(start)) as endpoint, pytest.raises(SilentError, match=r"no whole answer in 0\.4 s"):
        endpoint.get("/health")


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-x\r\n",
        b"",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        b"\x00" * 70_000,
    ],
)
def test_what_is_no_answer_is_said_in_one_line(said: bytes) -> None:
    with listening(lambda accepted: accepted.sendall(said)) as endpoint, pytest.raises(NoAnswerError) as caught:
        endpoint.get("/health")
    assert not isinstance(caught.value, SilentError)
    assert "\n" not in str(caught.value)


def test_the_refusal_of_a_body_is_read_before_the_body_is_sent_whole() -> None:
    def refuse(accepted: socket.socket) -> None:
        accepted.sendall(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n")

    with listening(refuse) as endpoint:
        assert endpoint.ask("POST", "/predict", b"{", "application/json", declared=1 << 40).status == 413
