"""The head of a request: what is kept of it, and what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 << 10
HOST = re.compile(rb"[^\s/?#@,\\]*")
REQUEST_ID = re.compile(rb"[\w.:/+=~-]{1,128}", re.ASCII)
TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""W3C Trace Context; in later versions more may follow."""
TOO_LONG = 1 << 62
VERSIONS = ("1.0", "1.1")
TESTER_HEADER = "x-modelway-tester"
"""What routes the testers of a rollout marks their requests by it: they are no part of what is judged."""
TESTER = TESTER_HEADER.encode()
SAMPLE_HEADER = "x-modelway-sample"
"""Whoever sends rows that no client asked for, such as benchmark-endpoint, marks them by it: they are answered, counted and
judged as any other, and they are no part of what is watched for drift."""
SAMPLE = SAMPLE_HEADER.encode()
OPENS_HEADER = "x-modelway-token"
"""Opens the sample of rows. A header of our own: the proxy of Kubernetes' API server keeps Authorization to itself."""
OPENS = OPENS_HEADER.encode()
OLD_VERSIONS = ("0.0", "0.9")
"""As the parser calls a request of one line that names no version."""
IDENTITY = b"accept-encoding: identity\r\n"


class WrongHead(Exception):
    """What the head makes impossible: a status, what is wrong, and further headers of the answer, each with its CRLF."""

    def __init__(self, status: int, error: str, headers: bytes = b"") -> None:
        super().__init__(error)
        self.status, self.error, self.headers = status, error, headers


@dataclass(slots=True)
class RequestHead:
    """size: of the request line's target and the headers, in bytes. length: of the body, as announced. request_id and
    trace_id: what the client calls the request, and the trace that it belongs to; empty where it does not say, or not in
    the form of one. tested: it is a tester's. sampled: no client's. token: that came with it."""

    url: bytes = b""
    size: int = 0
    hosts: int = 0
    host: bytes = b""
    content_type: str = ""
    content_coding: bytes = b""
    transfer_coding: bytes = b""
    length: int = 0
    expects: bool = False
    request_id: str = ""
    trace_id: str = ""
    tested: bool = False
    sampled: bool = False
    token: bytes = b""

    @property
    def path(self) -> str:
        """Without the query."""
        path = self.url.partition(b"?")[0]
        if path.startswith((b"http://", b"https://")):  # as a proxy is asked
            path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
        return path.decode("latin-1")

    def take(self, name: bytes, value: bytes) -> None:
        """One header, as the parser has it."""
        self.size += len(name) + len(value) + 4
        name = name.lower()
        if name == b"content-type":
            self.content_type = value.decode("latin-1").lower()
        elif name == b"content-length":
            self.length = int(value) if value.isdigit() and len(value) < 19 else TOO_LONG
        elif name == b"host":
            self.hosts += 1
            self.host = value
        elif name == b"expect":
            self.expects = value.lower() == b"100-continue"
        elif name == b"content-encoding":
            self.content_coding = value.lower().strip()
        elif name == b"transfer-encoding":
            self.transfer_coding = value.lower().strip()
        elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            self.request_id = value.decode("ascii")
        elif name == b"traceparent" and (found := TRACEPARENT.fullmatch(value)):
            self.trace_id = found[1].decode("ascii")
        elif name == TESTER:
            self.tested = True
        elif name == SAMPLE:
            self.sampled = True
        elif name == OPENS:
            self.token = value

    def check(self, version: str, body_bytes: int) -> None:
        """Wrong where the request cannot be served, whatever its path. version: of HTTP. body_bytes: the largest body."""
        if version not in VERSIONS:
            raise unknown_version()
        if self.size > MAX_HEAD_BYTES:
            raise too_large()
        if version == "1.1" and self.hosts == 0:
            raise WrongHead(400, "there is no Host header")
        if self.hosts > 1:
            raise WrongHead(400, "there is more than one Host header")
        if not HOST.fullmatch(self.host):
            raise WrongHead(400, "the Host header is no name of a host")
        if self.transfer_coding not in (b"", b"chunked"):
            raise WrongHead(501, f"the transfer coding {_shown(self.transfer_coding)} is not known here; chunked is")
        if self.content_coding not in (b"", b"identity"):
            said = f"the content coding {_shown(self.content_coding)} is not taken: send the body as it is"
            raise WrongHead(415, said, IDENTITY)
        if self.length > body_bytes:
            raise too_large_body(body_bytes)


def too_large_body(most: int) -> WrongHead:
    return WrongHead(413, f"the body has more than {most} bytes (--max-body-bytes)")


def too_large() -> WrongHead:
    return WrongHead(431, f"the head of the request has more than {MAX_HEAD_BYTES} bytes")


def unknown_version() -> WrongHead:
    return WrongHead(505, "this server speaks HTTP/1.0 and HTTP/1.1")


def _shown(value: bytes) -> str:
    return ascii(value[:40].decode("latin-1"))
