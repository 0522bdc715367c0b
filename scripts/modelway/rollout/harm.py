"""Evidence that the canary does harm: a wager, block by block, that its share of the errors is above its share of the traffic.

Betting on the ratio of shares is exact when the errors of a block are exchangeable between the two arms, whatever made them:
each request was sent to one arm by its own draw, so a shock that both share pays nothing on average. One block is one bet,
however many errors it holds, and a bet pays at most CAP times its stake: a burst that is shorter than a block is
forgiven. The wealth is a test martingale: it ever reaches 1/alpha with probability alpha at most (Ville's inequality). The
portfolio of stakes is that of Waudby-Smith and Ramdas 2024 (arXiv 2010.09686), the share that is given back after every
block that of Herbster and Warmuth 1998.
"""

from __future__ import annotations

from math import fsum

import msgspec

STAKES = (0.05, 0.1, 0.2, 0.4, 0.7, 0.95)
CASH = 0.3
"""The part of the wealth that is never wagered at the start."""
PRIOR = (CASH, *((1 - CASH) / len(STAKES) for _ in STAKES))
CAP = 8.0
"""What one block can multiply the wealth by, at most."""
RETURNED = 1 / 1440
"""The part of the wealth that goes back to the prior mix after each block, so that a late fault is found too."""
RETURNED_AT_A_STEP = 0.5
"""The same at a change of weight: a fault may show only under more traffic."""
MOST = 1e100
"""Where wealth stops growing: it says all there is to say, and stays a number."""


class Wager(msgspec.Struct, frozen=True):
    """What one wager is about, so far. canary, stable: (requests, errors), over so many blocks."""

    canary: tuple[int, int] = (0, 0)
    stable: tuple[int, int] = (0, 0)
    blocks: int = 0

    def after(self, canary: tuple[int, int], stable: tuple[int, int]) -> Wager:
        """With one more block."""
        return Wager(both(self.canary, canary), both(self.stable, stable), self.blocks + 1)


Holdings = tuple[float, ...]
"""Cash first, then what stands on each stake, as in PRIOR. Their sum is the evidence, which begins at 1."""


def both(counts: tuple[int, int], more: tuple[int, int]) -> tuple[int, int]:
    return counts[0] + more[0], counts[1] + more[1]


def wealth(held: Holdings) -> float:
    return fsum(held)


def beside_stable(
    held: Holdings, canary: tuple[float, float], stable: tuple[float, float], tolerance: float
) -> Holdings:
    """After one wager. canary, stable: (requests, errors). tolerance: the ratio of rates, 1 or more, that is still healthy.

    Without an error, or with an arm that had no request, there is nothing to bet on.
    """
    (n1, e1), (n0, e0) = canary, stable
    if n1 <= 0 or n0 <= 0 or e1 + e0 <= 0:
        return held
    share = tolerance * n1 / (tolerance * n1 + n0)
    ratio = e1 / (e1 + e0) / share
    scale = min(1.0, (CAP - 1) * share / (1 - share))
    return _pay(held, tuple(scale * (ratio - 1) for _ in STAKES))


def against_limit(held: Holdings, canary: tuple[int, int], limit: float) -> Holdings:
    """After one wager without a stable arm. limit: the rate, 0 to 1, that is still healthy.

    Every other stake bets on the ratio cut off at CAP, quick for rates not far above the limit; the others on the whole ratio
    scaled down to CAP, for limits near 0.
    """
    n1, e1 = canary
    if n1 <= 0 or not 0 < limit < 1:
        return held
    ratio = e1 / n1 / limit
    cut = min(ratio, CAP) - 1
    scaled = min(1.0, (CAP - 1) / (1 / limit - 1)) * (ratio - 1)
    return _pay(held, tuple(scaled if place % 2 else cut for place in range(len(STAKES))))


def settled(held: Holdings, wager: Wager, tolerance: float, limit: float | None) -> Holdings:
    """After a wager that is over, and what goes back to the prior mix for each of its blocks. limit: where stable has no
    traffic."""
    if limit is None:
        paid = beside_stable(held, wager.canary, wager.stable, tolerance)
    else:
        paid = against_limit(held, wager.canary, limit)
    return give_back(paid, min(1.0, RETURNED * wager.blocks))


def give_back(held: Holdings, part: float, prior: Holdings = PRIOR) -> Holdings:
    """`part` of the wealth goes back to the prior mix; the sum stays as it is."""
    returned = part * wealth(held)
    return tuple((1 - part) * holding + returned * at_first for holding, at_first in zip(held, prior, strict=True))


def _pay(held: Holdings, gains: tuple[float, ...]) -> Holdings:
    paid = (held[0], *(h * (1 + g * gain) for h, g, gain in zip(held[1:], STAKES, gains, strict=True)))
    return bounded(paid)


def bounded(held: Holdings) -> Holdings:
    """Scaled down to MOST, where it is more."""
    total = wealth(held)
    return held if total <= MOST else tuple(holding * (MOST / total) for holding in held)
