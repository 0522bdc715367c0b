"""How late the generator itself was, in a bounded number of counters: a run may be endless."""

from __future__ import annotations

import math
from typing import NamedTuple

SMALLEST_SECONDS = 1e-5
STEPS = 20
"""Buckets a factor of ten: each is 12 % wide."""


class Lateness(NamedTuple):
    """From the time at which a request was meant to leave to when the generator turned to it, in seconds. What a request
    then waited for a free connection is the server's doing, and no part of it."""

    requests: int
    p50: float
    p95: float
    p99: float
    most: float


class Lates:
    """The counts of lateness by its logarithm."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.most = 0.0

    def add(self, seconds: float) -> None:
        bucket = math.ceil(math.log10(seconds / SMALLEST_SECONDS) * STEPS) if seconds > SMALLEST_SECONDS else 0
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1
        if seconds > self.most:
            self.most = seconds

    def lateness(self) -> Lateness:
        return Lateness(self.total, self._quantile(0.5), self._quantile(0.95), self._quantile(0.99), self.most)

    def _quantile(self, share: float) -> float:
        """The upper end of the bucket that it is in; 0 without any."""
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= share * self.total:
                return min(SMALLEST_SECONDS * 10 ** (bucket / STEPS), self.most)
        return 0.0
