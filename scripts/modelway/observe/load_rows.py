"""What is sent when: bodies from rows, and times of arrival."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any, NamedTuple


class TimedRequest(NamedTuple):
    """at: seconds from the start of the run, ascending, fixed in advance. body: JSON."""

    at: float
    body: bytes


def bodies_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    return [json.dumps({"rows": [dict(row)]}, allow_nan=False).encode() for row in rows]


def arrivals(rate: float, seconds: float, seed: int = 0) -> Iterator[float]:
    """Times of a Poisson process, rate a second, in [0, seconds): callers that know nothing of each other. The same seed
    gives the same times."""
    draw = random.Random(seed)  # noqa: S311  times of arrival are no secret
    at = draw.expovariate(rate)
    while at < seconds:
        yield at
        at += draw.expovariate(rate)


def requests_of(bodies: Collection[bytes], times: Iterable[float]) -> Iterator[TimedRequest]:
    """The bodies in their order, from the start again at the end."""
    return (TimedRequest(at, body) for at, body in zip(times, cycle(bodies), strict=False))
