"""The load generator: nothing is left out or put off because the server is slow, and every end is told once."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from modelway.observe import load
from modelway.observe.load import LoadAnswer, TimedRequest
from observe.odd_server import Asked, Say, Server, serving

BODY = b'{"rows": [{"a": 1}]}'


def at_once(count: int) -> list[TimedRequest]:
    return [TimedRequest(0.0, BODY) for _ in range(count)]


def driven(
    say: Say, requests: Iterable[TimedRequest], **settings: Any
) -> tuple[list[LoadAnswer], Server, load.Lateness]:
    """What came of the requests, in the order of their ends."""
    answers: list[LoadAnswer] = []
    chosen: dict[str, Any] = {"connections": 64, "timeout_seconds": 20, "answered": answers.append} | settings

    async def main() -> tuple[Server, load.Lateness]:
        async with serving(say) as server:
            return server, await load.drive(server.url + chosen.pop("path", ""), requests, **chosen)

    server, lateness = load.run(main())
    return answers, server, lateness


async def ok(asked: Asked) -> None:
    await asked.answer()


def held(until: int) -> Say:
    """Answers nobody before so many have asked."""
    waiting: list[Asked] = []

    async def say(asked: Asked) -> None:
        waiting.append(asked)
        if len(waiting) >= until:
            for item in waiting:
                await item.answer()
            waiting.clear()

    return say


def test_requests_leave_though_none_is_answered() -> None:
    """A closed loop would wait for ever here: the first answer comes when the fiftieth has asked."""
    answers, _, lateness = driven(held(50), at_once(50))
    assert [answer.status for answer in answers] == [200] * 50
    assert lateness.requests == 50


def test_what_finds_no_free_connection_waits_and_counts_from_its_time() -> None:
    answers, server, _ = driven(ok, at_once(40), connections=3)
    assert server.most_open <= 3
    assert len(answers) == 40
    for answer in answers:
        assert answer.at == 0.0 < answer.sent < answer.ended


def test_connections_are_opened_as_needed_and_kept() -> None:
    answers, server, _ = driven(ok, [TimedRequest(number / 20, BODY) for number in range(6)])
    assert len(answers) == len(server.asked) == 6
    assert server.connections < 6
    everyone = driven(held(30), at_once(30))[1]
    assert everyone.connections == 30


def test_times_are_kept_and_nothing_leaves_early() -> None:
    times = list(load.arrivals(500, 0.4, seed=3))
    answers, _, _ = driven(ok, load.requests_of([BODY], times))
    assert sorted(answer.at for answer in answers) == times
    assert all(answer.at <= answer.sent <= answer.ended for answer in answers)


def test_an_endless_run_is_read_lazily_and_ends_when_cancelled() -> None:
    read = itertools.count()
    answers: list[LoadAnswer] = []

    def endless() -> Iterator[TimedRequest]:
        for number in read:
            yield TimedRequest(number / 200, BODY)

    async def main() -> None:
        async with serving(ok) as server:
            running = load.drive(server.url, endless(), connections=4, timeout_seconds=5, answered=answers.append)
            task = asyncio.create_task(running)
            while len(answers) < 20:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    load.run(main())
    assert next(read) <= len(answers) + 80


def test_the_request_is_what_http_asks_for() -> None:
    _, server, _ = driven(
        ok, [TimedRequest(0, b"\x00\xff" * 70_000)], headers={"Authorization": "Bearer x"}, path="/a b?c=d"
    )
    asked = server.asked[0]
    assert asked.head.startswith(b"POST /a%20b?c=d HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer x\r\n" in asked.head
    assert asked.body == b"\x00\xff" * 70_000


def test_a_bare_address_means_predict() -> None:
    assert driven(ok, at_once(1))[1].asked[0].head.startswith(b"POST /predict ")


def raw(*parts: bytes, close: bool = False) -> Say:
    async def say(asked: Asked) -> None:
        for part in parts:
            asked.writer.write(part)
            await asked.writer.drain()
            await asyncio.sleep(0)
        if close:
            asked.writer.close()

    return say


WHOLE = b"HTTP/1.1 200 OK\r\nX-Modelway-Version:  7 \r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"HTTP/1.1 201 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nt: u\r\n\r\n"


@pytest.mark.parametrize(
    ("say", "status", "version", "error"),
    [
        (raw(WHOLE), 200, "7", ""),
        (raw(*(WHOLE[at : at + 1] for at in range(len(WHOLE)))), 200, "7", ""),
        (raw(b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE), 200, "7", ""),
        (raw(CHUNKS), 201, "", ""),
        (raw(*(CHUNKS[at : at + 1] for at in range(len(CHUNKS)))), 201, "", ""),
        (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, "", ""),
        (raw(b"HTTP/1.1 200 OK\r\n\r\nto the end", close=True), 200, "", ""),
        (raw(b"HTTP/1.0 503 X\r\ncontent-length: 0\r\n\r\n", close=True), 503, "", ""),
        (raw(b"HTTP/1.1 500 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", close=True), 500, "", ""),
        (raw(WHOLE[:-1], close=True), 0, "", "the connection was cut: closed before the answer was whole"),
        (raw(close=True), 0, "", "the connection was cut: closed before the answer was whole"),
        (raw(b"SSH-2.0-x\r\n\r\n"), 0, "", "the answer is not HTTP/1.1"),
        (raw(b"x" * 100_000), 0, "", "the head of the answer has more than 65536 bytes"),
        (raw(CHUNKS.replace(b"5\r\n", b"zz\r\n")), 0, "", "invalid literal for int() with base 16: b'zz'"),
    ],
)
def test_every_answer_is_understood_or_said_not_to_be(say: Say, status: int, version: str, error: str) -> None:
    """Three after the other, so that what is left of one answer would spoil the next."""
    answers, _, _ = driven(say, at_once(3), connections=1)
    assert [(answer.status, answer.version, answer.error) for answer in answers] == [(status, version, error)] * 3


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next() -> None:
    """Two answers in one piece: the connection is closed, since what comes on it is no longer sure."""
    once = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

    async def twice(asked: Asked) -> None:
        asked.writer.write(once + (b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n" if asked.number == 0 else b""))

    answers, server, _ = driven(twice, at_once(4), connections=1)
    assert [answer.status for answer in answers] == [200] * 4
    assert server.connections == 2


def test_nothing_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        answers: list[LoadAnswer] = []
        load.run(load.drive(url, at_once(5), connections=2, timeout_seconds=5, answered=answers.append))
    assert len(answers) == 5
    assert {(answer.status, answer.sent == answer.ended) for answer in answers} == {(0, True)}
    assert {answer.error for answer in answers} == {"cannot connect: Connection refused"}


def test_a_server_that_is_silent_is_given_up_and_so_is_the_connection() -> None:
    async def first_is_silent(asked: Asked) -> None:
        if asked.number > 0:
            await asked.answer()

    answers, server, _ = driven(
        first_is_silent, [TimedRequest(0, BODY), TimedRequest(0.4, BODY)], connections=1, timeout_seconds=0.3
    )
    assert [(answer.status, answer.error) for answer in answers] == [(0, "no answer in 0.3 s"), (200, "")]
    assert server.connections == 2


def test_what_never_left_is_told_too() -> None:
    async def silent(asked: Asked) -> None:
        await asyncio.sleep(0)

    answers, _, _ = driven(silent, at_once(3), connections=1, timeout_seconds=0.2)
    assert sorted(answer.error for answer in answers) == [
        "no answer in 0.2 s",
        "no connection was free in 0.2 s",
        "no connection was free in 0.2 s",
    ]


def test_lateness_counts_from_where_it_is_measured() -> None:
    requests = [TimedRequest(number / 100, BODY) for number in range(20)]
    lateness = driven(ok, requests, measured_from=0.1)[2]
    assert lateness.requests == 10
    assert 0 <= lateness.p50 <= lateness.p95 <= lateness.p99 <= lateness.most


def test_a_fault_of_the_caller_ends_the_run() -> None:
    def broken(answer: LoadAnswer) -> None:
        raise LookupError("mine")

    def no_more() -> Iterator[TimedRequest]:
        yield TimedRequest(0, BODY)
        raise LookupError("mine too")

    with pytest.raises(LookupError, match="mine"):
        driven(ok, at_once(2), answered=broken)
    with pytest.raises(LookupError, match="mine too"):
        driven(ok, no_more())


def test_no_requests_end_at_once() -> None:
    assert driven(ok, [])[0] == []


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://x/", "http://", "http://x:99999/", "http://x:y/"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        load.run(load.drive(url, at_once(1), connections=1, timeout_seconds=1, answered=print))


def test_a_header_cannot_bring_another() -> None:
    with pytest.raises(ValueError, match="one line"):
        driven(ok, at_once(1), headers={"a": "b\r\nc: d"})
