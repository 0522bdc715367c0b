"""The requests of a service on whole days, as a Prometheus has scraped their counters, minute by minute.

Counters are asked for as they are, and their growth is worked out here: `increase` extrapolates, forgets the first request of
a series that was not there before, and says nothing of scrapes that are missing. Of each target (a process that is scraped):

- between two scrapes at most LONGEST seconds apart, what was counted is the difference; where a counter went down, the process
  began anew, and what it has counted since is what is known: less than there was, never more;
- the minutes between scrapes that are further apart are not known, and what happened in them is not counted.

A minute of the service is known where at least half of its targets are: those that were scraped before it and after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from modelway.observe.prometheus_api import PrometheusMoment, SampledSeries

STEP = 60
DAY = 86_400
MINUTES = DAY // STEP
LONGEST = 300.0
"""Seconds between two scrapes: as far as Prometheus itself looks back."""
BY = ("job", "instance", "pod", "namespace", "cluster", "version", "digest")
"""Labels that tell processes apart. A process counts all of its series from its start, so that their sum does, too."""


@dataclass(frozen=True)
class ServiceQueries:
    """Selectors of counters: requests, those that failed, those whose time is known, and of these the fast ones. timed, fast:
    empty where times are not counted."""

    requests: str
    failed: str
    timed: str = ""
    fast: str = ""


class ServedDay(NamedTuple):
    """minutes: that are known. timed: 0 where times are not counted."""

    day: date
    requests: int
    failed: int
    slow: int
    timed: int
    minutes: int


class CounterSample(NamedTuple):
    """Of one target at one scrape. at: the server's seconds. slow: of the timed requests; timed is 0 without them."""

    at: float
    requests: float
    failed: float
    timed: float
    slow: float


def served_days(
    get: Callable[[str, Mapping[str, str]], bytes], queries: ServiceQueries, days: int, where: str
) -> Iterator[ServedDay]:
    """The last so many days that are over by the server's clock, oldest first; of what it does not know no minute is known.
    get: of the API. where: of the queries, for InvalidInput. OutsideFailure where the server cannot be had, or answers in
    part."""
    now = PrometheusMoment(get, 1.0).now
    today = datetime.fromtimestamp(now, UTC).date()
    for back in range(days, 0, -1):
        day = today - timedelta(days=back)
        yield counted_day(day, _scrapes(PrometheusMoment(get, 1.0), queries, day, where))


def _scrapes(moment: PrometheusMoment, queries: ServiceQueries, day: date, where: str) -> list[list[CounterSample]]:
    """Of each target, in the order of time: the last scrape before the day, and those of each of its minutes."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    def asked(query: str, how: str = "sum") -> dict[tuple[str, ...], dict[float, float]]:
        """How: the series of one target become one."""
        found = moment.over(f"{how} by ({', '.join(BY)}) ({query})", start, STEP, where, start + DAY)
        return {_target(one): {at: float(value) for at, value in one.values} for one in found}

    times = asked(f"timestamp({queries.requests})", "max")
    if not times:
        return []
    requests, failed = asked(queries.requests), asked(queries.failed)
    timed = asked(queries.timed) if queries.timed else {}
    fast = asked(queries.fast) if queries.timed else {}
    made = []
    for target, scraped in times.items():
        own = {name: found.get(target, {}) for name, found in (("failed", failed), ("timed", timed), ("fast", fast))}
        samples = dict[float, CounterSample]()
        for step, at in scraped.items():
            if step not in requests.get(target, {}):
                continue
            with_times = own["timed"].get(step, 0.0) if step in own["fast"] else 0.0
            # a series that is not there has counted nothing: it comes with its first failure
            sample = CounterSample(
                at,
                requests[target][step],
                own["failed"].get(step, 0.0),
                with_times,
                max(0.0, with_times - own["fast"].get(step, 0.0)),
            )
            if all(math.isfinite(value) for value in sample):
                samples.setdefault(at, sample)
        made.append([samples[at] for at in sorted(samples)])
    return [samples for samples in made if samples]


def _target(one: SampledSeries) -> tuple[str, ...]:
    return tuple(one.metric.get(name, "") for name in BY)


def counted_day(day: date, targets: Sequence[Sequence[CounterSample]]) -> ServedDay:
    """targets: the scrapes of each, in the order of time."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    there, known = [0] * MINUTES, [0] * MINUTES
    totals = [0.0] * 4
    for samples in targets:
        for before, after in pairwise(samples):
            minutes = range(max(0, _minute(before.at, start)), min(MINUTES, _minute(after.at, start)))
            closed = after.at - before.at <= LONGEST
            for minute in minutes:
                there[minute] += 1
                known[minute] += closed
            if closed and before.at < start + DAY and after.at > start:
                for at, grown in enumerate(_growth(before, after)):
                    totals[at] += grown
    requests, failed, timed, slow = (round(total) for total in totals)
    minutes_known = sum(1 for of, n in zip(there, known, strict=True) if n and 2 * n >= of)
    return ServedDay(day, requests, min(failed, requests), min(slow, timed), timed, minutes_known)


def _minute(at: float, start: float) -> int:
    """Whose end is the next one: a scrape within a minute tells of the minute before."""
    return math.floor((at - start) / STEP + 0.5)


def _growth(before: CounterSample, after: CounterSample) -> tuple[float, float, float, float]:
    """(requests, failed, timed, slow)."""
    began_anew = after.requests < before.requests
    requests, failed, timed, slow = (
        new if began_anew else max(0.0, new - old) for new, old in zip(after[1:], before[1:], strict=True)
    )
    return requests, min(failed, requests), timed, min(slow, timed)
