"""What stable's own past tells before a rollout starts: how far its rate wanders and for how long, and how much its errors
come in bursts.

All are estimates from the past, not theorems: they hold for as long as the future resembles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import ceil, exp, log, sqrt
from statistics import median
from typing import NamedTuple

SECONDS = 1800.0
"""What is asked for, and remembered."""
ENOUGH = 0.9
"""Of it: the ends of a window are cut off, and a block whose counts say nothing is missing. A shorter history tells that the
rate wanders, and not that it does not."""
LEAST_SECONDS = 600.0
"""One that is shorter still tells nothing."""
BIN_SECONDS = 10.0
DISPERSION_SECONDS = (10.0, 60.0, 300.0)
LEAST_BINS = 6
UNKNOWN_TOLERANCE = 1.25
LEAST_ERRORS = 200
"""With fewer errors in the history the estimate is noise, mostly upwards."""
LEAST_TOLERANCE, MOST_TOLERANCE = 1.05, 5.0
FEW_TOLERANCE = 1.1
"""With so few: that they do not wander is not known either."""
LAGS = 12
"""Of bins: a rate that wanders by little shows only in many of them together."""
LATE_LAGS = slice(4, 7)
"""About a minute: what is left of the covariance there tells how long the rate stays where it is."""
LATE_SECONDS = 50.0
"""From the first lag to those."""
LEAST_LEFT, MOST_LEFT = 0.05, 0.8
LEAST_WAGER_SECONDS, MOST_WAGER_SECONDS = 30.0, 300.0
WAGER_TIMES = 1.5
"""Of the time for which the rate stays where it is."""
REMEMBERED_TIMES = 1.5
"""As much longer, where short stretches tell that time: what lasts for longer than each of them is not in it."""
CANARY, SHOWS = 0.1, 0.05
"""Of all errors that come while the rate stays where it is, the part that a canary has, times the squared deviation: below it
chance hides the rest."""
CERTAIN = 2.5
"""Standard errors of a covariance."""
STRUCK, STRUCK_DEVIATIONS = 4.0, 4.0
"""A block is struck where it has as many errors, and as many of their standard deviations besides, more than at the median
block's rate: chance hardly does that to two blocks in a row."""

UNKNOWN = "too little is known of how they come"
SHORT = "short rollouts alone tell how they come"
HIDDEN = "those of one replica are hidden in the sum of stable's"
Counts = tuple[float, int]
"""(requests, errors) of one stretch of time."""


class Wander(NamedTuple):
    """How far a rate wanders by itself. near, deviation: of its slow part, relative to the rate: as it shows from one bin to
    the next, and in many of them together. seconds: for how long it stays where it is, as of exp(-t / seconds). certain:
    chance alone hardly looks like that."""

    near: float
    deviation: float
    seconds: float
    certain: bool


class Wagering(NamedTuple):
    """How harm is wagered on. seconds: of one wager, which is a block at least. tolerance: the ratio of rates between two
    healthy arms that is still no harm. why: it is that long, for people."""

    seconds: float
    tolerance: float
    why: str = ""

    def blocks(self, block_seconds: float) -> int:
        return max(1, ceil(self.seconds / block_seconds))

    def or_more(self, other: Wagering) -> Wagering:
        """As cautious as both."""
        longer = other if other.seconds > self.seconds else self
        return Wagering(longer.seconds, max(self.tolerance, other.tolerance), longer.why)


class Caution(NamedTuple):
    """Of a metric: seconds of a wager at least. unknown: without half an hour of history. hidden: where that history may hide
    what single replicas do, since it was put together from short stretches, or shows the sum of more replicas than a canary
    has."""

    unknown: float = 0.0
    hidden: float = 0.0


NO_CAUTION = Caution()


def wander(blocks: Sequence[Counts], block_seconds: float) -> Wander | None:
    """From the covariances of bins with those after them, less a standard error of each. None with too few bins or errors."""
    bins = binned(blocks, BIN_SECONDS, block_seconds)
    requests, errors = sum(n for n, _ in bins), sum(e for _, e in bins)
    rate, count = errors / requests if requests else 0.0, len(bins)
    if errors < LEAST_ERRORS or count <= LAGS:
        return None
    excess = [round(e - rate * n, 6) for n, e in bins]  # what a division leaves over is no wandering
    deviation = sum(x * x for x in excess) / count / sqrt(count)
    lags = [
        sum(x * y for x, y in zip(excess, excess[lag:], strict=False)) / (count - lag) for lag in range(1, LAGS + 1)
    ]
    near = max(0.0, lags[0] - deviation)
    together = sum(lags) / LAGS * sqrt(LAGS)
    seen = max(near, (together - deviation) / sqrt(LAGS))
    late = lags[LATE_LAGS]
    left = min(MOST_LEFT, max(LEAST_LEFT, sum(late) / len(late) / lags[0])) if lags[0] > 0 else MOST_LEFT
    mean = errors / count
    certain = max(lags[0], together) > CERTAIN * deviation
    return Wander(sqrt(near) / mean, sqrt(seen) / mean, -LATE_SECONDS / log(left), certain)


def wagering(
    blocks: Sequence[Counts],
    block_seconds: float,
    caution: Caution = NO_CAUTION,
    *,
    remembered: bool = False,
    replica_ratio: float = 1.0,
) -> Wagering:
    """Where a rate stays off for longer than a block, by enough to show in a canary's counts, one wager goes over more than
    that time: a release's share of the errors in it is then what its replicas give on average, and not where one of them
    happens to be. block_seconds: of a block of the history.
    remembered: by the journals of rollouts. replica_ratio: how many replicas stable has for one of the canary's; by as much is
    the variance of the canary's rate larger than what stable's sum shows."""
    seconds, unknown = len(blocks) * block_seconds, Wagering(caution.unknown, UNKNOWN_TOLERANCE, UNKNOWN)
    if seconds < LEAST_SECONDS:
        return unknown
    found = _wagering(blocks, block_seconds, WAGER_TIMES * (REMEMBERED_TIMES if remembered else 1.0), replica_ratio)
    if seconds < ENOUGH * SECONDS:
        return found.or_more(unknown)
    if remembered or replica_ratio > 1:
        return found.or_more(Wagering(caution.hidden, UNKNOWN_TOLERANCE, SHORT if remembered else HIDDEN))
    return found


def struck(blocks: Sequence[Counts]) -> list[bool]:
    """Of each block, whether it is one of several on end that were struck as a whole."""
    rate = median(e / n for n, e in blocks if n > 0) if any(n > 0 for n, _ in blocks) else 0.0
    hit = [e >= rate * n + STRUCK + STRUCK_DEVIATIONS * sqrt(rate * n) for n, e in blocks]
    runs = ((one, len(list(run))) for one, run in groupby(hit))
    return [one and length > 1 for one, length in runs for _ in range(length)]


def spell(blocks: Sequence[Counts]) -> int:
    """Blocks of the longest stretch that was struck as a whole; 0 where none is longer than a block."""
    return max((len(list(run)) for hit, run in groupby(struck(blocks)) if hit), default=0)


def _wagering(blocks: Sequence[Counts], block_seconds: float, times: float, replica_ratio: float) -> Wagering:
    struck = Wagering(0.0, FEW_TOLERANCE)
    if lasted := spell(blocks) * block_seconds:
        struck = Wagering(_seconds(times * lasted), FEW_TOLERANCE, f"they came for {lasted:g} s on end")
    found = wander(blocks, block_seconds)
    if found is None:
        return struck
    per_second = sum(e for _, e in blocks) / (len(blocks) * block_seconds)
    shown = CANARY * per_second * found.seconds * replica_ratio * found.deviation**2
    if not found.certain and shown < SHOWS:
        return struck._replace(tolerance=_clipped(exp(2.5 * found.near)))
    why = f"they stay off for {found.seconds:.0f} s at a time"
    return Wagering(_seconds(times * found.seconds), _clipped(exp(1.25 * found.deviation)), why)


def _seconds(wager: float) -> float:
    return min(MOST_WAGER_SECONDS, max(LEAST_WAGER_SECONDS, wager))


def _clipped(tolerance: float) -> float:
    return min(MOST_TOLERANCE, max(LEAST_TOLERANCE, tolerance))


def levelled(stretches: Sequence[Sequence[Counts]]) -> list[Counts]:
    """Stretches of time that lie apart as one, each held against its own rate: that one day is worse than another is no
    wandering. Requests are no whole numbers then."""
    requests, errors = (sum(counts[place] for stretch in stretches for counts in stretch) for place in (0, 1))
    found = list[Counts]()
    for stretch in stretches:
        n, e = sum(n for n, _ in stretch), sum(e for _, e in stretch)
        factor = e / n / (errors / requests) if n and errors else 1.0
        found += [(n * factor, e) for n, e in stretch]
    return found


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
