"""Counters of releases, whoever counts them: what a source hands over, and what two readings of it say together.

A source of counts is a `CountsSource`: Envoy's own statistics (`observe.envoy`), or any other that can say how many requests a
release has answered, how many of them failed, and how long they took. Two readings are compared replica by replica
(`unknown_between`, `grown`): in a sum, one that is gone hides behind another's new requests.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """Slot -> its counters; zeros where it is counted and nobody asked it yet. A release that the source does not count is not
    in it."""
    ticks: float = 0.0
    """Seconds of the machine's own clock since it was started, which nobody sets: for durations."""
    replicas: dict[str, dict[str, Counters]] = {}
    """Slot -> whatever was summed up, by a name that nothing else gets (a replica's process, one of several gateways) -> its
    counters; empty where the source tells none apart."""
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

    @classmethod
    def of_replicas(cls, replicas: Mapping[str, Mapping[str, Counters]], gap: str = "") -> Snapshot:
        """The same, where a release is the sum of its replicas. A slot without any is not counted."""
        told = {slot: samples for slot, samples in replicas.items() if samples}
        return cls.now({slot: together(samples.values()) for slot, samples in told.items()}, told, gap)

    def parts(self, slot: str) -> Mapping[str, Counters]:
        """What is compared: its replicas, or the release as a whole under no name; nothing where it is not counted."""
        if slot in self.replicas:
            return self.replicas[slot]
        return {"": self.releases[slot]} if slot in self.releases else {}


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
    total = Counters()
    for sample in samples:
        total = Counters(
            requests=total.requests + sample.requests,
            errors=total.errors + sample.errors,
            timed=total.timed + sample.timed,
            fast={bound: one + other for bound, one, other in _buckets(total, sample)},
        )
    return total


def percentile_bound(before: Counters, after: Counters, share: float) -> float | None:
    """The smallest bound that at least this share of the requests in between did not exceed; None without any."""
    timed = after.timed - before.timed
    if timed <= 0:
        return None
    return next(
        (bound for bound in sorted(after.fast) if quick(after, bound) - quick(before, bound) >= share * timed), None
    )


def unknown_between(before: Snapshot, after: Snapshot, slot: str) -> str:
    """Why nobody can say what a release did between two readings; empty where `grown` can.

    A replica that is new since `before` is no reason: what it had counted by `after` is left out, as it may have begun long
    before it was found."""
    if gap := before.gap or after.gap:
        return gap
    if after.ticks < before.ticks:
        return "the machine was started anew"
    was, now = before.parts(slot), after.parts(slot)
    if not was or not now:
        return f"nothing counts the requests of {slot}"
    for name, sample in was.items():
        of = f"of {name}, a part of {slot}," if name else f"of {slot}"
        if name not in now:
            return f"the counters {of} are gone"
        if _fell(sample, now[name]):
            return f"the counters {of} began anew at zero"
    return ""


def grown(before: Snapshot, after: Snapshot, slot: str) -> Counters:
    """What a release did between two readings of which nothing is unknown."""
    was, now = before.parts(slot), after.parts(slot)
    changes = [_less(now[name], sample) for name, sample in was.items()]
    return changes[0] if len(changes) == 1 else together(changes)


def between(snapshots: Iterable[Snapshot], slot: str) -> list[tuple[float, Counters]]:
    """(seconds, counters) of one release, oldest first, as one replica that was read without a break: where two readings
    after another do not say what happened between them, that time is left out, and its requests too."""
    kept: list[tuple[float, Counters]] = []
    before: Snapshot | None = None
    for item in snapshots:
        if before is not None and kept and not unknown_between(before, item, slot):
            at, total = kept[-1]
            kept.append((at + item.ticks - before.ticks, together((total, grown(before, item, slot)))))
        elif not kept and not item.gap and item.parts(slot):
            kept.append((item.ticks, item.releases[slot]))
        before = item
    return kept


def _fell(before: Counters, after: Counters) -> bool:
    """Whether a counter went down."""
    if after.requests < before.requests or after.errors < before.errors or after.timed < before.timed:
        return True
    return any(new < old for _, old, new in _buckets(before, after))


def _less(after: Counters, before: Counters) -> Counters:
    return Counters(
        requests=after.requests - before.requests,
        errors=after.errors - before.errors,
        timed=after.timed - before.timed,
        fast={bound: new - old for bound, old, new in _buckets(before, after)},
    )


def _buckets(before: Counters, after: Counters) -> Iterator[tuple[float, int, int]]:
    """(bound, requests within it before, and after), rising."""
    old = new = 0
    for bound in sorted(before.fast.keys() | after.fast.keys()):
        old, new = before.fast.get(bound, old), after.fast.get(bound, new)
        yield bound, old, new
