"""Open-loop load: requests leave at times fixed in advance, however slow the answers are (docs/load.md).

A generator that waits for an answer before it asks again stops asking while the server is stuck, and so leaves out the very
requests that would have been slow. Here a request that cannot leave, because every connection is busy, waits, and its time
counts from when it was meant to leave.

`run` gives the event loop for it; it also runs under another one, such as uvloop's, with less exact times.
"""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from modelway.observe.load_address import Address, read_address
from modelway.observe.load_connection import Exchange, LoadConnection
from modelway.observe.load_lateness import Lateness, Lates
from modelway.observe.load_rows import TimedRequest, arrivals, bodies_of_rows, requests_of

__all__ = [
    "Lateness",
    "Lates",
    "LoadAnswer",
    "TimedRequest",
    "arrivals",
    "bodies_of_rows",
    "drive",
    "requests_of",
    "run",
]

BURST = 64
"""Requests that are due and sent in one turn of the event loop; then answers are read."""
LOOK_SECONDS = 0.02
"""How often requests are looked at whose time is over."""

Result = TypeVar("Result")


class LoadAnswer(NamedTuple):
    """Times are seconds from the start of the run; the latency is `ended - at`."""

    at: float
    """When the request was meant to leave."""
    sent: float
    """When it left; `ended` where it never did."""
    ended: float
    status: int
    """0: none came."""
    version: str
    """The header x-modelway-version, or ""."""
    error: str
    """Why none came."""


async def drive(
    url: str,
    requests: Iterable[TimedRequest],
    *,
    connections: int,
    timeout_seconds: float,
    answered: Callable[[LoadAnswer], None],
    headers: Mapping[str, str] | None = None,
    measured_from: float = 0.0,
) -> Lateness:
    """POST every request at its time, and tell `answered` of each, in the order of their ends. Returns when all are answered.

    url: http or https with the path, which is /predict where there is none. requests: read one ahead, so it may be endless
    (cancel the task). connections: at most so many, opened as they are needed and kept alive. timeout_seconds: from when a
    request was meant to leave. measured_from: seconds from which on the generator's own lateness is counted.
    ValueError: the url is none. OSError: its host has no address. A server that does not answer is no error: answers say so.
    """
    address = read_address(url, headers or {})
    return await _Run(address, connections, timeout_seconds, answered, measured_from).go(requests)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """As asyncio.run, with an event loop that wakes up within a tenth of a millisecond of a request's time."""
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        return runner.run(main)


def exact_loop() -> asyncio.AbstractEventLoop:
    if not hasattr(selectors, "EpollSelector"):
        return asyncio.SelectorEventLoop()  # kqueue's waits are exact
    return asyncio.SelectorEventLoop(_ExactSelector())


if hasattr(selectors, "EpollSelector"):

    class _ExactSelector(selectors.EpollSelector):
        """epoll waits for whole milliseconds, rounded up; select does not, and it can wait for the epoll descriptor."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and timeout > 0 and self.fileno() < 1024:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)


class _Run:
    """One run's state. Every request is in `unanswered` until it is answered; in `waiting` while no connection is free."""

    def __init__(
        self,
        address: Address,
        connections: int,
        timeout_seconds: float,
        answered: Callable[[LoadAnswer], None],
        measured_from: float,
    ) -> None:
        self.address, self.most, self.timeout, self.answered = address, connections, timeout_seconds, answered
        self.measured_from = measured_from
        self.loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[None] = self.loop.create_future()
        self.tls = ssl.create_default_context() if address.secure else None
        self.start = 0.0
        self.idle: deque[LoadConnection] = deque()
        self.open: set[LoadConnection] = set()
        self.opening: set[asyncio.Task[None]] = set()
        self.waiting: deque[Exchange] = deque()
        self.unanswered: deque[Exchange] = deque()
        self.left = 0
        self.following: TimedRequest | None = None
        self.lates = Lates()

    async def go(self, requests: Iterable[TimedRequest]) -> Lateness:
        self.hosts = await self.address.resolve(self.loop)
        source = iter(requests)
        self.following = next(source, None)
        self.start = self.loop.time()
        self._tick(source)
        self._look()
        try:
            await self.finished
        finally:
            await self._end()
        return self.lates.lateness()

    def _now(self) -> float:
        return self.loop.time() - self.start

    def _tick(self, source: Iterator[TimedRequest]) -> None:
        """Begin what is due, and come back when the next one is."""
        if self.finished.done():
            return
        now = self._now()
        try:
            for _ in range(BURST):
                request = self.following
                if request is None or request.at > now:
                    break
                self._begin(request, now)
                self.following = next(source, None)
        except Exception as error:  # noqa: BLE001  a fault of whoever makes the requests ends the run
            self._fail(error)
            return
        if self.following is not None:
            self.loop.call_at(self.start + self.following.at, self._tick, source)
        elif self.left == 0:
            self._finish()

    def _begin(self, request: TimedRequest, now: float) -> None:
        if request.at >= self.measured_from:
            self.lates.add(now - request.at)
        exchange = Exchange(request.at, request.body)
        self.unanswered.append(exchange)
        self.left += 1
        if self.idle:
            self._send(
                self.idle.popleft(), exchange
            )  # the one that rested longest: all of a server's workers are asked
        else:
            self.waiting.append(exchange)
            self._open_another()

    def _send(self, connection: LoadConnection, exchange: Exchange) -> None:
        exchange.sent = self._now()
        connection.send(exchange)

    def _open_another(self) -> None:
        if len(self.open) + len(self.opening) < self.most and len(self.opening) < len(self.waiting):
            task = self.loop.create_task(self._open())
            self.opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> None:
        error: OSError | None = None
        for host in list(self.hosts):
            try:
                _, connection = await self.loop.create_connection(
                    lambda: LoadConnection(self.address.head, self.free, self.gone, self.done),
                    host,
                    self.address.port,
                    ssl=self.tls,
                    server_hostname=self.address.host if self.tls else None,
                )
            except OSError as wrong:
                error = wrong
                continue
            self.hosts = [host]  # the next one begins where this one got through
            self.open.add(connection)
            self.free(connection)
            return
        exchange = self._next_waiting()
        if exchange is not None:
            self.done(exchange, 0, "", f"cannot connect: {_reason(error)}")

    def _opened(self, task: asyncio.Task[None]) -> None:
        self.opening.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        elif not self.finished.done() and self.waiting:
            self._open_another()

    def _next_waiting(self) -> Exchange | None:
        while self.waiting:
            exchange = self.waiting.popleft()
            if not exchange.over:
                return exchange
        return None

    # what a connection tells

    def free(self, connection: LoadConnection) -> None:
        exchange = self._next_waiting() if self.waiting else None
        if exchange is None:
            self.idle.append(connection)
        else:
            self._send(connection, exchange)

    def gone(self, connection: LoadConnection) -> None:
        self.open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        if self.waiting and not self.finished.done():
            self._open_another()

    def done(self, exchange: Exchange, status: int, version: str, error: str) -> None:
        if exchange.over:
            return
        exchange.over = True
        ended = self._now()
        self.left -= 1
        sent = exchange.sent if exchange.sent >= 0 else ended
        try:
            self.answered(LoadAnswer(exchange.at, sent, ended, status, version, error))
        except Exception as wrong:  # noqa: BLE001  a fault of whoever is told ends the run
            self._fail(wrong)
        if self.left == 0 and self.following is None:
            self._finish()

    def _look(self) -> None:
        """Give up what has had its time. All have equally much, so the oldest is over first."""
        if self.finished.done():
            return
        latest = self._now() - self.timeout
        while self.unanswered and (self.unanswered[0].over or self.unanswered[0].at < latest):
            exchange = self.unanswered.popleft()
            if not exchange.over:
                why = "no answer" if exchange.connection else "no connection was free"
                self.done(exchange, 0, "", f"{why} in {self.timeout:g} s")
                if exchange.connection:
                    exchange.connection.abandon()
        self.loop.call_later(LOOK_SECONDS, self._look)

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)

    def _fail(self, error: BaseException) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)

    async def _end(self) -> None:
        """Close every connection, and let the loop say so to each."""
        self.finished.cancel()
        for task in self.opening:
            task.cancel()
        if self.opening:
            await asyncio.wait(list(self.opening))
        for connection in list(self.open):
            connection.abandon()
        await asyncio.sleep(0)


def _reason(error: OSError | None) -> str:
    if error is None:
        return "no address"
    if error.errno and not isinstance(error, ssl.SSLError):  # asyncio's own text has the address in it
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
