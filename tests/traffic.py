"""A client of a deployed model that counts for itself."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import requests

from modelway.observe.load import LoadAnswer, TimedRequest, drive, run

WAIT_SECONDS = 120


@contextlib.contextmanager
def traffic(
    address: str,
    row: Callable[[int], Mapping[str, float]],
    per_second: float,
    host: str = "",
    headers: Mapping[str, str] | None = None,
) -> Iterator[Counter[str]]:
    """Requests to /predict, one row each, from the moment that a model is ready there until the end. host: the header.

    Counts of answers by version and status, such as `2 200`, and all that were not 200 as `failed`."""
    seen: Counter[str] = Counter()
    ended, sent = threading.Event(), {**({"host": host} if host else {}), **(headers or {})}

    def requests_() -> Iterator[TimedRequest]:
        number = 0
        while not ended.is_set():
            yield TimedRequest(number / per_second, json.dumps(row(number)).encode())
            number += 1

    def answered(answer: LoadAnswer) -> None:
        seen[f"{answer.version} {answer.status or answer.error}"] += 1
        if answer.status != 200:
            seen["failed"] += 1

    def client() -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_ready(address, sent) and time.monotonic() < deadline and not ended.wait(0.1):
            pass
        asked = drive(
            f"{address}/predict", requests_(), connections=128, timeout_seconds=10, answered=answered, headers=sent
        )
        run(asked)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(30)


def is_ready(address: str, headers: Mapping[str, str] | None = None) -> bool:
    try:
        return requests.get(f"{address}/ready", headers=headers, timeout=1).status_code == 200
    except requests.RequestException:
        return False
