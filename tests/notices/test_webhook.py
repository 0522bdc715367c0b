"""A signed webhook: a receiver finds out what is genuine by the example of the docs."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import documented
import notify
from listening import listening
from notice_cases import Configure, warning


def test_a_webhook_is_signed_over_what_was_sent(project: Path, configure: Configure, monkeypatch: Any) -> None:
    """By the example of the docs, which a receiver copies."""
    monkeypatch.setenv("MODELWAY_WEBHOOK_SECRET", "open sesame")
    with listening() as pager:
        monkeypatch.setenv("MODELWAY_WEBHOOK_URL", f"{pager.url}/hook?to=me")
        configure({"webhook": {"pager": {}}})
        assert notify.main(["--report", "report.json"]) == 0
    (asked,) = pager.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    body = asked.json()
    assert asked.path == "/hook?to=me" and headers["idempotency-key"] == body["id"]
    assert (body["schema"], body["outcome"], body["version"]) == ("modelway/notice/1", "rolled-back", 7)
    assert "report" not in body, "a path of the machine that sends"
    (code,) = documented.examples("notify.md", "A webhook")
    is_genuine: Any = {}
    exec(code, is_genuine)
    check = is_genuine["is_genuine"]
    assert check(asked.body, headers, b"open sesame")
    assert not check(asked.body + b" ", headers, b"open sesame") and not check(asked.body, headers, b"other")
    old = {**headers, "x-modelway-timestamp": str(int(time.time()) - 3600)}
    assert not check(asked.body, old, b"open sesame"), "a timestamp that was changed"
    signed = hmac.new(
        b"open sesame", old["x-modelway-timestamp"].encode() + b"." + asked.body, hashlib.sha256
    ).hexdigest()
    assert not check(asked.body, old | {"x-modelway-signature-256": f"sha256={signed}"}, b"open sesame"), "a replay"


def test_without_a_secret_a_webhook_is_told_only_where_that_is_said(
    project: Path, configure: Configure, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.delenv("MODELWAY_WEBHOOK_SECRET", raising=False)
    with listening() as pager:
        monkeypatch.setenv("MODELWAY_WEBHOOK_URL", pager.url)
        configure({"webhook": {"pager": {}}})
        assert notify.main(["--report", "report.json"]) == 0
        assert "$MODELWAY_WEBHOOK_SECRET: is not set" in warning(capsys) and not pager.asked
        configure({"webhook": {"pager": {"signed": False}}})
        assert notify.main(["--report", "report.json"]) == 0
        (asked,) = pager.asked
        assert not [name for name in asked.headers if "Signature" in name]
