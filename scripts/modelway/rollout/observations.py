"""What a rollout sees: counts of requests, block by block, of canary and stable at the same time."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests of one release in one block. errors and slow are out of `requests`, each by itself."""

    requests: int = 0
    errors: int = 0
    """Answered with a status of 400 or above, or not at all."""
    slow: int = 0
    """Slower than the rollout's latency limit."""


class WatchedCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one share that the judge compares besides, by the name that the plan has for it: (how many count, of so many)."""

    name: str
    canary: tuple[int, int]
    stable: tuple[int, int]


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One stretch of time in which the weight did not change."""

    began: float
    """Seconds since the epoch."""
    seconds: float
    weight: float
    """The canary's share of the traffic that was asked for, 0 to 1."""
    canary: Counts
    stable: Counts
    dropped: str = ""
    """Why these counts are not to be used (a counter went down, a query failed); empty where they are."""
    watched: tuple[WatchedCounts, ...] = ()
    """By the servers' own counters."""
    unwatched: str = ""
    """Why those say nothing of this block, though the plan asks for them; requests, errors and times were counted all the
    same."""
    more: bool = False
    """Later blocks have passed already: no share rises before they were judged too."""

    @property
    def ended(self) -> float:
        return self.began + self.seconds
