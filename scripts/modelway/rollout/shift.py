"""Evidence on a share, such as that of the predictions of one class: that canary and stable differ in it by more than may be,
or that they surely differ by less than twice that.

Each prediction is wagered on. With y = 1 where it counts and 0 where not, a stake is multiplied by 1 + l1 (y - a - d) for
each of the canary's n1 and by 1 - l0 (y - a) for each of stable's n0, where l1 n1 = l0 n0, `a` is stable's share as it was
before the start, and d the difference that is wagered against. Since log(1 + x) <= x, a block multiplies it on average by
exp(l1 n1 (s1 - s0 - d)) at most, for shares s1 and s0: by 1 or less wherever s1 - s0 <= d. That holds for any `a`, and where
the shares of both change from block to block, so it is a test martingale (Ville's inequality); that `a` is near makes it
quick. With both signs turned it is a wager on a share that falls.

Predictions of one request are no independent witnesses. What a block multiplies by is taken to the power of 1/phi, where phi
is how much more stable's share scatters from block to block than chance explains: exact for rows that come phi at a time at
most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, inf, log, log1p
from typing import Literal

import msgspec

from modelway.rollout import evidence, harm
from modelway.rollout.evidence import MetricEvidence
from modelway.rollout.observations import WatchedCounts

GAPS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""How far beyond what may be, each of the stakes of a wager of harm expects a share to be."""
CASH, PARTS = 0.2, (3, 6, 8, 3, 1, 1)
PRIOR: harm.Holdings = (CASH, *((1 - CASH) * part / sum(PARTS) for part in PARTS))
"""Of the wealth of a wager of harm at the start. Most stands on 2 and 4 points: a share that is further off is found within a
minute by little, and one that is nearer takes many requests whatever stands on it. Any mix is a martingale."""
PASSES = 2.0
"""Promotion needs evidence that the difference is below this many times what may be: what differs by less gets there."""
EXPECTED = (1.0, 0.7, 0.4, 0.2)
"""The parts of that difference by which the stakes of this wager expect a share to be below it."""
LEAST_SHARE = 0.001
"""A variance is never taken for smaller than this one's."""
MOST_LOST = 0.9
"""Of a stake, by one prediction."""
PRIOR_PAIRS = 12
"""Of blocks: so much is what was known of the scatter before the start worth."""
Counted = tuple[float, float]
"""(how many count, of so many)."""


class JudgedShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One share that is compared, fixed before the start. What of the servers' counters it is: `counts`, and of what."""

    name: str
    """For people, such as: predictions of class 1."""
    counts: Literal["class", "other classes", "scores", "nulls", "refused", "outcome"]
    classes: tuple[str, ...] = ()
    """The class; of other classes, those that they are not."""
    above: float | None = None
    """Of scores: the bound that they are above; None: there is none."""
    up_to: float | None = None
    trials: str = ""
    """Of an outcome, the series that count them, with placeholders."""
    successes: str = ""
    differ_at_most: float
    """What the two shares may differ by, 0 to 1."""
    two_sided: bool = True
    """False: only a share that rises does harm."""
    budget: float
    """Its part of alpha."""
    share: float
    """Stable's, before the start."""
    per_request: float = 1.0
    """Of what is counted, so many independent ones come with a request, on average: for the plan."""
    rows: float = 1.0
    """Predictions in one of stable's requests, on average: how many are taken for one until the scatter shows more or less."""


class ShareState(msgspec.Struct, frozen=True):
    """What the blocks have shown of one share, on both sides, whether both are asked for or not."""

    rise: harm.Holdings = PRIOR
    fall: harm.Holdings = PRIOR
    below: tuple[float, ...] = (0.0,) * len(EXPECTED)
    """Logarithms of the evidence that it is no larger by as much as would be too much; `not_under`: and no smaller."""
    not_under: tuple[float, ...] = (0.0,) * len(EXPECTED)
    canary: tuple[int, int] = (0, 0)
    stable: tuple[int, int] = (0, 0)
    """(how many count, of so many), in all blocks in which both were counted."""
    before: tuple[int, int] = (0, 0)
    """Stable's in the last of them."""
    scatter: float = 0.0
    """The sum over pairs of neighbours of what their difference is, squared, in variances of chance."""
    pairs: int = 0
    missed: int = 0
    """Blocks in which it could not be counted."""
    why: str = ""
    """The last time."""


def observe(share: JudgedShare, state: ShareState, counts: WatchedCounts | None, why: str) -> ShareState:
    """After one block. counts: None where it was not counted, and why."""
    if counts is None:
        return msgspec.structs.replace(state, missed=state.missed + 1, why=why or "nobody has counted it")
    canary, stable = counts.canary, counts.stable
    if canary[1] <= 0 or stable[1] <= 0:
        return state
    phi, limit = dispersion(share, state), share.differ_at_most
    seen = harm_of(share.share, limit, canary, stable)

    def paid(held: harm.Holdings, logs: Sequence[float]) -> harm.Holdings:
        growth = [min(harm.CAP, exp(min(700.0, log_ / phi))) for log_ in logs]
        after = (held[0], *(one * by for one, by in zip(held[1:], growth, strict=True)))
        return harm.give_back(harm.bounded(after), harm.RETURNED, PRIOR)

    above, under = within_of(share.share, limit, canary, stable)
    scatter, pairs = _scattered(state, stable)
    return msgspec.structs.replace(
        state,
        rise=paid(state.rise, seen[0]),
        fall=paid(state.fall, seen[1]),
        below=tuple(log_ + more / phi for log_, more in zip(state.below, above, strict=True)),
        not_under=tuple(log_ + more / phi for log_, more in zip(state.not_under, under, strict=True)),
        canary=harm.both(state.canary, canary),
        stable=harm.both(state.stable, stable),
        before=stable,
        scatter=scatter,
        pairs=pairs,
    )


def at_new_weight(state: ShareState) -> ShareState:
    """Part of the evidence is staked afresh, as that of errors is."""
    rise, fall = (harm.give_back(held, harm.RETURNED_AT_A_STEP, PRIOR) for held in (state.rise, state.fall))
    return msgspec.structs.replace(state, rise=rise, fall=fall)


def dispersion(share: JudgedShare, state: ShareState) -> float:
    """phi, from all blocks before this one. A share that wanders slowly does so for both, and scatters little."""
    return max(1.0, (PRIOR_PAIRS * share.rows + state.scatter) / (PRIOR_PAIRS + state.pairs))


def wealth(share: JudgedShare, state: ShareState) -> float:
    """The evidence of harm: 1 at the start."""
    if not share.two_sided:
        return harm.wealth(state.rise)
    return (harm.wealth(state.rise) + harm.wealth(state.fall)) / 2


def within(share: JudgedShare, state: ShareState) -> float:
    """The evidence that the difference is not as large as would be too much, on either side: 1 at the start."""
    sides = (state.below, state.not_under) if share.two_sided else (state.below,)
    return min(min(harm.MOST, fsum(exp(min(700.0, log_)) for log_ in logs) / len(logs)) for logs in sides)


def shown(share: JudgedShare, state: ShareState, alpha: float) -> MetricEvidence:
    canary, stable = evidence.arm(*state.canary), evidence.arm(*state.stable)
    gap, interval = evidence.difference(canary, stable)
    return MetricEvidence(
        name=share.name,
        harm=wealth(share, state),
        harm_needed=1 / (alpha * share.budget),
        not_worse=within(share, state),
        canary=canary,
        stable=stable,
        difference=gap,
        difference_interval=interval,
        tolerance=1.0,
        phi=dispersion(share, state),
        alone=evidence.arm(0, 0),
        limit=None,
        differ_at_most=share.differ_at_most,
        missed=state.why if state.missed else "",
    )


def harm_of(share: float, limit: float, canary: Counted, stable: Counted) -> tuple[list[float], list[float]]:
    """By how much, as a logarithm, the stakes on a share that rose too much and on one that fell too much are multiplied."""
    return (
        [_log_paid(1, limit, share, gap, canary, stable) for gap in GAPS],
        [_log_paid(-1, -limit, share, gap, canary, stable) for gap in GAPS],
    )


def within_of(share: float, limit: float, canary: Counted, stable: Counted) -> tuple[list[float], list[float]]:
    """The same of those on one that did not."""
    bound = PASSES * limit
    return (
        [_log_paid(-1, bound, share, part * bound, canary, stable) for part in EXPECTED],
        [_log_paid(1, -bound, share, part * bound, canary, stable) for part in EXPECTED],
    )


def points_said(share: float) -> str:
    """A difference of shares, for people."""
    points = f"{100 * share:.3g}"
    return f"{points} point{'s' if points != '1' else ''}"


def growth(share: JudgedShare, weight: float) -> float:
    """What one of the canary's requests adds to the logarithm of the evidence of `within`, where it is as stable is."""
    ratio = (1 - weight) / weight
    sides = within_of(share.share, share.differ_at_most, (share.share, 1.0), (share.share * ratio, ratio))
    # rows of one request are one witness until more is known, so a request tells as much as one row
    return share.per_request * min(max(side) for side in sides[: 2 if share.two_sided else 1])


def needed(beta: float) -> float:
    """The logarithm of `within` at which half of the healthy rollouts have passed."""
    return log(1 / beta) + 1


def last_wait(
    share: JudgedShare, beta: float, per_second: float, weights: Sequence[float], step_seconds: float, times: int
) -> float:
    """Seconds in the last step that compares until there is `times` the evidence that promotion needs."""
    speeds = [weight * per_second * growth(share, weight) for weight in weights]
    missing = times * needed(beta) - step_seconds * sum(speeds[:-1])
    if missing <= 0:
        return 0.0
    return missing / speeds[-1] if speeds[-1] > 0 else inf


def _log_paid(sign: int, bound: float, share: float, gap: float, canary: Counted, stable: Counted) -> float:
    """Of the wager that s1 - s0 is beyond `bound`: above it where sign is 1, below it where it is -1. gap: by so much."""
    (k1, n1), (k0, n0) = canary, stable
    there, arms = share + bound, n1 / n0
    stake = gap / (_variance(there) + _variance(share) * arms)
    lost = max(there, (1 - share) * arms) if sign > 0 else max(1 - there, share * arms)
    stake = min(stake, MOST_LOST / lost) if lost > 0 else stake
    one, other = sign * stake, sign * stake * arms
    return (
        k1 * log1p(one * (1 - there))
        + (n1 - k1) * log1p(-one * there)
        + k0 * log1p(-other * (1 - share))
        + (n0 - k0) * log1p(other * share)
    )


def _variance(share: float) -> float:
    share = min(1 - LEAST_SHARE, max(LEAST_SHARE, share))
    return share * (1 - share)


def _scattered(state: ShareState, stable: tuple[int, int]) -> tuple[float, int]:
    count, of = harm.both(state.stable, stable)
    if not state.before[1] or not 0 < count < of:
        return state.scatter, state.pairs
    apart = stable[0] / stable[1] - state.before[0] / state.before[1]
    chance = count / of * (1 - count / of) * (1 / stable[1] + 1 / state.before[1])
    return state.scatter + apart * apart / chance, state.pairs + 1
