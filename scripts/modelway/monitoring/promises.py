"""From a service's days to what of its promises is broken, told once.

Two rules share one budget of false alarms, half each:

- *for good*: a wager a day against each promise, as for metrics (modelway.monitoring.falling): the shares of requests that
  failed or were slow, in one direction, against the limit; their number, in both, against what is usual for the weekday.
- *today*: a single day far beyond its limit. Told where the lower end of its share's exact interval is above what a usual
  day's wobble makes of a service that is at its limit. The interval's level and the wobble's quantile spend half of the
  day's part each, so that a day is a false alarm with that probability at most (Bonferroni). Days, not requests, are the unit:
  requests of a day fail together, and how much so is learned from the days.

The alerts of Prometheus (prometheus_rules) are for minutes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from modelway.distributions import clopper_pearson, normal_quantile, t_quantile
from modelway.monitoring.baseline import FEWEST_DAYS
from modelway.monitoring.evidence import BLAMED, DAYS_PER_YEAR, SIZES, wagered
from modelway.monitoring.falling import CAP
from modelway.monitoring.lasting import BACK, RECENT, come_back, looks_in_a_row
from modelway.monitoring.overdispersion import (
    UsualCount,
    UsualShare,
    log_excess,
    usual_count,
    usual_share,
)
from modelway.monitoring.service_days import MINUTES, CountedDay

ServicePromise = Literal["failed", "slow", "requests"]
PROMISES: tuple[ServicePromise, ...] = ("failed", "slow", "requests")
FEWEST_MINUTES = 0.9
"""Of a day: with fewer known nothing is said of it."""
FEWEST_FOR_TODAY = 7
"""Days that tell how much days differ. With fewer it is assumed to be ASSUMED_SPREAD: a bad day in six is 2.7 times as bad as
a usual one, or worse."""
ASSUMED_SPREAD = 1.0
LEAST_FOR_TODAY = 0.3
"""Of that spread: a single day is told by what lies far beyond all days that were seen."""
MARGIN = math.log(1.15)
"""Of the number of requests: a lasting change that is smaller is none."""
NEARLY_NONE = 0.01
"""Of what is usual. A day with fewer requests is told at once; a holiday, by assumption, has more."""


@dataclass(frozen=True)
class PromisedLimits:
    """Of all requests, how many may fail, and how many may be slow. slow: None where times are not counted. least_requests: a
    share of fewer says nothing."""

    failed: float
    slow: float | None
    least_requests: int

    @property
    def shares(self) -> dict[ServicePromise, float]:
        found: dict[ServicePromise, float] = {"failed": self.failed}
        return found if self.slow is None else {**found, "slow": self.slow}


@dataclass(frozen=True)
class BrokenPromise:
    """share: of the evidence, 1 of a single day. before: what is usual, None where that is not known yet; now: of the days
    since, RECENT at most. limit: the share that is promised, or None for the number of requests. since: the first of the
    looks in a row that were beyond it."""

    promise: ServicePromise
    share: float
    before: float | None
    now: float
    limit: float | None
    since: date


@dataclass(frozen=True)
class ServiceAlarm:
    """today: a single day, far beyond its limit; else for good."""

    day: date
    today: bool
    broken: tuple[BrokenPromise, ...]


@dataclass(frozen=True)
class PromisesHeld:
    """usual: days that were learned from. looks: days that were looked at, with the evidence of each, as a part of the
    threshold. few_minutes, few_requests: days that were not. reach: above it a day is told at once. expected: how many
    requests a day's weekday usually has. reason: why nothing, or nothing of the last day, is known; empty where it is."""

    learned: Mapping[ServicePromise, UsualShare]
    reach: Mapping[ServicePromise, float]
    usual: tuple[date, ...]
    looks: Mapping[date, float]
    few_minutes: tuple[date, ...]
    few_requests: tuple[date, ...]
    expected: Mapping[date, float]
    alarms: tuple[ServiceAlarm, ...]
    open: Mapping[ServicePromise, date]
    back: tuple[tuple[date, ServicePromise], ...]
    threshold: float
    today_chance: float
    reason: str


def promises_held(
    days: Sequence[CountedDay], limits: PromisedLimits, history_days: int, false_alarms_per_year: float
) -> PromisesHeld:
    """days: in their order, at least one; those that are missing are not known. history_days: so many days from the first one
    on tell what is usual. false_alarms_per_year: of the service alone."""
    first_look = days[0].day + timedelta(days=history_days)
    run = _Run(limits, first_look, false_alarms_per_year)
    for day in days:
        run.day(day)
    return run.result(days)


def is_known(day: CountedDay) -> bool:
    return day.share >= FEWEST_MINUTES


def _of(day: CountedDay, promise: ServicePromise) -> tuple[int, int]:
    """(hits, n)."""
    return (day.failed, day.requests) if promise == "failed" else (day.slow, day.timed)


@dataclass
class _Run:
    limits: PromisedLimits
    first_look: date
    false_alarms_per_year: float
    looks: dict[date, float] = field(default_factory=dict)
    alarms: list[ServiceAlarm] = field(default_factory=list)
    open: dict[ServicePromise, date] = field(default_factory=dict)
    back: list[tuple[date, ServicePromise]] = field(default_factory=list)
    expected: dict[date, float] = field(default_factory=dict)
    learned: dict[ServicePromise, UsualShare] = field(default_factory=dict)
    reach: dict[ServicePromise, float] = field(default_factory=dict)
    few_minutes: list[date] = field(default_factory=list)
    few_requests: list[date] = field(default_factory=list)
    _past: list[CountedDay] = field(default_factory=list)
    _counts: list[tuple[date, float]] = field(default_factory=list)
    _looked: list[CountedDay] = field(default_factory=list)
    _far: list[dict[ServicePromise, float]] = field(default_factory=list)
    _today: dict[ServicePromise, date] = field(default_factory=dict)
    _frozen: bool = False

    def __post_init__(self) -> None:
        """Each rule has half of the budget. today_chance: of a day, over the shares that are promised."""
        self.threshold = DAYS_PER_YEAR / (self.false_alarms_per_year / 2)
        self.today_chance = self.false_alarms_per_year / 2 / DAYS_PER_YEAR
        self.sums = {name: _nothing(name) for name in PROMISES if name in self.limits.shares or name == "requests"}

    def day(self, day: CountedDay) -> None:
        if not is_known(day):
            self.few_minutes.append(day.day)
            return
        self._learn(day.day)
        whole = day.requests * MINUTES / day.minutes
        usual = usual_count(self._counts, day.day)
        if usual:
            self.expected[day.day] = usual.expected
        enough = {name for name in self.limits.shares if _of(day, name)[1] >= self.limits.least_requests}
        if "failed" not in enough:
            self.few_requests.append(day.day)
        told = self._at_once(day, enough, whole, usual)
        if day.day >= self.first_look:
            self._wager(day, enough, whole, usual, told)
        elif enough and not told:
            self._past.append(day)
        self._counts.append((day.day, whole))

    def _learn(self, today: date) -> None:
        """From the days of the history before today."""
        if self._frozen:
            return
        self._frozen = today >= self.first_look
        known = {day.day: day for day in self._past}
        if not known:
            wobble = ASSUMED_SPREAD * normal_quantile(1 - self._part)
            self.reach = {name: _beyond(limit, wobble) for name, limit in self.limits.shares.items()}
            return
        first, last = min(known), max(known)
        every = [known.get(first + timedelta(days=at)) for at in range((last - first).days + 1)]
        for name, limit in self.limits.shares.items():
            least = self.limits.least_requests
            found = usual_share([_of(day, name) if day and _of(day, name)[1] >= least else None for day in every])
            if found and found.days >= FEWEST_FOR_TODAY:
                self.learned[name] = found
                wobble = t_quantile(1 - self._part, found.days - 1) * math.sqrt(1 + 1 / found.days)
                self.reach[name] = _beyond(limit, max(found.spread, LEAST_FOR_TODAY) * wobble)

    @property
    def _part(self) -> float:
        """Of a day and a share: two-sided, so that one side has half of it."""
        return self.today_chance / len(self.limits.shares)

    def _at_once(
        self, day: CountedDay, enough: set[ServicePromise], whole: float, usual: UsualCount | None
    ) -> tuple[ServicePromise, ...]:
        """What is far beyond its limit on this very day; told where it was not on the look before."""
        found: list[ServicePromise] = []
        for name in self.limits.shares:
            hits, n = _of(day, name)
            reach = self.reach.get(name, 1.0)
            if name in enough and hits > reach * n and clopper_pearson(hits, n, 1 - self._part)[0] > reach:
                found.append(name)
        if usual and usual.expected >= self.limits.least_requests and whole < NEARLY_NONE * usual.expected:
            found.append("requests")
        new = [name for name in found if name not in self._today]
        if new:
            broken = tuple(self._single(name, day, usual) for name in new)
            self.alarms.append(ServiceAlarm(day.day, True, broken))
        for name in [name for name in self._today if name not in found]:
            if name not in self.open:
                self.back.append((day.day, name))
            del self._today[name]
        self._today |= dict.fromkeys(new, day.day)
        return tuple(found)

    def _single(self, name: ServicePromise, day: CountedDay, usual: UsualCount | None) -> BrokenPromise:
        if name == "requests":
            return BrokenPromise(name, 1.0, usual.expected if usual else 0.0, day.requests, None, day.day)
        hits, n = _of(day, name)
        usual_rate = self.learned[name].rate if name in self.learned else None
        return BrokenPromise(name, 1.0, usual_rate, hits / n, self.limits.shares[name], day.day)

    def _wager(
        self,
        day: CountedDay,
        enough: set[ServicePromise],
        whole: float,
        usual: UsualCount | None,
        told: Sequence[ServicePromise],
    ) -> None:
        far: dict[ServicePromise, float] = {}
        for name, limit in self.limits.shares.items():
            learned = self.learned.get(name)
            if name not in enough or learned is None or learned.days < FEWEST_DAYS:
                continue
            hits, n = _of(day, name)
            unit = math.sqrt(learned.spread**2 + 1 / (n * limit + 0.5))
            far[name] = (log_excess(hits, n * limit) - learned.slack) / unit
            self._add(name, [far[name]], learned.innovation, told)
        if usual:
            moved = math.log((whole + 0.5) / (usual.expected + 0.5))
            sides = [(side * moved - MARGIN - usual.slack) / usual.spread for side in (1, -1)]
            far["requests"] = max(sides)
            self._add("requests", sides, usual.innovation, told)
        if not far:
            return
        self._looked.append(day)
        self._far.append(far)
        each = {name: math.fsum(sums) / len(sums) / len(self.sums) for name, sums in self.sums.items()}
        total = math.fsum(each.values())
        self.looks[day.day] = total / self.threshold
        self._close(day.day)
        if total >= self.threshold:
            named = sorted(
                ((part / total, name) for name, part in each.items() if part >= BLAMED * total), reverse=True
            )
            broken = tuple(self._lasting(name, share) for share, name in named)
            self.alarms.append(ServiceAlarm(day.day, False, broken))
            self.open |= {one.promise: day.day for one in broken}
            self.sums = {name: _nothing(name) for name in self.sums}

    def _add(
        self, name: ServicePromise, sides: Sequence[float], innovation: float, told: Sequence[ServicePromise]
    ) -> None:
        """What is open has no vote; nor has a day that was told at once, since nobody has to be told twice of it."""
        if name in self.open or name in told:
            self.sums[name] = _nothing(name)
            return
        self.sums[name] = wagered(self.sums[name], sides, innovation, CAP)

    def _close(self, today: date) -> None:
        if len(self._looked) > BACK:
            begin, looks = self._looked[-BACK].day, self._far[-BACK:]
            for name in come_back(self.open, begin, looks, lambda far, promise: far.get(promise, 0.0) <= 1):
                del self.open[name]
                self.back.append((today, name))

    def _lasting(self, name: ServicePromise, share: float) -> BrokenPromise:
        row = looks_in_a_row(self._far, lambda far: far.get(name, 0.0) > 0)
        recent, since = self._looked[-min(row, RECENT) :], self._looked[-row].day
        if name == "requests":
            before = [self.expected[day.day] for day in recent if day.day in self.expected]
            now = math.fsum(day.requests for day in recent) / len(recent)
            return BrokenPromise(name, share, math.fsum(before) / max(1, len(before)), now, None, since)
        counts = [_of(day, name) for day in recent]
        now = sum(hits for hits, _ in counts) / max(1, sum(n for _, n in counts))
        return BrokenPromise(name, share, self.learned[name].rate, now, self.limits.shares[name], since)

    def result(self, days: Sequence[CountedDay]) -> PromisesHeld:
        self._learn(self.first_look)
        return PromisesHeld(
            learned=self.learned,
            reach=self.reach,
            usual=tuple(day.day for day in self._past),
            looks=self.looks,
            few_minutes=tuple(self.few_minutes),
            few_requests=tuple(self.few_requests),
            expected=self.expected,
            alarms=tuple(self.alarms),
            open={**self._today, **self.open},
            back=tuple(self.back),
            threshold=self.threshold,
            today_chance=self.today_chance,
            reason=self._reason(days[-1]),
        )

    def _reason(self, last: CountedDay) -> str:
        learned = self.learned.get("failed")
        n = learned.days if learned else len(self._past)
        if not is_known(last):
            return f"of {last.day} only {last.minutes:,} of {MINUTES:,} minutes are known"
        if n < FEWEST_DAYS:
            return f"{n} days with {self.limits.least_requests} requests or more are not enough to learn what is usual"
        return ""


def _beyond(limit: float, wobble: float) -> float:
    """A share that is so much above the limit, as a difference of logarithms."""
    return min(1.0, limit * math.exp(min(wobble, 50.0)))


def _nothing(name: ServicePromise) -> list[float]:
    return [0.0] * (len(SIZES) * (2 if name == "requests" else 1))
