"""Stable's own past, as blocks that a judge can learn from: how many requests there are, which are slow, and how errors come
in bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from modelway.observe.counts import Counters, counted, percentile_bound
from modelway.rollout.observations import Block, Counts

SLOW_SHARE = 0.95
"""Without a limit of the team's, slow is what is slower than this share of stable's requests."""


@dataclass(frozen=True)
class Past:
    """seconds: that the samples span. slow_ms: above it a request is slow."""

    blocks: tuple[Block, ...]
    seconds: float
    requests: int
    errors: int
    slow: int
    slow_ms: float

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    def without(self, left_out: Sequence[Block]) -> Past:
        """The same, as if these of its blocks had never been."""
        counts = [block.stable for block in left_out]
        return Past(
            blocks=tuple(block for block in self.blocks if block not in left_out),
            seconds=self.seconds - sum(block.seconds for block in left_out),
            requests=self.requests - sum(one.requests for one in counts),
            errors=self.errors - sum(one.errors for one in counts),
            slow=self.slow - sum(one.slow for one in counts),
            slow_ms=self.slow_ms,
        )


def past_of(
    samples: Sequence[tuple[float, Counters]],
    bounds_ms: Sequence[float],
    block_seconds: float,
    slower_than_ms: float | None,
) -> Past | None:
    """samples: (seconds, counters of stable), oldest first. bounds_ms: those of the source. slower_than_ms becomes the next of
    them; left out, what SLOW_SHARE of the requests did not exceed. None where the samples show no request.

    The past begins with the first request: idle time before it would make the traffic look thinner than it is."""
    steps = enumerate(pairwise(samples))
    asked = next((at for at, ((_, one), (_, two)) in steps if two.requests > one.requests), None)
    if asked is None:
        return None
    samples = samples[asked:]
    (began, first), (ended, last) = samples[0], samples[-1]
    if slower_than_ms is not None:
        limit: float | None = next((bound for bound in bounds_ms if bound >= slower_than_ms), bounds_ms[-1])
    else:
        limit = percentile_bound(first, last, SLOW_SHARE)
    whole = counted(first, last, limit or 0)
    if limit is None or whole is None:
        return None
    blocks = []
    start, before = began, first
    for at, sample in samples[1:]:
        # samples are a second apart, so a block is right to within a second; the next one begins where it ended
        if at - start >= block_seconds - 0.5 and (between := counted(before, sample, limit)) is not None:
            counts = Counts(*_in_step(between, sample.timed - before.timed))
            blocks.append(Block(began=start, seconds=at - start, weight=0.0, canary=Counts(), stable=counts))
            start, before = at, sample
    return Past(tuple(blocks), ended - began, *whole, float(limit))


def _in_step(between: tuple[int, int, int], timed: int) -> tuple[int, int, int]:
    """Times are counted a second after their requests: where traffic ends, a block has times of the block before it, and as
    many slow requests too many."""
    requests, errors, slow = between
    return requests, errors, min(slow, round(slow * requests / timed)) if timed else 0
