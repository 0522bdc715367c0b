"""What goes in and out of the server: a request that was read whole, and an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"
RETRY = b"retry-after: 1\r\n"
LARGE_BYTES = 32 << 10
"""A body with more is read beside the event loop, which a millisecond of parsing would hold up."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """path without the query; content_type as it was sent, lower case, empty where it was not. arrived: when its last byte
    had come (time.perf_counter). request_id, trace_id: what the client calls it; empty where it does not say. client: the
    address that it came from. tested: a tester of a rollout sent it. sampled: it is sample traffic. token: that came with
    it."""

    method: str
    path: str
    content_type: str
    body: bytes
    arrived: float = 0.0
    request_id: str = ""
    trace_id: str = ""
    client: str = ""
    tested: bool = False
    sampled: bool = False
    token: bytes = b""

    @property
    def is_of_a_client(self) -> bool:
        return not (self.tested or self.sampled)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """headers: further ones, as they are written, each ending in CRLF."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: bytes = b""


Reply = Callable[[HttpAnswer], None]
"""Called once with the answer to a request, on the event loop."""


class Refusal(Exception):
    """A request that is answered 4xx, or 503 where another time it may be taken. field: the column or key that is wrong; empty
    where it is none of them."""

    def __init__(self, status: int, error: str, field: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.field = status, error, field

    def answer(self) -> HttpAnswer:
        return refuse(self.status, self.error, self.field, RETRY if self.status == 503 else b"")


def refuse(status: int, error: str, field: str = "", headers: bytes = b"", **more: str) -> HttpAnswer:
    """{"error", "field"?, ...} in one line."""
    said: dict[str, Any] = {"error": " ".join(error.split())}
    if field:
        said["field"] = field
    return HttpAnswer(status, json.dumps(said | more).encode(), headers=headers)
