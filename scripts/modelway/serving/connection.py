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

from modelway.serving import head
from modelway.serving.head import MAX_HEAD_BYTES, RequestHead, WrongHead
from modelway.serving.messages import LARGE_BYTES, RETRY, HttpAnswer, HttpRequest, Reply, refuse

LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before the connection is closed: closed at once, it would not see why."""
IDLE_AT_STOP_SECONDS = 0.25
"""How long an idle connection stays open after SIGTERM: a request may be on its way."""
NEVER = float("inf")
TOO_MUCH = WrongHead(503, "too many large bodies are being read (--max-held-bytes)", RETRY)
STATUS = {item.value: f"HTTP/1.1 {item.value} {item.phrase}\r\n".encode() for item in http.HTTPStatus}


@dataclass(frozen=True)
class ConnectionLimits:
    """held_bytes: of all bodies that are not answered yet; small ones are taken beyond it."""

    body_bytes: int
    held_bytes: int
    header_seconds: float
    body_seconds: float
    keep_alive_seconds: float


@dataclass
class Shared:
    """What the connections of a worker share. refused: told of what is answered here, without the application. held: the
    bytes of bodies that are not answered yet."""

    limits: ConnectionLimits
    handle: Callable[[HttpRequest, Reply], None]
    refused: Callable[[HttpRequest, HttpAnswer], None]
    open: set[ServerConnection] = field(default_factory=set)
    stopping: bool = False
    held: int = 0


class ServerConnection(asyncio.Protocol):
    """States: reading (the parser holds the rest), answering (one request is with the application), closing."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.waiting: deque[tuple[HttpRequest, bool]] = deque()
        self.held = b""
        self.refusal: WrongHead | None = None
        self.arrived = 0.0
        self.head, self.body, self.head_bytes = RequestHead(), bytearray(), 0
        self.answering = self.clogged = self.ended = self.running = False
        self.deaf = self.closing = False
        self.deadline = NEVER
        self._begin()

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.shared.open.add(self)
        self.client = str((transport.get_extra_info("peername") or ("",))[0])
        self._set_deadline(self.shared.limits.header_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self.deaf = self.closing = True
        self.shared.open.discard(self)
        self.shared.held -= len(self.body) + sum(len(request.body) for request, _ in self.waiting)
        self.body = bytearray()
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
        if not self.held:
            self.arrived = time.perf_counter()
        if self.answering or self.clogged:  # read on when the answer is out
            self.held += data
            self.transport.pause_reading()
            return
        if not (self.in_body or self.head_bytes):  # the first of a request
            self._set_deadline(self.shared.limits.header_seconds)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self.in_body:
            self.frame_bytes += len(data)
            self.unused_bytes += len(data)
        else:
            self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
            one_line = not self.in_body and self.head.url and data.endswith(b"\n")
            if (
                one_line and self.parser.get_http_version() in head.OLD_VERSIONS
            ):  # the parser would wait for another line
                self._refuse(head.unknown_version())
        except httptools.HttpParserUpgrade:  # nobody upgrades here: answered as if it had not been asked, and closed
            self.deaf = True
        except httptools.HttpParserError as error:
            version = "HTTP version" in str(error) or "PRI" in str(error)
            self._refuse(head.unknown_version() if version else WrongHead(400, "this is not HTTP/1.1"))
        if not self.in_body and self.head_bytes > MAX_HEAD_BYTES:
            self._refuse(head.too_large())
        if self.in_body and self.unused_bytes > MAX_HEAD_BYTES:
            self._refuse(WrongHead(431, f"a chunk's head, or the trailers, have more than {MAX_HEAD_BYTES} bytes"))
        if self.in_body and self.frame_bytes - len(self.body) > self.shared.limits.body_bytes + MAX_HEAD_BYTES:
            self._refuse(WrongHead(413, "the body is cut into so small chunks that their heads are too many"))

    # the parser's side

    def on_url(self, url: bytes) -> None:
        self.head.url += url
        self.head.size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:  # a trailer says nothing here
            self.head.take(name, value)

    def on_headers_complete(self) -> None:
        self.in_body = True
        self.frame_bytes = self.unused_bytes = max(
            0, self.head_bytes - self.head.size
        )  # what came together with the head
        parser, limits = self.parser, self.shared.limits
        version = parser.get_http_version()
        self.keep_alive = version == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        try:
            self.head.check(version, limits.body_bytes)
        except WrongHead as wrong:
            self._refuse(wrong)
            return
        if self.head.length > LARGE_BYTES and self.shared.held + self.head.length > limits.held_bytes:
            self._refuse(TOO_MUCH)
        elif not self.answering:
            self._set_deadline(limits.body_seconds)
            if self.head.expects:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self.deaf:
            return
        limits = self.shared.limits
        self.unused_bytes = 0
        self.body += body
        self.shared.held += len(body)
        if len(self.body) > limits.body_bytes:
            self._refuse(head.too_large_body(limits.body_bytes))
        elif len(self.body) > LARGE_BYTES and self.shared.held > limits.held_bytes:
            self._refuse(TOO_MUCH)

    def on_message_complete(self) -> None:
        if self.deaf:
            return
        self.waiting.append((self._request(), self.keep_alive))
        self._begin()
        self._next()

    # between the two

    def _begin(self) -> None:
        """Ready for the next head."""
        self.head = RequestHead()
        self.body = bytearray()
        self.head_bytes = self.frame_bytes = self.unused_bytes = 0
        self.in_body = self.keep_alive = False

    def _request(self) -> HttpRequest:
        """What has come of it, which is all of it or what is refused."""
        kept, method = self.head, ""
        if kept.url:
            method = self.parser.get_method().decode("latin-1")
        body = bytes(self.body)
        said = kept.request_id, kept.trace_id, self.client, kept.tested, kept.sampled, kept.token
        return HttpRequest(method, kept.path, kept.content_type, body, self.arrived, *said)

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
                self.shared.handle(request, partial(self._answer, request, keep_alive))
            elif self.refusal:
                self._refuse(self.refusal)
            elif self.held:
                data, self.held = self.held, b""
                self.transport.resume_reading()
                self._feed(data)
                self._wait_for_more()
            else:
                if self.ended:
                    self._close()
                break
        self.running = False

    def _answer(self, request: HttpRequest, keep_alive: bool, answer: HttpAnswer) -> None:
        self.answering = False
        self.shared.held -= len(request.body)
        if self.closing:  # the client has gone
            return
        keep_alive = keep_alive and not self.shared.stopping
        self._write(answer, keep_alive, request.method == "HEAD")
        if not keep_alive:
            self._close()
            return
        self._wait_for_more()
        self._next()

    def _wait_for_more(self) -> None:
        if self.answering or self.closing:
            return
        limits = self.shared.limits
        begun = self.head_bytes or self.head.size or self.held
        self._set_deadline(
            limits.body_seconds
            if self.clogged or self.in_body
            else limits.header_seconds
            if begun
            else limits.keep_alive_seconds
        )

    def _write(self, answer: HttpAnswer, keep_alive: bool, head: bool = False) -> None:
        close = b"" if keep_alive else b"connection: close\r\n"
        top = b"%bcontent-type: %b\r\ncontent-length: %d\r\ndate: %b\r\n%b%b\r\n" % (
            STATUS[answer.status], answer.content_type, len(answer.body), _date(), answer.headers, close,
        )  # fmt: skip
        self.transport.write(top if head else top + answer.body)

    def _refuse(self, wrong: WrongHead) -> None:
        """Answer and close. What the client goes on to send is thrown away for a moment, so that it reads the answer."""
        if self.closing or (self.deaf and wrong is not self.refusal):
            return
        self.deaf = True
        self.shared.held -= len(self.body)
        self.body = bytearray()
        if self.answering or self.waiting:  # what came before is answered before
            self.refusal = wrong
            return
        self.closing = True
        answer = refuse(wrong.status, wrong.error, headers=wrong.headers)
        self.shared.refused(self._request(), answer)
        self._write(answer, keep_alive=False)
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
            self._refuse(WrongHead(408, f"the {'body' if self.in_body else 'head'} of the request took too long"))
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
