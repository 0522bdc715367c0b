"""What is usual: learned from days on which all was well.

By simulation: the margin that is made of history. It is wide enough for days that wobble together, for a weekly rhythm and for
offsets that do no harm (benchmarks/watching.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from modelway.monitoring.scores import DayScore, Score, ScoreKind

WEEK = 7
FEWEST_DAYS = 28
SLACK = 2.0
"""Standard deviations by which the day before may wobble, and standard errors by which the mean of usual days may be off."""
MEAN_SLACK = 1.5
"""The latter, of one of many columns, whose wagers must win more at each look."""
USUAL_COLUMNS = 20
LEAST_INNOVATION = 0.3
MOST_CORRELATION = 0.9


@dataclass(frozen=True)
class Usual:
    """Of one score. weekdays: its mean of each day of the week, Monday first. variance: of a value around it. apart: the noise
    of a look's rows comes on top of it; else it is in it. error: how much larger the variance of the difference to a new look
    is. margin: how far off does no harm, in the score's own unit. innovation: the part of the variance that the look before
    does not tell. In standard deviations, unsure: how far the mean may be off; wobble: how far a look is at most because the
    one before was."""

    weekdays: tuple[float, ...]
    variance: float
    error: float
    margin: float
    innovation: float = 1.0
    unsure: float = 0.0
    wobble: float = 0.0
    apart: bool = False

    def standardised(self, measured: DayScore, weekday: int) -> tuple[float, float] | None:
        """The value in standard deviations of a new look, and one unit of the score in them; None where there is none."""
        if measured.value is None:
            return None
        variance = self.variance + measured.noise if self.apart else max(self.variance, measured.noise)
        unit = 1 / math.sqrt(variance * self.error)
        return (measured.value - self.weekdays[weekday]) * unit, unit


@dataclass(frozen=True)
class UsualDays:
    """Days in their order, one after the other. days: None where there is none, or too few rows. weekdays: 0 is Monday."""

    weekdays: Sequence[int]
    days: Sequence[Sequence[DayScore] | None]


def learned(scores: Sequence[Score], history: UsualDays, columns: int) -> tuple[Usual, ...]:
    """Of each score, in their order. columns: how many vote."""
    own = [_residuals(number, history) for number in range(len(scores))]
    more = max(0.0, math.log10(columns / USUAL_COLUMNS))
    made: dict[int, Usual] = {}
    by_kind: dict[ScoreKind, list[int]] = {}
    for number, score in enumerate(scores):
        by_kind.setdefault(score.of, []).append(number)
    for members in by_kind.values():
        usual_variance = median(own[number].variance for number in members)
        correlation = _correlation([own[number] for number in members])
        for number in members:
            found = own[number]
            days = max(found.n, WEEK + 1)
            made[number] = Usual(
                weekdays=found.weekdays,
                variance=max(found.variance, (2 * found.variance + usual_variance) / 3, found.noise),
                error=1 + WEEK / days,
                margin=scores[number].margin,
                innovation=innovation_of(correlation),
                unsure=(MEAN_SLACK + more) * error_of(correlation, days),
                wobble=(SLACK + more) * correlation,
            )
    return tuple(made[number] for number in range(len(scores)))


@dataclass(frozen=True)
class _Residuals:
    """values: of each day, None where it has none. noise: the variance that its usual number of rows has."""

    weekdays: tuple[float, ...]
    values: tuple[float | None, ...]
    noise: float
    n: int
    variance: float


def _residuals(number: int, history: UsualDays) -> _Residuals:
    measured = [day[number] if day else None for day in history.days]
    by_weekday: dict[int, list[float]] = {}
    for weekday, one in zip(history.weekdays, measured, strict=True):
        if one and one.value is not None:
            by_weekday.setdefault(weekday, []).append(one.value)
    every = [value for values in by_weekday.values() for value in values]
    mean = math.fsum(every) / len(every) if every else 0.0
    weekdays = tuple(
        math.fsum(by_weekday[day]) / len(by_weekday[day]) if day in by_weekday else mean for day in range(WEEK)
    )
    values = tuple(
        one.value - weekdays[weekday] if one and one.value is not None else None
        for weekday, one in zip(history.weekdays, measured, strict=True)
    )
    known = [value for value in values if value is not None]
    degrees = max(1, len(known) - len(by_weekday))
    noise = [one.noise for one in measured if one and one.value is not None]
    return _Residuals(
        weekdays, values, median(noise) if noise else 1.0, len(known), math.fsum(v * v for v in known) / degrees
    )


def _correlation(members: Sequence[_Residuals]) -> float:
    """As most scores of the kind have it."""
    return bounded(median(correlation_of(one.values) for one in members))


def correlation_of(rests: Sequence[float | None]) -> float:
    """Of a day with the next, corrected for the mean that was taken off (Kendall 1954). rests: from it, None of a day that is
    not known."""
    known = [rest for rest in rests if rest is not None]
    products = math.fsum(a * b for a, b in pairwise(rests) if a is not None and b is not None)
    raw = products / max(math.fsum(rest * rest for rest in known), 1e-12)
    return raw + (1 + 4 * raw) / max(1, len(known))


def bounded(correlation: float) -> float:
    return min(max(correlation, 0.0), MOST_CORRELATION)


def innovation_of(correlation: float) -> float:
    """The part of the variance that the day before does not tell."""
    return max(1 - correlation**2, LEAST_INNOVATION)


def error_of(correlation: float, days: int) -> float:
    """How far the mean of so many days is off, in standard deviations of a day."""
    return math.sqrt((1 + correlation) / (1 - correlation) / days)


def wobble_of(correlation: float, days: int) -> float:
    """How far a day is off because the one before was, and how far the mean of so many days is, in standard deviations."""
    return correlation + error_of(correlation, days)
