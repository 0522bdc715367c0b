"""MLflow's webhooks taken for GitHub: an alias that was set becomes a `repository_dispatch`, where the message is genuine.

MLflow signs HMAC-SHA256 over `<delivery id>.<timestamp>.<body>` and sends `v1,<base64>` in X-MLflow-Signature (MLflow 3,
mlflow/webhooks/delivery.py). GitHub takes no such message, so something of the team's stands between and calls `relayed`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from modelway.errors import InvalidInput, Refused
from modelway.notices.dispatch import GithubDispatch

SIGNATURE, TIMESTAMP, DELIVERY = "x-mlflow-signature", "x-mlflow-timestamp", "x-mlflow-delivery-id"
FRESH_SECONDS = 300.0
"""A message that is older, or so much ahead, is taken for one that was kept and sent again."""
LARGEST = 1 << 20
"""Bytes of a message."""
SECONDS = 8.0
"""For GitHub's answer: MLflow waits for 30 seconds, and sends again what fails."""


class MlflowAlias(msgspec.Struct, frozen=True):
    """What MLflow says of an alias that was set. version: of the model."""

    name: str
    alias: str
    version: str


class MlflowMessage(msgspec.Struct, frozen=True):
    entity: str
    action: str
    data: Any = None


def alias_in(
    body: bytes, headers: Mapping[str, str], secret: str, now: float, at_most_seconds: float = FRESH_SECONDS
) -> MlflowAlias | None:
    """The alias that the message says was set; None where it says something else. body: as it came. now: seconds of the epoch.

    Refused where it is not signed with this secret, or is not of the last `at_most_seconds`; InvalidInput where it is signed
    and cannot be read."""
    found = {name.lower(): value.strip() for name, value in headers.items()}
    if not secret:
        raise InvalidInput("the webhook's secret is empty", fix="set it to the one that MLflow signs with")
    if len(body) > LARGEST:
        raise Refused(f"the message is over {LARGEST >> 20} MiB")
    stamp, delivery = found.get(TIMESTAMP, ""), found.get(DELIVERY, "")
    signed = f"{delivery}.{stamp}.".encode("utf-8", "replace") + body
    expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
    given = [part.partition(",") for part in found.get(SIGNATURE, "").split()]
    # every one is compared, so that the time tells nothing
    genuine = [
        hmac.compare_digest(expected, value.encode("utf-8", "replace")) for kind, _, value in given if kind == "v1"
    ]
    if not delivery or not any(genuine):
        raise Refused(
            "the message is not signed with the webhook's secret", fix="set the same secret in MLflow and here"
        )
    if not re.fullmatch("[0-9]{1,12}", stamp, re.ASCII) or not abs(now - int(stamp)) <= at_most_seconds:
        raise Refused("the message is not of now: it was kept and sent again, or a clock is wrong")
    try:
        message = msgspec.json.decode(body, type=MlflowMessage)
        if (message.entity, message.action) != ("model_version_alias", "created"):
            return None
        return msgspec.convert(message.data, MlflowAlias)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the message cannot be read: {error}", fix="see which version of MLflow sends it") from None


def relayed(
    body: bytes, headers: Mapping[str, str], secret: str, dispatch: GithubDispatch, aliases: Mapping[str, str]
) -> MlflowAlias | None:
    """Send the event of an alias that was set, and give it back; None where there was nothing to send. aliases: those that
    are told of, each with the environment that it stands for.

    Raises as `alias_in` and `GithubDispatch.send` do: answer MLflow 4xx to Refused and InvalidInput; 503 to OutsideFailure,
    after which it sends the same again, with the same id."""
    found = alias_in(body, headers, secret, time.time())
    if found is None or found.alias not in aliases:
        return None
    delivery = next(value.strip() for name, value in headers.items() if name.lower() == DELIVERY)
    values = {
        "id": delivery,
        "model": found.name,
        "environment": aliases[found.alias],
        "version": found.version,
        "reason": f"the alias {found.alias} was set in MLflow",
    }
    dispatch.send(values, time.monotonic() + SECONDS)
    return found
