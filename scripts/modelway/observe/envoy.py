"""Requests, errors and slow requests of each cluster, from Envoy's own counters.

`upstream_rq_completed` and the status counters count a request once, at the route: an attempt that was retried is not in
them. `upstream_rq_time` is a histogram whose bounds are set when Envoy starts, in whole milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote

import msgspec
import requests

from modelway.errors import OutsideFailure

BOUNDS_MS = (*range(1, 51), *range(55, 101, 5), *range(110, 501, 10), *range(600, 2001, 100), *range(3000, 61000, 1000))
"""Upper bounds of the histogram's buckets."""
LINE = re.compile(r"envoy_cluster_(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)")
CLUSTER = re.compile(r'envoy_cluster_name="([^"]*)"')
BOUND = re.compile(r'le="([^"]*)"')
CLASS = re.compile(r'envoy_response_code_class="([45])"')
TIMEOUT_SECONDS = 3


class Sample(msgspec.Struct, frozen=True):
    """Counters of one cluster since Envoy started."""

    requests: int = 0
    errors: int = 0
    timed: int = 0
    """Requests with a time: those that the client did not abort."""
    fast: dict[int, int] = {}
    """Bound in milliseconds -> requests that took at most so long; only bounds where the count changes."""


class Snapshot(msgspec.Struct, frozen=True):
    at: float
    """Seconds since the epoch: for people. A clock can be set."""
    clusters: dict[str, Sample]
    ticks: float = 0.0
    """Seconds of the machine's own clock since it was started, which nobody sets: for durations."""


def snapshot(admin: str) -> Snapshot:
    """The counters of every cluster now. admin: the address of Envoy's admin, such as http://127.0.0.1:9901."""
    pattern = quote(r"^cluster\..*\.(upstream_rq_completed|upstream_rq_[45]xx|upstream_rq_time)$")
    try:
        answer = requests.get(f"{admin}/stats/prometheus?filter={pattern}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise OutsideFailure(
            f"Envoy's counters could not be read: {type(error).__name__}",
            where=admin,
            fix="run the same command again: it starts what does not run",
        ) from None
    return Snapshot(time.time(), parse(answer.text), time.monotonic())


def parse(text: str) -> dict[str, Sample]:
    """Envoy's Prometheus text, by cluster."""
    totals: dict[str, dict[str, int]] = {}
    fast: dict[str, dict[int, int]] = {}
    for match in LINE.finditer(text):
        cluster, value = CLUSTER.search(match["labels"]), match["value"]
        if cluster is None or not value.isdigit():
            continue
        name, count = cluster[1], int(value)
        kept = totals.setdefault(name, {"requests": 0, "errors": 0, "timed": 0})
        kind = match["name"]
        if kind == "upstream_rq_completed":
            kept["requests"] = count
        elif kind == "upstream_rq_xx" and CLASS.search(match["labels"]):
            kept["errors"] += count
        elif kind == "upstream_rq_time_count":
            kept["timed"] = count
        elif kind == "upstream_rq_time_bucket" and (bound := BOUND.search(match["labels"])) and bound[1] != "+Inf":
            buckets = fast.setdefault(name, {})
            if count != (max(buckets.values()) if buckets else 0):
                buckets[int(float(bound[1]))] = count
    return {name: Sample(**kept, fast=fast.get(name, {})) for name, kept in totals.items()}


def counted(before: Sample, after: Sample, slow_ms: float) -> tuple[int, int, int] | None:
    """Requests, errors and slow requests between two samples; None where a counter went down (Envoy was started anew).
    A slow_ms of 0 counts none."""
    was = (before.requests, before.errors, before.timed, quick(before, slow_ms))
    now = (after.requests, after.errors, after.timed, quick(after, slow_ms))
    requests_, errors, timed, fast = (new - old for old, new in zip(was, now, strict=True))
    if min(requests_, errors, timed, fast) < 0:
        return None
    # counters are read while requests go on: a part may be ahead of its whole
    return requests_, min(errors, requests_), min(max(timed - fast, 0), requests_) if slow_ms else 0


def quick(sample: Sample, slow_ms: float) -> int:
    """Requests that took at most so long. slow_ms is one of BOUNDS_MS."""
    return max((count for bound, count in sample.fast.items() if bound <= slow_ms), default=0)


def percentile_bound(before: Sample, after: Sample, share: float) -> int | None:
    """The smallest of BOUNDS_MS that at least this share of the requests in between did not exceed; None without any."""
    timed = after.timed - before.timed
    if timed <= 0:
        return None
    return next((bound for bound in BOUNDS_MS if quick(after, bound) - quick(before, bound) >= share * timed), None)


def between(samples: Iterable[Snapshot], slot: str) -> list[tuple[float, Sample]]:
    """(ticks, sample) of one cluster, oldest first, from where its counters last went down, or the machine was started."""
    kept: list[tuple[float, Sample]] = []
    for item in samples:
        if (sample := item.clusters.get(slot)) is None:
            continue
        if kept and (sample.requests < kept[-1][1].requests or item.ticks < kept[-1][0]):
            kept.clear()
        kept.append((item.ticks, sample))
    return kept


def sample_of(clusters: Mapping[str, Sample], slot: str) -> Sample:
    return clusters.get(slot, Sample())
