"""The message to any server that takes JSON: canonical JSON, an id by which it is known again, a signature."""

from __future__ import annotations

import hashlib
import hmac
import time

import msgspec

from modelway.notices.notice import Notice
from modelway.records import canonical_json


def body_of(notice: Notice) -> bytes:
    """Without the path of the report: it is one of the machine that sends."""
    fields = msgspec.to_builtins(notice)
    del fields["report"]
    return canonical_json(fields)


def headers_of(notice: Notice, body: bytes, secret: str, now: float | None = None) -> dict[str, str]:
    """secret: empty for a message without a signature. now: seconds of the epoch."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id}
    if secret:
        stamp = str(int(time.time() if now is None else now))
        headers |= {
            "X-Modelway-Timestamp": stamp,
            "X-Modelway-Signature-256": f"sha256={signature(secret, stamp, body)}",
        }
    return headers


def signature(secret: str, stamp: str, body: bytes) -> str:
    """HMAC with SHA-256, in hexadecimal, over the timestamp, a dot, and the body as it was sent: neither can be replaced."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
