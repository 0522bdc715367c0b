"""A service's days: how many requests, how many of them failed or were slow, and how many of the minutes are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from modelway.monitoring.live_days import EPOCH

MINUTES = 1440
MINUTE_US = 60_000_000
PERIODS = (1, 5, 10, 15, 30, 60, MINUTES)
"""Minutes that a row may be of."""


class CountedRow(NamedTuple):
    """Of one period, such as a minute, an hour or a day, or of a part of it. at: when that began, in microseconds since 1970.
    requests: None where nobody knows. failed, slow: of the requests; slow: None where times are not counted. timed: requests
    whose time is known; None: all of them. minutes: of a day, how many of its minutes are known; None: all."""

    at: int
    requests: float | None
    failed: float = 0.0
    slow: float | None = None
    timed: float | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class CountedDay:
    """Of a whole day, in UTC. timed: requests whose time is known, 0 where times are not counted. minutes: of the 1440, those
    of which is known what happened."""

    day: date
    requests: int
    failed: int
    slow: int
    timed: int
    minutes: int

    @property
    def share(self) -> float:
        """Of its minutes."""
        return self.minutes / MINUTES


def period_of(times: Iterable[int]) -> int:
    """Minutes from a row to the next, as most are: one of PERIODS. Rows of one minute are parts of one row."""
    known = sorted({at // MINUTE_US for at in times})
    steps = [after - before for before, after in pairwise(known)]
    usual = median(steps) if steps else MINUTES
    return min(PERIODS, key=lambda period: abs(math.log(period / usual)))


def days_of(rows: Sequence[CountedRow]) -> list[CountedDay]:
    """Each day that has a row, in their order. Whatever the order of the rows, and into how many parts a minute is cut."""
    period = period_of(row.at for row in rows)
    by_day: dict[int, list[CountedRow]] = {}
    for row in rows:
        by_day.setdefault(row.at // (MINUTES * MINUTE_US), []).append(row)
    return [_day(EPOCH + timedelta(days=day), own, period) for day, own in sorted(by_day.items())]


def _day(day: date, rows: Sequence[CountedRow], period: int) -> CountedDay:
    known = [row for row in rows if row.requests is not None]
    unknown = {_place(row.at, period) for row in rows if row.requests is None}
    places = {_place(row.at, period) for row in known} - unknown
    minutes = float(len(places) * period)
    if period == MINUTES and known:
        minutes = min((row.minutes for row in known if row.minutes is not None), default=minutes)
    timed = [(row.requests or 0.0) if row.timed is None else row.timed for row in known if row.slow is not None]
    requests = round(math.fsum(row.requests or 0.0 for row in known))
    return CountedDay(
        day=day,
        requests=requests,
        failed=min(requests, round(math.fsum(row.failed for row in known))),
        slow=round(math.fsum(row.slow or 0.0 for row in known)),
        timed=round(math.fsum(timed)),
        minutes=round(minutes),
    )


def _place(at: int, period: int) -> int:
    """In its day."""
    return at // MINUTE_US % MINUTES // period
