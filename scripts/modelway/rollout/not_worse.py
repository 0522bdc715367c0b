"""Evidence that the canary is not worse than stable by the margin: what a promotion needs (non-inferiority).

Null hypothesis: the canary's rate p1 is at least ratio * p0 + rate, for every margin (ratio, rate). For 0 < x < 1

    K(x) = (1 - x)^e1 * (1 + x * ratio * n1/n0)^e0 * exp(x * n1 * rate)

has expectation 1 or less under it when errors are independent, since (1 - x*p)^n <= exp(-x*n*p) and (1 + y*p)^n <=
exp(y*n*p). The mean over several x and the margins is an e-process too; worse than the larger of the margins is worse than
each, so that is what a pass excludes. log K is divided by phi, the dispersion of stable's own history: exact for
independent bursts of at most phi errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, log1p

FRACTIONS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""The x of K(x)."""
MOST = 1e100

Margin = tuple[float, float]
"""(ratio, rate): worse means ratio * stable's rate + rate, or more."""


def begin(margins: Sequence[Margin]) -> tuple[float, ...]:
    """log K of every margin and fraction, before phi."""
    return (0.0,) * (len(margins) * len(FRACTIONS))


def observe(
    logs: tuple[float, ...], canary: tuple[int, int], stable: tuple[int, int], margins: Sequence[Margin]
) -> tuple[float, ...]:
    """After one block. canary, stable: (requests, errors). An arm without a request tells nothing."""
    (n1, e1), (n0, e0) = canary, stable
    if n1 <= 0 or n0 <= 0:
        return logs
    grid = [(ratio, rate, x) for ratio, rate in margins for x in FRACTIONS]
    return tuple(
        log + e1 * log1p(-x) + e0 * log1p(x * ratio * n1 / n0) + x * n1 * rate
        for log, (ratio, rate, x) in zip(logs, grid, strict=True)
    )


def evidence(logs: tuple[float, ...], phi: float) -> float:
    """The e-process: 1 at the start; promotion needs 1/beta."""
    return min(MOST, fsum(exp(min(700.0, log / phi)) for log in logs) / len(logs))
