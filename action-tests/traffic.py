"""A client of a deployed model that counts for itself."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator

import requests

from modelway.observe.load import Answer, Request, drive, run

PER_SECOND = 200
WAIT_SECONDS = 120


@contextlib.contextmanager
def traffic(address: str) -> Iterator[Counter[str]]:
    """Parcels for /predict from the moment that a model is ready there until the end; counts of answers, `failed` ones and by
    version."""
    seen: Counter[str] = Counter()
    ended = threading.Event()

    def parcels() -> Iterator[Request]:
        number = 0
        while not ended.is_set():
            parcel = {"distance": float(number * 37 % 101), "weight": float(number * 17 % 51)}
            yield Request(number / PER_SECOND, json.dumps(parcel).encode())
            number += 1

    def answered(answer: Answer) -> None:
        seen[f"version {answer.version}" if answer.status == 200 else "failed"] += 1

    def client() -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_ready(address) and time.monotonic() < deadline and not ended.wait(0.1):
            pass
        run(drive(f"{address}/predict", parcels(), connections=32, timeout_seconds=10, answered=answered))

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(30)


def is_ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/ready", timeout=1).status_code == 200
    except requests.RequestException:
        return False
