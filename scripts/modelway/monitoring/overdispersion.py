"""How much the days of a service differ: shares beyond the noise of their requests, counts about what their weekday has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from statistics import median

from modelway.monitoring.baseline import (
    FEWEST_DAYS,
    SLACK,
    WEEK,
    bounded,
    correlation_of,
    innovation_of,
    wobble_of,
)

LEAST_SPREAD = 0.1
"""Of shares, as a standard deviation of their logarithm: days that seem alike are not known to be."""
LEAST_COUNT_SPREAD = 0.05
"""Of counts, likewise."""
WINDOW, LAG = 56, 7
"""Days that tell how many requests are usual, and those just before the day that do not: a change would hide itself."""
OUTLIER = 3.0
"""Robust standard deviations: what is further off, a holiday, counts as so far."""
MEDIAN_VARIANCE = math.pi / 2
"""Of a median, in variances of a mean."""


@dataclass(frozen=True)
class UsualShare:
    """rate: of all requests of the days. spread: the standard deviation of a day's log rate, beyond the noise of its counts.
    slack: in log rate. innovation: the part of the variance that yesterday does not tell. days: how many were learned from."""

    rate: float
    spread: float
    slack: float
    innovation: float
    days: int


def usual_share(days: Sequence[tuple[int, int] | None]) -> UsualShare | None:
    """days: (hits, n) in their order, None where there is none. None with fewer than two days."""
    there = [day for day in days if day]
    if len(there) < 2:
        return None
    rate = sum(hits for hits, _ in there) / sum(n for _, n in there)
    logs = [_log_ratio(day[0], rate * day[1]) if day else None for day in days]
    known = [value for value in logs if value is not None]
    middle = math.fsum(known) / len(known)
    squares = math.fsum((value - middle) ** 2 for value in known)
    variance = squares / (len(known) - 1)
    noise = math.fsum(poisson_log_variance(rate * n) for _, n in there) / len(there)
    # one standard error more: of few failures nobody knows how much of their spread is noise
    between = max(variance - noise, 0.0) + variance * math.sqrt(2 / (len(known) - 1))
    spread = max(math.sqrt(between), LEAST_SPREAD)
    correlation = bounded(correlation_of([None if value is None else value - middle for value in logs]))
    return UsualShare(
        rate=rate,
        spread=spread,
        slack=spread * SLACK * wobble_of(correlation, len(known)),
        innovation=innovation_of(correlation),
        days=len(known),
    )


def log_excess(hits: int, expected: float) -> float:
    """How far a count is above what was expected, as a difference of logarithms. Its mean is 0 at most (Jensen), however few
    are expected."""
    return _log_ratio(hits, expected)


def _log_ratio(hits: float, expected: float) -> float:
    return math.log((hits + 0.5) / (expected + 0.5))


def poisson_log_variance(mean: float) -> float:
    """Var(log(K + 1/2)) of a Poisson count K."""
    if mean <= 0:
        return 0.0
    return 1 / mean if mean > 50 else _on_grid(round(20 * math.log(mean)))


@lru_cache(maxsize=1024)
def _on_grid(place: int) -> float:
    mean = math.exp(place / 20)
    chances = [math.exp(-mean)]
    while len(chances) < mean + 10 * math.sqrt(mean) + 20:
        chances.append(chances[-1] * mean / len(chances))
    logs = [math.log(k + 0.5) for k in range(len(chances))]
    middle = math.fsum(chance * value for chance, value in zip(chances, logs, strict=True))
    return math.fsum(chance * (value - middle) ** 2 for chance, value in zip(chances, logs, strict=True))


@dataclass(frozen=True)
class UsualCount:
    """Of one day: what the weeks before let expect. spread: the standard deviation of its log, of a new day. slack: in log."""

    expected: float
    spread: float
    slack: float
    innovation: float


def usual_count(before: Sequence[tuple[date, float]], day: date) -> UsualCount | None:
    """before: days and how many requests each had, in their order; of these the WINDOW that ends LAG days before the day. Each
    weekday's median, with the trend of four weeks: a service that grows is as usual. None where too few are known."""
    ages = [(day - one).days for one, _ in before]
    logs = {
        age: math.log(count + 0.5) for age, (_, count) in zip(ages, before, strict=True) if LAG < age <= LAG + WINDOW
    }
    if len(logs) < FEWEST_DAYS:
        return None
    rises = [(logs[age] - logs[age + 4 * WEEK]) / (4 * WEEK) for age in logs if age + 4 * WEEK in logs]
    trend = median(rises) if len(rises) >= WEEK else 0.0
    level = {age: value + trend * age for age, value in logs.items()}
    weekdays = {
        rest: [value for age, value in level.items() if age % WEEK == rest] for rest in {age % WEEK for age in level}
    }
    own = weekdays.get(0, [])
    if len(own) < 2:
        return None
    rests = {age: value - median(weekdays[age % WEEK]) for age, value in level.items()}
    degrees = len(rests) / max(1, len(rests) - len(weekdays) - 1)
    robust = 1.4826 * median(abs(rest) for rest in rests.values()) * math.sqrt(degrees)
    bound = OUTLIER * max(robust, LEAST_COUNT_SPREAD)
    clipped = {age: min(max(rest, -bound), bound) for age, rest in rests.items()}
    variance = degrees * math.fsum(rest * rest for rest in clipped.values()) / len(clipped)
    # of a new day: its weekday's median, and the trend over the days in between, are estimates
    of_trend = 2 * MEDIAN_VARIANCE / max(1, len(rises)) * ((LAG + WINDOW / 2 + 1) / (4 * WEEK)) ** 2
    spread = max(math.sqrt(variance), LEAST_COUNT_SPREAD)
    correlation = bounded(correlation_of([clipped.get(age) for age in range(LAG + WINDOW, LAG, -1)]))
    return UsualCount(
        expected=math.exp(median(own)) - 0.5,
        spread=spread * math.sqrt(1 + MEDIAN_VARIANCE / len(own) + of_trend),
        slack=spread * SLACK * wobble_of(correlation, len(clipped)),
        innovation=innovation_of(correlation),
    )
