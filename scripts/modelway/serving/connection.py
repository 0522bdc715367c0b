"""One HTTP/1.1 connection: httptools reads it; what is here are its limits, its order and its end.

A client has limited time for the head and the body of a request and to take the answer, so a slow one harms only itself.
Requests that were sent ahead wait their turn. There is no timer for each request: a connection has a deadline, and the
worker looks at all of them a few times a second.
"""

from __future__ import annotations

import asyncio
import http
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial

import httptools

from modelway.serving.messages import Answer, Reply, Request, refuse

MAX_HEAD_BYTES = 64 << 10
LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before the connection is closed: closed at once, it would not see why."""
IDLE_AT_STOP_SECONDS = 0.25
"""How long an idle connection stays open after SIGTERM: a request may be on its way."""
NEVER = float("inf")
STATUS = {item.value: f"HTTP/1.1 {item.value} {item.phrase}\r\n".encode() for item in http.HTTPStatus}


@dataclass(frozen=True)
class Limits:
    body_bytes: int
    header_seconds: float
    body_seconds: float
    keep_alive_seconds: float


@dataclass
class Shared:
    """What the connections of a worker share. refused: told the status of what is answered here, without the application."""

    limits: Limits
    handle: Callable[[Request, Reply], None]
    refused: Callable[[int], None]
    open: set[Connection] = field(default_factory=set)
    stopping: bool = False


class Connection(asyncio.Protocol):
    """States: reading (the parser holds the rest), answering (one request is with the application), closing."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.waiting: deque[tuple[Request, bool]] = deque()
        self.held = b""
        self.refusal: tuple[int, str] | None = None
        self.answering = self.clogged = self.ended = self.running = False
        self.deaf = self.closing = False
        self.deadline = NEVER
        self._begin()

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.shared.open.add(self)
        self._set_deadline(self.shared.limits.header_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self.deaf = self.closing = True
        self.shared.open.discard(self)
        self.waiting.clear()

    def eof_received(self) -> bool:
        """A client may close its side and still wait for the answer to what it sent."""
        self.ended = True
        return self.answering or bool(self.waiting) or bool(self.held)

    def pause_writing(self) -> None:
        self.clogged = True

    def resume_writing(self) -> None:
        self.clogged = False
        if not (self.answering or self.closing):
            self._set_deadline(self.shared.limits.keep_alive_seconds)
            self._next()

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            return
        if self.answering or self.clogged:  # read on when the answer is out
            self.held += data
            self.transport.pause_reading()
            return
        if not self.in_body:
            if not self.head_bytes:  # the first of a request
                self._set_deadline(self.shared.limits.header_seconds)
            self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # nobody upgrades here: answered as if it had not been asked, and closed
            self.deaf = True
        except httptools.HttpParserError:
            self._refuse(400, "this is not HTTP/1.1")
        if not self.in_body and self.head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, f"the head of the request has more than {MAX_HEAD_BYTES} bytes")

    # the parser's side

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self.content_type = value.decode("latin-1").lower()
        elif name == b"content-length":
            self.length = int(value) if value.isdigit() and len(value) < 20 else MAX_HEAD_BYTES << 40
        elif name == b"expect":
            self.expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self.in_body = True
        parser, limits = self.parser, self.shared.limits
        self.keep_alive = (
            parser.get_http_version() == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        )
        if self.length > limits.body_bytes:
            self._too_large()
        elif not self.answering:
            self._set_deadline(limits.body_seconds)
            if self.expects:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self.deaf:
            return
        self.body += body
        if len(self.body) > self.shared.limits.body_bytes:
            self._too_large()

    def on_message_complete(self) -> None:
        if self.deaf:
            return
        path = self.url.partition(b"?")[0]
        if not path.startswith(b"/"):  # http://host/path, as a proxy is asked
            path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
        method = self.parser.get_method().decode("latin-1")
        request = Request(method, path.decode("latin-1"), self.content_type, bytes(self.body))
        self.waiting.append((request, self.keep_alive))
        self._begin()
        self._next()

    # between the two

    def _begin(self) -> None:
        """Ready for the next head."""
        self.url = b""
        self.content_type = ""
        self.body = bytearray()
        self.head_bytes = self.length = 0
        self.in_body = self.expects = self.keep_alive = False

    def _next(self) -> None:
        """Hand over what waits, one at a time; with nothing left, read on. A loop: many may have been sent ahead."""
        if self.running:
            return
        self.running = True
        while not (self.answering or self.clogged or self.closing):
            if self.waiting:
                request, keep_alive = self.waiting.popleft()
                self.answering = True
                self.deadline = NEVER  # from here on it is the model's time
                self.shared.handle(request, partial(self._answer, keep_alive, request.method == "HEAD"))
            elif self.refusal:
                self._refuse(*self.refusal)
            elif self.held:
                data, self.held = self.held, b""
                self.transport.resume_reading()
                self.data_received(data)
            else:
                if self.ended:
                    self._close()
                break
        self.running = False

    def _answer(self, keep_alive: bool, head: bool, answer: Answer) -> None:
        self.answering = False
        if self.closing:  # the client has gone
            return
        keep_alive = keep_alive and not self.shared.stopping
        self._write(answer, keep_alive, head)
        if not keep_alive:
            self._close()
            return
        limits = self.shared.limits
        self._set_deadline(limits.body_seconds if self.clogged else limits.keep_alive_seconds)
        self._next()

    def _write(self, answer: Answer, keep_alive: bool, head: bool = False) -> None:
        close = b"" if keep_alive else b"connection: close\r\n"
        top = b"%bcontent-type: %b\r\ncontent-length: %d\r\ndate: %b\r\n%b%b\r\n" % (
            STATUS[answer.status], answer.content_type, len(answer.body), _date(), answer.headers, close,
        )  # fmt: skip
        self.transport.write(top if head else top + answer.body)

    def _too_large(self) -> None:
        self._refuse(413, f"the body has more than {self.shared.limits.body_bytes} bytes (--max-body-bytes)")

    def _refuse(self, status: int, error: str) -> None:
        """Answer and close. What the client goes on to send is thrown away for a moment, so that it reads the answer."""
        if self.closing:
            return
        self.deaf = True
        if self.answering or self.waiting:  # what came before is answered before
            self.refusal = (status, error)
            return
        self.closing = True
        self.shared.refused(status)
        self._write(refuse(status, error), keep_alive=False)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._set_deadline(LINGER_SECONDS)

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _close(self) -> None:
        self.deaf = self.closing = True
        self.transport.close()
        self._set_deadline(self.shared.limits.body_seconds)  # to take what is written

    # the worker's side

    def look(self, now: float) -> None:
        """End it where its time is over."""
        if now < self.deadline:
            return
        if self.closing or self.clogged:
            self.transport.abort()
        elif self.head_bytes or self.in_body:
            self._refuse(408, f"the {'body' if self.in_body else 'head'} of the request took too long")
        else:
            self._close()

    def stop(self) -> None:
        """The server ends: what was begun is finished, and nothing more is begun after a moment."""
        if not (self.answering or self.waiting or self.head_bytes or self.in_body or self.closing):
            self.deadline = min(self.deadline, time.monotonic() + IDLE_AT_STOP_SECONDS)


_dated: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    global _dated
    now = int(time.time())
    if _dated[0] != now:
        _dated = (now, formatdate(now, usegmt=True).encode())
    return _dated[1]
