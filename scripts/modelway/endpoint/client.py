"""One request at a time to a server that nothing is known of: it may not answer, never end, or speak no HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 64 << 20
SAMPLE_HEADER = "x-modelway-sample"
"""As the model server, which stands alone, has it."""
JSON = "application/json"


class NoAnswerError(Exception):
    """None came, or none that is HTTP: why, in words for a person."""


class SilentError(NoAnswerError):
    """No connection, or no whole answer in time."""


@dataclass(frozen=True)
class Reply:
    """headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """ValueError where the body is not strictly JSON."""
        return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)


@dataclass(frozen=True)
class Endpoint:
    """All that is asked here is marked as sample traffic. url: of the server, without a path of an endpoint. timeout_seconds:
    for a whole answer. token: sent as a bearer's."""

    url: str
    timeout_seconds: float = 10.0
    token: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {SAMPLE_HEADER: "1"} | ({"authorization": f"Bearer {self.token}"} if self.token else {})

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any, kind: str = JSON) -> Reply:
        """body: bytes as they are, anything else as JSON."""
        return self.ask("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), kind)

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", declared: int | None = None
    ) -> Reply:
        """NoAnswerError where there is no whole answer in time. declared: the body's length as the head says it, where that
        is not the truth."""
        with self._connected() as connection:
            connection.putrequest(method, urlsplit(self.url).path.rstrip("/") + path)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            if kind:
                connection.putheader("content-type", kind)
            if body is not None or declared is not None:
                connection.putheader("content-length", str(declared if declared is not None else len(body or b"")))
            connection.endheaders()
            with contextlib.suppress(OSError):  # refused before it was all sent: the answer says why
                connection.send(body or b"")
            answer = connection.getresponse()
            said = answer.read(MAX_ANSWER_BYTES)
            if answer.length:  # reading so many bytes at most, the library does not say that some are missing
                raise http.client.HTTPException(f"{answer.length} bytes of the answer are missing")
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, said)

    def raw(self, data: bytes) -> int | None:
        """The status that is answered to these bytes; None where the connection ends without one."""
        with self._connected() as connection:
            sock = connection.sock
            sock.sendall(data)
            head = b""
            while b"\r\n" not in head and len(head) < 1 << 16 and (more := sock.recv(4096)):
                head += more
            return status_of(head)

    def hold(self, path: str, kind: str = JSON) -> socket.socket:
        """A connection whose request is never finished: the caller closes it."""
        connection = self._connection(self.timeout_seconds)
        connection.connect()
        parts = urlsplit(self.url)
        every = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = (
            f"POST {parts.path.rstrip('/')}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{every}content-type: {kind}\r\n"
        )
        connection.sock.sendall(f"{head}content-length: 1000\r\n\r\n{{".encode())
        return connection.sock

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        assert parts.hostname
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that is cut when the time for the whole answer is over: a socket's own limit is for each read."""
        connection = self._connection(self.timeout_seconds)
        began = time.monotonic()
        try:
            connection.connect()
        except OSError as error:
            raise SilentError(f"cannot connect: {_reason(error)}") from None
        cut = threading.Timer(self.timeout_seconds, _cut, (connection.sock,))
        cut.daemon = True
        cut.start()
        try:
            yield connection
            if time.monotonic() - began >= self.timeout_seconds:  # what was cut may look whole
                raise SilentError(f"no whole answer in {self.timeout_seconds:g} s")
        except NoAnswerError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() - began >= self.timeout_seconds:
                raise SilentError(f"no whole answer in {self.timeout_seconds:g} s") from None
            raise NoAnswerError(f"no answer that is HTTP: {_reason(error)}") from None
        finally:
            cut.cancel()
            connection.close()


def status_of(head: bytes) -> int | None:
    """Of an answer that was read from a connection itself; None where it is none of HTTP/1."""
    words = head.split(b"\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit() else None


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:200]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
