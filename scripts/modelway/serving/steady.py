"""When a replica is warm: its times are steady, or fall no more."""

from __future__ import annotations

from collections.abc import Sequence

STEADY = 1.25
"""The medians of the last two rounds are at most so many times the smallest of all."""
LAST = 4
"""Rounds whose best is no better than that of as many before: on a machine with other work times are never near their best
for long."""
ROUND = 20
"""Predictions of a round, at most."""


def is_steady(medians: Sequence[float]) -> bool:
    """medians: of each round so far, oldest first."""
    if len(medians) > 2 and max(medians[-2:]) <= STEADY * min(medians):
        return True
    before = medians[-2 * LAST : -LAST]
    return len(before) == LAST and min(medians[-LAST:]) >= min(before)
