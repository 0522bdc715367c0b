"""When a replica is warm: its times are steady."""

from __future__ import annotations

from collections.abc import Sequence

STEADY = 1.25
"""The medians of the last two rounds are at most so many times the smallest of all."""
ROUND = 20
"""Predictions of a round, at most."""


def is_steady(medians: Sequence[float]) -> bool:
    """medians: of each round so far, oldest first."""
    return len(medians) > 2 and max(medians[-2:]) <= STEADY * min(medians)
