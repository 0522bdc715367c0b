"""Days of a service, drawn with a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from modelway.monitoring.promises import PromisedLimits, PromisesHeld, promises_held
from modelway.monitoring.service_days import MINUTES, CountedDay

START = date(2026, 1, 5)
LIMITS = PromisedLimits(failed=0.001, slow=0.01, least_requests=100)
WEEK = (1.0, 1.05, 1.0, 0.95, 0.9, 0.5, 0.4)


def usual(number: int, chance: random.Random) -> CountedDay:
    """10,000 requests on a Monday, of which some 2 fail and 40 are slow."""
    n = round(10_000 * WEEK[number % 7] * chance.uniform(0.95, 1.05))
    return CountedDay(START + timedelta(days=number), n, round(n * chance.uniform(1, 3) / 1e4), n // 250, n, MINUTES)


def days(count: int, but: Callable[[int, CountedDay], CountedDay | None] = lambda at, day: day) -> list[CountedDay]:
    """but: what is different about the day of this number; None: it is not there."""
    chance = random.Random(1)
    every = [but(number, usual(number, chance)) for number in range(count)]
    return [day for day in every if day]


def held(found: list[CountedDay], budget: float = 1.0, limits: PromisedLimits = LIMITS) -> PromisesHeld:
    return promises_held(found, limits, 56, budget)
