"""One HTTP/1.1 connection of the load generator: a request, its answer, the next request. What the answer says is not kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast

CHUNKED, UNTIL_CLOSED = -1, -2
"""Lengths of a body that its head does not give."""
MAX_HEAD_BYTES = 64 << 10
MAX_HEADS = 256
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
CODING = re.compile(rb"\r\ntransfer-encoding:[^\r]*\bchunked[ \t]*\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection:[^\r]*\bclose\b", re.IGNORECASE)
KEEP = re.compile(rb"\r\nconnection:[^\r]*\bkeep-alive\b", re.IGNORECASE)
VERSION = re.compile(rb"\r\nx-modelway-version:[ \t]*([^\r]*?)[ \t]*\r\n", re.IGNORECASE)
STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r]*)?\r\n")


class Head(NamedTuple):
    """What the head of an answer says. length: of the body, in bytes."""

    status: int
    length: int
    keep_alive: bool
    version: str


class Exchange:
    """One request and what became of it."""

    __slots__ = ("at", "body", "connection", "over", "sent")

    def __init__(self, at: float, body: bytes) -> None:
        self.at, self.body = at, body
        self.sent = -1.0
        self.over = False
        self.connection: LoadConnection | None = None


def read_head(data: bytes) -> Head:
    """data: to the empty line, included. ValueError where it is not HTTP/1."""
    start = STATUS.match(data)
    if start is None:
        raise ValueError("the answer is not HTTP/1.1")
    status = int(start[2])
    length = LENGTH.search(data)
    size = 0 if status in (204, 304) else int(length[1]) if length else UNTIL_CLOSED
    if CODING.search(data):
        size = CHUNKED
    kept = not CLOSE.search(data) if start[1] == b"1" else bool(KEEP.search(data))
    version = VERSION.search(data)
    said = version[1].decode("latin-1") if version else ""
    return Head(status, size, kept and size != UNTIL_CLOSED, said)


def end_of_chunks(data: bytes, at: int) -> int:
    """Where a chunked body that begins at `at` ends; -1 where it has not ended. ValueError where it is none."""
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            if len(data) - at > MAX_HEAD_BYTES:
                raise ValueError("a chunk of the answer has no length")
            return -1
        size = int(data[at:line].partition(b";")[0], 16)
        if size == 0:
            break
        at = line + 2 + size + 2
        if len(data) < at:
            return -1
    while (end := data.find(b"\r\n", line + 2)) >= 0:  # trailers
        if end == line + 2:
            return end + 2
        line = end
    return -1


class LoadConnection(asyncio.Protocol):
    """head: of every request, up to its length. free, gone: told of this connection. done: told (exchange, status,
    version, error) once for each exchange."""

    heads: dict[bytes, Head] = {}  # noqa: RUF012  the same few, again and again: shared on purpose

    def __init__(
        self,
        head: bytes,
        free: Callable[[LoadConnection], None],
        gone: Callable[[LoadConnection], None],
        done: Callable[[Exchange, int, str, str], None],
    ) -> None:
        self.head, self.free, self.gone, self.done = head, free, gone, done
        self.transport: asyncio.Transport
        self.exchange: Exchange | None = None
        self.held = b""
        self.answer: Head | None = None
        self.missing = 0
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def send(self, exchange: Exchange) -> None:
        self.exchange = exchange
        exchange.connection = self
        self.transport.write(b"%b%d\r\n\r\n%b" % (self.head, len(exchange.body), exchange.body))

    def data_received(self, data: bytes) -> None:
        if self.exchange is None or self.closing:  # an answer that nobody asked for
            self.abandon()
            return
        try:
            self._read(data)
        except ValueError as error:
            self._finish(0, "", str(error))
            self.abandon()

    def connection_lost(self, error: Exception | None) -> None:
        self.closing = True
        exchange, answer = self.exchange, self.answer
        if exchange is not None and answer is not None and answer.length == UNTIL_CLOSED and error is None:
            self._finish(answer.status, answer.version, "")
        elif exchange is not None:
            why = getattr(error, "strerror", None) or "closed before the answer was whole"
            self._finish(0, "", f"the connection was cut: {why}")
        self.gone(self)

    def abandon(self) -> None:
        """Close it at once, whatever is on its way."""
        self.closing = True
        self.transport.abort()

    def _read(self, data: bytes) -> None:
        if self.answer is None:
            if self.held:
                data = self.held + data
                self.held = b""
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                if len(data) > MAX_HEAD_BYTES:
                    raise ValueError(f"the head of the answer has more than {MAX_HEAD_BYTES} bytes")
                self.held = data
                return
            answer = self._head(data[:end])
            if answer.status < 200:
                self._read(data[end:])
                return
            self.answer = answer
            data = data[end:]
            self.missing = answer.length
        if self.missing >= 0:
            self.missing -= len(data)
            if self.missing > 0:
                return
            whole, more = True, self.missing < 0
        elif self.missing == CHUNKED:
            self.held += data
            ended = end_of_chunks(self.held, 0)
            whole, more = ended >= 0, 0 <= ended < len(self.held)
        else:
            return
        if whole:
            self._answered(self.answer, more)

    def _answered(self, answer: Head, more: bool) -> None:
        kept = answer.keep_alive and not more  # what nobody asked for makes the next answer unsure
        self._finish(answer.status, answer.version, "")
        if kept and not self.closing:
            self.free(self)
        elif not self.closing:
            self.closing = True
            self.transport.close()

    def _finish(self, status: int, version: str, error: str) -> None:
        exchange, self.exchange, self.answer, self.held = self.exchange, None, None, b""
        if exchange is not None:
            self.done(exchange, status, version, error)

    def _head(self, data: bytes) -> Head:
        found = self.heads.get(data)
        if found is None:
            if len(self.heads) >= MAX_HEADS:
                self.heads.clear()
            found = self.heads[data] = read_head(data)
        return found
