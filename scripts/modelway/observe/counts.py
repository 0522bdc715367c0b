"""Counters of releases, whoever counts them: what a source hands over, and what two readings of it say together.

A source of counts is a `CountsSource`: Envoy's own statistics (`observe.envoy`), or any other that can say how many requests a
release has answered, how many of them failed, and how long they took.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

BOUNDS_MS: tuple[float, ...] = (
    *range(1, 51),
    *range(55, 101, 5),
    *range(110, 501, 10),
    *range(600, 2001, 100),
    *range(3000, 61000, 1000),
)
"""Upper bounds of a histogram of latencies, where they are ours to choose."""


class Counters(msgspec.Struct, frozen=True):
    """Counters of one release, or of one replica, since they began. They only grow."""

    requests: int = 0
    errors: int = 0
    timed: int = 0
    """Requests with a time: those that the client did not abort."""
    fast: dict[float, int] = {}
    """Bound in milliseconds -> requests that took at most so long; only bounds where the count changes."""


class Snapshot(msgspec.Struct, frozen=True):
    """Every counter at one moment."""

    at: float
    """Seconds since the epoch: for people. A clock can be set."""
    releases: dict[str, Counters] = msgspec.field(name="clusters")
    """Slot -> its counters. A release that the source has not seen is not in it."""
    ticks: float = 0.0
    """Seconds of the machine's own clock since it was started, which nobody sets: for durations."""
    replicas: dict[str, dict[str, Counters]] = {}
    """Slot -> replica -> its counters; empty where the source tells no replicas apart."""
    gap: str = ""
    """Why these counters are not to be used, though they could be read (the newest scrape is old, a series is missing); empty
    where they are. What is observed up to here or from here is dropped, and neither healthy nor harmful."""

    @classmethod
    def now(
        cls,
        releases: Mapping[str, Counters],
        replicas: Mapping[str, Mapping[str, Counters]] | None = None,
        gap: str = "",
    ) -> Snapshot:
        """Of counters that were read at this moment."""
        told = {slot: dict(samples) for slot, samples in (replicas or {}).items()}
        return cls(time.time(), dict(releases), time.monotonic(), told, gap)


class CountsSource(Protocol):
    """How many requests each release got, how many failed, how many were slow.

    Every implementation guarantees (tests/observe/contract.py): a request that was answered is counted once, within a second,
    and under the release that answered it; counters only grow, unless they begin anew at zero; what cannot be read is an
    OutsideFailure or a `gap`, and never a zero."""

    @property
    def bounds_ms(self) -> Sequence[float]:
        """Of the histogram, rising: what is slow can only be said by one of them."""
        return BOUNDS_MS

    def snapshot(self) -> Snapshot:
        """The counters of now."""

    def past(self, seconds: float) -> Iterable[Snapshot] | None:
        """What was counted in the last so many seconds, oldest first, at most some seconds apart; None where the source keeps
        no past, so that whoever needs one has to watch."""
        return None


def counted(before: Counters, after: Counters, slow_ms: float) -> tuple[int, int, int] | None:
    """Requests, errors and slow requests between two samples; None where a counter went down (it began anew).
    A slow_ms of 0 counts none."""
    was = (before.requests, before.errors, before.timed, quick(before, slow_ms))
    now = (after.requests, after.errors, after.timed, quick(after, slow_ms))
    requests, errors, timed, fast = (new - old for old, new in zip(was, now, strict=True))
    if min(requests, errors, timed, fast) < 0:
        return None
    # counters are read while requests go on: a part may be ahead of its whole
    return requests, min(errors, requests), min(max(timed - fast, 0), requests) if slow_ms else 0


def quick(sample: Counters, slow_ms: float) -> int:
    """Requests that took at most so long. slow_ms is one of the source's bounds."""
    return max((count for bound, count in sample.fast.items() if bound <= slow_ms), default=0)


def together(samples: Iterable[Counters]) -> Counters:
    """The sum of replicas' counters."""
    found = tuple(samples)
    bounds = sorted({bound for sample in found for bound in sample.fast})
    return Counters(
        requests=sum(sample.requests for sample in found),
        errors=sum(sample.errors for sample in found),
        timed=sum(sample.timed for sample in found),
        fast={bound: sum(quick(sample, bound) for sample in found) for bound in bounds},
    )


def percentile_bound(before: Counters, after: Counters, share: float) -> float | None:
    """The smallest bound that at least this share of the requests in between did not exceed; None without any."""
    timed = after.timed - before.timed
    if timed <= 0:
        return None
    return next(
        (bound for bound in sorted(after.fast) if quick(after, bound) - quick(before, bound) >= share * timed), None
    )


def between(snapshots: Iterable[Snapshot], slot: str) -> list[tuple[float, Counters]]:
    """(ticks, sample) of one release, oldest first, from where its counters last went down, or the machine was started."""
    kept: list[tuple[float, Counters]] = []
    for item in snapshots:
        if (sample := item.releases.get(slot)) is None:
            continue
        if kept and (sample.requests < kept[-1][1].requests or item.ticks < kept[-1][0]):
            kept.clear()
        kept.append((item.ticks, sample))
    return kept
