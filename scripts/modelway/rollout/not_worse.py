"""Evidence that the canary is not worse than stable by the margin: what a promotion needs (non-inferiority).

Null hypothesis: the canary's rate p1 is at least ratio * p0 + rate, for every margin (ratio, rate). For 0 < x < 1

    K(x) = (1 - x)^e1 * (1 + x * ratio * n1/n0)^e0 * exp(x * n1 * rate)

has expectation 1 or less under it when errors are independent, since (1 - x*p)^n <= exp(-x*n*p) and (1 + y*p)^n <=
exp(y*n*p). The mean over several x and the margins is an e-process too; worse than the larger of the margins is worse than
each, so that is what a pass excludes. log K is divided by phi, the dispersion of stable's own history: exact for
independent bursts of at most phi errors.

Where most of stable's requests fail, the margin is above 1 and excludes nothing: a canary of which all fail would pass. So a
pass asks as well that the canary's share of good answers is more than stable's / GOOD_RATIO, by the same K with the arms and
their good answers in exchanged places, and x in proportion to the canary's share of the requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, fsum, log1p

FRACTIONS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""The x of K(x)."""
GOOD_RATIO = 2.0
"""Stable's share of good answers by the canary's, from which on it is worse, however wide the margin is."""
MOST = 1e100

Margin = tuple[float, float]
"""(ratio, rate): worse means ratio * stable's rate + rate, or more."""


def begin(margins: Sequence[Margin]) -> tuple[float, ...]:
    """log K, before phi, of every margin and fraction, and then of the good answers and every fraction."""
    return (0.0,) * ((len(margins) + 1) * len(FRACTIONS))


def observe(
    logs: tuple[float, ...], canary: tuple[int, int], stable: tuple[int, int], margins: Sequence[Margin]
) -> tuple[float, ...]:
    """After one block. canary, stable: (requests, errors). An arm without a request tells nothing."""
    (n1, e1), (n0, e0) = canary, stable
    if n1 <= 0 or n0 <= 0:
        return logs
    gained = [
        e1 * log1p(-x) + e0 * log1p(x * ratio * n1 / n0) + x * n1 * rate for ratio, rate in margins for x in FRACTIONS
    ]
    share = n1 / (n1 + n0)
    gained += [(n0 - e0) * log1p(-x * share) + (n1 - e1) * log1p(x * GOOD_RATIO * (1 - share)) for x in FRACTIONS]
    return tuple(log + more for log, more in zip(logs, gained, strict=True))


def evidence(logs: tuple[float, ...], phi: float) -> float:
    """The smaller of the two e-processes: 1 at the start; promotion needs 1/beta."""
    return min(_mean(logs[: -len(FRACTIONS)], phi), _mean(logs[-len(FRACTIONS) :], phi))


def worse_from(rate: float, margins: Iterable[Margin]) -> float:
    """The rate from which on a canary is worse, where stable has `rate`, 0 to 1: above it, and 1 only where it is."""
    return min(max(ratio * rate + extra for ratio, extra in margins), 1 - (1 - rate) / GOOD_RATIO)


def _mean(logs: Sequence[float], phi: float) -> float:
    return min(MOST, fsum(exp(min(700.0, log / phi)) for log in logs) / len(logs))
