"""What is usual of an hour: as far from the mean of all of them as any was, beyond the noise of its rows, and twice what
matters of a day more.

An hour knows no weekday and no time of day, so what the nights do is usual by day. Looks by the hour see at once what no hour
has been like, and leave what is smaller to the looks by the day. How often that is false is known from simulation
(benchmarks/watching_hours.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from modelway.monitoring.baseline import WEEK, Usual
from modelway.monitoring.scores import DayScore, Score

MARGINS = 2
"""How many margins of a day an hour may be beyond the farthest."""
NOISE = 3
"""Standard errors of its rows, by which the farthest of a month's hours is off by chance."""


def learned_hours(scores: Sequence[Score], hours: Sequence[Sequence[DayScore] | None]) -> tuple[Usual, ...]:
    """Of each score, in their order. hours: one after the other, None where there is none, or too few rows."""
    return tuple(_learned(score, [hour[at] if hour else None for hour in hours]) for at, score in enumerate(scores))


def _learned(score: Score, hours: Sequence[DayScore | None]) -> Usual:
    """The variance is the mean square of the step from one hour to the next, less the noise of both: that of hours which have
    nothing to do with each other is half of it, and of those that go on from each other it is what the hour before does not
    tell, and more."""
    known = [(hour.value, hour.noise) for hour in hours if hour and hour.value is not None]
    mean = math.fsum(value for value, _ in known) / max(1, len(known))
    steps = [
        (after.value - before.value) ** 2 - before.noise - after.noise
        for before, after in pairwise(hours)
        if before and after and before.value is not None and after.value is not None
    ]
    farthest = max((abs(value - mean) - NOISE * math.sqrt(noise) for value, noise in known), default=0.0)
    return Usual(
        weekdays=(mean,) * WEEK,
        variance=max(0.0, math.fsum(steps) / max(1, len(steps))),
        error=1.0,
        margin=max(0.0, farthest) + MARGINS * score.margin,
        apart=True,
    )
