"""The demo's client: flights from 5 October on, in order, to the model's address, so many a second, until it is ended; fewer
on a slow machine. Both versions share it: with more than it can answer both are late, and then neither is the slow one.

It keeps its own count of requests and failures in a file, so that nobody has to believe the server. SIGUSR1: begin with that
day again. From it on the weather's record has gaps on every day: a model that cannot do without shows it in each block.

Usage: python demo_traffic.py URL LIVE.CSV MOST_PER_SECOND COUNTS.JSON
"""

from __future__ import annotations

import csv
import http.client
import json
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.data.contract import Contract
from modelway.data.json_rows import rows_of
from modelway.observe.load import LoadAnswer, TimedRequest, bodies_of_rows, drive, run

COLUMNS = ("carrier", "origin", "dest", "day_of_week", "hour", "minute", "distance", "dep_delay")
COLUMNS += ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
FIRST = "2013-10-05"
CONNECTIONS = 64
TIMEOUT_SECONDS = 10
BUSY = 0.5
"""Processors' time that all requests together may take, were they answered one by one. The slow version takes some three
times as long, and two processors have the deployment's own work to do besides."""


def main() -> None:
    url, rows, most, counts = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    bodies = bodies_of_rows(rows_of(rows, rows.name, Contract(), COLUMNS))
    rate = min(most, BUSY / seconds_of_one(url, bodies[:25]))
    first = first_of(rows)
    place, ended = first, False
    seen: Counter[str] = Counter()
    written = 0.0

    def restart(*_: object) -> None:
        nonlocal place
        place = first

    def end(*_: object) -> None:
        nonlocal ended
        ended = True  # what was sent is waited for: a request that is cut off here is no failure there

    def requests() -> Iterator[TimedRequest]:
        nonlocal place
        number = 0
        while not ended:
            yield TimedRequest(number / rate, bodies[place % len(bodies)])
            number, place = number + 1, place + 1

    def answered(answer: LoadAnswer) -> None:
        nonlocal written
        good = 200 <= answer.status < 300
        seen[f"version {answer.version or 'none'}: {'answered' if good else 'failed'}"] += 1
        seen["requests"] += 1
        seen["failed"] += not good
        if time.monotonic() - written > 0.25:
            written = time.monotonic()
            write(counts, seen)

    signal.signal(signal.SIGUSR1, restart)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    run(drive(url, requests(), connections=CONNECTIONS, timeout_seconds=TIMEOUT_SECONDS, answered=answered))
    write(counts, seen)


def seconds_of_one(url: str, bodies: Sequence[bytes]) -> float:
    """What one of these requests usually takes, alone."""
    address, took = urlsplit(url), []
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    for body in bodies:
        began = time.perf_counter()
        connection.request("POST", address.path, body, {"content-type": "application/json"})
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def first_of(rows: Path) -> int:
    """The number of the first row that departed on FIRST or later."""
    with rows.open(newline="", encoding="utf-8") as stream:
        return next(number for number, row in enumerate(csv.DictReader(stream)) if row["departed_at"] >= FIRST)


def write(path: Path, seen: Counter[str]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(dict(sorted(seen.items())), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    main()
