"""What stable's own past tells before a rollout starts: how far its rate wanders, and how much its errors come in bursts.

Both are estimates from the past, not theorems: they hold for as long as the future resembles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, sqrt

SECONDS = 1800.0
"""A shorter history does not tell how far the rate wanders."""
BIN_SECONDS = 10.0
DISPERSION_SECONDS = (10.0, 60.0, 300.0)
LEAST_BINS = 6
UNKNOWN_TOLERANCE = 1.25
LEAST_ERRORS = 200
"""With fewer errors in the history the estimate is noise, mostly upwards."""
LEAST_TOLERANCE, MOST_TOLERANCE = 1.05, 5.0

Counts = tuple[int, int]
"""(requests, errors) of one stretch of time."""


def tolerance(blocks: Sequence[Counts], block_seconds: float) -> float:
    """The ratio of rates between two healthy arms that is still no harm, 1.05 to 5; 1.25 without 30 minutes of history.

    exp(2.5 s), where s is the relative standard deviation of the slow part of the rate: the covariance of neighbouring
    bins, less one standard error of it.
    """
    if len(blocks) * block_seconds < SECONDS:
        return UNKNOWN_TOLERANCE
    bins = binned(blocks, BIN_SECONDS, block_seconds)
    requests, errors = sum(n for n, _ in bins), sum(e for _, e in bins)
    if errors < LEAST_ERRORS:
        return LEAST_TOLERANCE
    rate = errors / requests
    excess = [e - rate * n for n, e in bins]
    expected = errors / len(bins)
    neighbours = sum(x * y for x, y in pairwise(excess)) / (len(excess) - 1)
    variance = sum(x * x for x in excess) / len(excess)
    wander = max(0.0, (neighbours - variance / sqrt(len(bins))) / expected**2)
    return min(MOST_TOLERANCE, max(LEAST_TOLERANCE, exp(2.5 * sqrt(wander))))


def dispersion(blocks: Sequence[Counts], block_seconds: float) -> float:
    """phi: Pearson's dispersion of the errors, the largest over bins of 10, 60 and 300 s; 1 where none is larger."""
    largest = 1.0
    for seconds in DISPERSION_SECONDS:
        bins = [(n, e) for n, e in binned(blocks, seconds, block_seconds) if n > 0]
        errors = sum(e for _, e in bins)
        if len(bins) < LEAST_BINS or errors == 0:
            continue
        rate = errors / sum(n for n, _ in bins)
        largest = max(largest, sum((e - rate * n) ** 2 / (rate * n) for n, e in bins) / (len(bins) - 1))
    return largest


def binned(blocks: Sequence[Counts], seconds: float, block_seconds: float) -> list[Counts]:
    """Sums over as many whole blocks as `seconds` holds; what is left over at the end does not count."""
    length = max(1, round(seconds / block_seconds))
    return [
        (sum(n for n, _ in blocks[at : at + length]), sum(e for _, e in blocks[at : at + length]))
        for at in range(0, len(blocks) - length + 1, length)
    ]
