"""A canary that answers nothing at all, or nothing in time: three rules of policy, not of statistics, since nobody waits for
evidence then."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

FIRST = 5
"""Requests: all of the first that many failed, and the canary is dead on arrival."""
FUSE_SECONDS = 30.0
FUSE_ERRORS = 50
FUSE_SHARE = 2 / 3

MOSTLY_SLOW_BLOCKS = 42
MOSTLY_SLOW_SHARE = 2 / 3
MOSTLY_SLOW_REQUESTS = 20
"""At least."""

Arms = tuple[int, int, int, int]
"""(canary's requests, those that failed or were slow, stable's requests, the same of them) of one block."""


def fuse_blocks(block_seconds: float) -> int:
    """How many of the last blocks the fuse looks at."""
    return max(1, ceil(FUSE_SECONDS / block_seconds))


def dead_on_arrival(seen: Arms) -> bool:
    """seen: everything since the start. The canary has answered nothing yet, and stable, which was asked, more than half."""
    n1, e1, n0, e0 = seen
    return n1 >= FIRST and e1 == n1 and e0 < 0.5 * n0


def fuse_blown(recent: Sequence[Arms], stable_rate: float) -> bool:
    """recent: the last 30 s. stable_rate: used where stable had no request in them, such as at 100 %."""
    n1, e1, n0, e0 = (sum(column) for column in zip(*recent, strict=True)) if recent else (0, 0, 0, 0)
    if n1 == 0:
        return False
    beside = e0 / n0 if n0 else stable_rate
    return e1 >= FUSE_ERRORS + FUSE_SHARE * n1 and beside < 0.5 * e1 / n1


def mostly_slow(recent: Sequence[Arms], stable_rate: float) -> bool:
    """Where wagers are long since nobody knows how slow requests come. recent: of slow requests, the last blocks in which they
    are judged. stable_rate: used where stable had no request in them."""
    if len(recent) < MOSTLY_SLOW_BLOCKS:
        return False
    n1, s1, n0, s0 = (sum(column) for column in zip(*recent, strict=True))
    beside = s0 / n0 if n0 else stable_rate
    return bool(n1 >= MOSTLY_SLOW_REQUESTS and s1 >= MOSTLY_SLOW_SHARE * n1 and beside < 0.5 * s1 / n1)
