"""Rows that a release was asked lately, for whoever compares it with another one. Only a server that was started for that
remembers any, and it tells them to nobody without the token whose SHA-256 it was started with."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelway.serving import payload
from modelway.serving.messages import HttpAnswer, HttpRequest, Refusal

if TYPE_CHECKING:
    from modelway.serving.model import Model

PATH = "/sampled-rows"
MOST_REQUESTS, MOST_BYTES, MOST_SECONDS = 200, 4 << 20, 60.0
"""What is remembered at most: requests, bytes of their bodies, and for how long."""
NAMED = ("dataframe_split", "dataframe_records")
"""MLflow's formats that name columns whatever the signature."""


def opens(token: bytes, token_sha256: str) -> bool:
    """Whether it is the right token; how long that takes tells nothing of it."""
    return hmac.compare_digest(hashlib.sha256(token).hexdigest(), token_sha256)


class RowSample:
    """A uniform sample of the requests since it was last taken (Vitter 1985, algorithm R). Used on the event loop alone."""

    def __init__(self) -> None:
        self._kept: list[HttpRequest] = []
        self._bytes = self._seen = 0

    def offer(self, request: HttpRequest) -> None:
        self._seen += 1
        kept = self._kept
        at = len(kept) if len(kept) < MOST_REQUESTS else int(random.random() * self._seen)  # noqa: S311  no secret
        if at >= MOST_REQUESTS:
            return
        grown = len(request.body) - (len(kept[at].body) if at < len(kept) else 0)
        if self._bytes + grown > MOST_BYTES:
            return
        self._bytes += grown
        kept[at : at + 1] = [request]

    def forget(self, now: float) -> None:
        """What is too old. now: as time.perf_counter."""
        young = [request for request in self._kept if now - request.arrived < MOST_SECONDS]
        if len(young) < len(self._kept):
            self._kept, self._seen = young, len(young)
            self._bytes = sum(len(request.body) for request in young)

    def take(self, most: int) -> list[HttpRequest]:
        """So many of them at most, at random; nothing is remembered any more."""
        taken = random.sample(self._kept, min(most, len(self._kept)))
        self._kept, self._bytes, self._seen = [], 0, 0
        return taken


def most_of(body: bytes) -> int:
    """How many rows are asked for, by {"most": N}; else Refused."""
    said = payload.document(body)
    most = said.get("most") if isinstance(said, dict) else None
    if type(most) is not int or not 1 <= most <= MOST_REQUESTS:
        raise Refusal(400, f"most must be a whole number from 1 to {MOST_REQUESTS}", "most")
    return most


def told(requests: Sequence[HttpRequest], model: Model, most_rows: int, classes: Sequence[str]) -> HttpAnswer:
    """{"rows": [{"path", "row"}], "unreadable", "classes"}: one row of each request, at random, since the rows of one are no
    independent witnesses. path: where it was asked, and can be asked again. classes: of the model's probabilities."""
    texts, unreadable = [], 0
    for request in requests:
        try:
            texts.append(json.dumps({"path": request.path})[:-1] + f', "row": {_row(request, model, most_rows)}}}')
        except Exception:  # noqa: BLE001  no word of a row may come into a log
            unreadable += 1
    told = f'"rows": [{", ".join(texts)}], "unreadable": {unreadable}, "classes": {json.dumps(list(classes))}'
    return HttpAnswer(200, f"{{{told}}}".encode())


def _row(request: HttpRequest, model: Model, most_rows: int) -> str:
    """One row of the request, as JSON. Raises where it has no named columns, or parameters besides."""
    from modelway.serving import predictions

    if request.path == "/predict":
        return predictions.encode(_any(payload.predict_rows(payload.document(request.body), most_rows)))
    if request.content_type.startswith("text/csv"):
        types = model.csv_types if model.columns is not None else None
        table = payload.csv_table(request.body, types, most_rows)
    else:
        body = payload.document(request.body)
        name = payload.chosen_format(body)
        if body.get(payload.PARAMETERS) or (model.columns is None and name not in NAMED):
            raise ValueError(name)
        table = payload.invocations_table(body, name, most_rows)
    at = random.randrange(table.rows)  # noqa: S311  no secret
    row: dict[str, Any] = {name: values[at] for name, values in table.columns.items()}
    return predictions.encode({name: value for name, value in row.items() if value is not payload.ABSENT})


def _any(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return rows[random.randrange(len(rows))]  # noqa: S311  no secret
