"""MLflow's webhook taken for GitHub: only what is signed, of now, and about an alias that is told of goes on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import documented
from listening import answering, listening
from modelway.errors import InvalidInput, ModelwayError, Refused
from modelway.notices.dispatch import GithubDispatch
from modelway.notices.mlflow_webhook import MlflowAlias, alias_in, relayed
from modelway.notices.sending import AmbiguousDelivery

SECRET, DELIVERY, STAMP = "open sesame", "0d0c7a34-7f5e-4b4e-9a53-1c2d3e4f5a6b", 1795752000
BODY = (
    b'{"entity": "model_version_alias", "action": "created", "timestamp": "2026-11-27T04:00:00+00:00",'
    b' "data": {"name": "flight-delay", "alias": "production", "version": "8"}}'
)
FOUND = MlflowAlias("flight-delay", "production", "8")
OF_MLFLOW = "v1,5gen8wZQUqbQOeJkVW8ojgzFIIAC+znepbXpz0wqu0Y="
"""Of BODY, as mlflow.webhooks.delivery of MLflow 3.17.2 signs it."""


def headers(body: bytes = BODY, stamp: Any = STAMP, delivery: str = DELIVERY, secret: str = SECRET) -> dict[str, str]:
    signed = f"{delivery}.{stamp}.".encode() + body
    value = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    return {
        "X-MLflow-Signature": f"v1,{value}",
        "X-MLflow-Timestamp": str(stamp),
        "X-MLflow-Delivery-Id": delivery,
    }


def test_a_message_that_mlflow_has_signed_is_genuine() -> None:
    assert headers()["X-MLflow-Signature"] == OF_MLFLOW
    assert alias_in(BODY, headers(), SECRET, STAMP + 299) == FOUND
    lower = {name.lower(): f" {value} " for name, value in headers().items()}
    assert alias_in(BODY, lower, SECRET, STAMP - 299) == FOUND
    rotated = headers() | {"X-MLflow-Signature": f"v1,bm8= {OF_MLFLOW}"}
    assert alias_in(BODY, rotated, SECRET, STAMP) == FOUND, "one of several, while a secret is changed"


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (BODY.replace(b'"8"', b'"9"'), {}),
        (BODY, {"X-MLflow-Timestamp": str(STAMP + 1)}),
        (BODY, {"X-MLflow-Delivery-Id": "another"}),
        (BODY, {"X-MLflow-Delivery-Id": ""}),
        (BODY, {"X-MLflow-Signature": ""}),
        (BODY, {"X-MLflow-Signature": OF_MLFLOW.removeprefix("v1,")}),
        (BODY, {"X-MLflow-Signature": OF_MLFLOW.replace("v1", "v0")}),
        (BODY, {"X-MLflow-Signature": "v1,é"}),
    ],
)
def test_whatever_is_changed_is_refused(body: bytes, changed: dict[str, str]) -> None:
    with pytest.raises(Refused, match="not signed"):
        alias_in(body, headers() | changed, SECRET, STAMP)


def test_another_secret_or_none_is_refused() -> None:
    with pytest.raises(Refused, match="not signed"):
        alias_in(BODY, headers(secret="another"), SECRET, STAMP)
    with pytest.raises(InvalidInput, match="secret is empty"):
        alias_in(BODY, headers(secret=""), "", STAMP)


@pytest.mark.parametrize("stamp", [STAMP - 301, STAMP + 301, "", "-1", "1e9", "nan", "9" * 400, "٣"])
def test_what_was_kept_and_is_sent_again_is_refused(stamp: Any) -> None:
    with pytest.raises(Refused, match="not of now"):
        alias_in(BODY, headers(stamp=stamp), SECRET, STAMP)


def test_other_events_are_nobodys_and_what_cannot_be_read_is_one_line() -> None:
    other = BODY.replace(b"created", b"deleted")
    assert alias_in(other, headers(other), SECRET, STAMP) is None
    prompt = BODY.replace(b"model_version_alias", b"prompt_alias")
    assert alias_in(prompt, headers(prompt), SECRET, STAMP) is None
    for body in (b"", b"[]", BODY.replace(b'"8"', b"8"), b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidInput, match="cannot be read"):
            alias_in(body, headers(body), SECRET, STAMP)
    with pytest.raises(Refused, match="over 1 MiB"):
        alias_in(b" " * (1 << 21), headers(), SECRET, STAMP)


@given(st.binary(), st.dictionaries(st.sampled_from(list(headers())), st.text()))
def test_nobody_without_the_secret_gets_through(body: bytes, given_headers: dict[str, str]) -> None:
    with pytest.raises(ModelwayError) as caught:
        alias_in(body, given_headers, SECRET, STAMP)
    assert "\n" not in caught.value.line()


def test_it_becomes_an_event_of_the_repository() -> None:
    with listening(answering(204, b"")) as github:
        dispatch = GithubDispatch(github.url, "team/shop", "a-token", "TOKEN", event_type="model-promoted")
        now = headers(stamp=int(time.time()))
        assert relayed(BODY, now, SECRET, dispatch, {"staging": "staging"}) is None and not github.asked
        assert relayed(BODY, now, SECRET, dispatch, {"production": "live"}) == FOUND
        (asked,) = github.asked
        assert asked.json() == {
            "event_type": "model-promoted",
            "client_payload": {
                "id": DELIVERY,
                "model": "flight-delay",
                "environment": "live",
                "version": "8",
                "reason": "the alias production was set in MLflow",
            },
        }
        github.behave = answering(500)
        with pytest.raises(AmbiguousDelivery):
            relayed(BODY, now, SECRET, dispatch, {"production": "live"})


def test_the_documented_relay_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page has it: what MLflow sends to it is answered, and goes on."""
    (text,) = documented.examples("policy.md", "From MLflow's webhooks", "python")
    with listening(answering(204, b"")) as github:
        monkeypatch.setenv("GITHUB_TOKEN", "a-token")
        monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET", SECRET)
        scope: dict[str, Any] = {}
        exec(text.replace("https://api.github.com", github.url), scope)
        now = headers(stamp=int(time.time()))
        assert scope["answer"](BODY, now) == 204
        assert scope["answer"](BODY, now | {"X-MLflow-Signature": "v1,bm8="}) == 400
        github.behave = answering(502)
        assert scope["answer"](BODY, now) == 503
        assert len(github.asked) == 2 and json.loads(github.asked[0].body)["client_payload"]["version"] == "8"
    assert re.search("GITHUB_TOKEN", text)
