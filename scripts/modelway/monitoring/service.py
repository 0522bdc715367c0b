"""What monitor-model says of a service's promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from modelway.distributions import normal_quantile, wilson
from modelway.monitoring.promises import BrokenPromise, PromisedLimits, PromisesHeld, ServiceAlarm
from modelway.monitoring.service_days import CountedDay

ServiceOutcome = Literal["alarm", "broken", "kept", "inconclusive"]
ServiceDayState = Literal["usual", "looked at", "few minutes", "few requests"]
ShareOutcome = Literal["kept", "inconclusive", "broken"]


class HeldShare(msgspec.Struct, frozen=True):
    """Of n requests. low, high: Wilson's interval at the gate's confidence. outcome: broken, where all of it is above the
    limit; kept, where none of it is; of this day alone, as if its requests were independent."""

    n: int
    value: float
    low: float
    high: float
    outcome: ShareOutcome


class ServiceDay(msgspec.Struct, frozen=True, kw_only=True):
    """minutes: of the day's 1440, those that are known. expected: requests that its weekday usually has. evidence: of the
    threshold, of a day that was looked at."""

    day: str
    requests: int
    minutes: int
    state: ServiceDayState
    shares: Mapping[str, HeldShare] = {}
    expected: float | None = None
    evidence: float | None = None


class PromisedShare(msgspec.Struct, frozen=True):
    """usual: by the requests of the history. at_once_above: a single day above it is told; None where no day is."""

    at_most: float
    usual: float | None
    at_once_above: float | None


class PromiseBreak(msgspec.Struct, frozen=True, kw_only=True):
    """before, now: shares of the requests; of `requests` their number in a day. before: None where nobody knows what is
    usual."""

    promise: str
    before: float | None
    now: float
    limit: float | None
    since: str
    share_of_evidence: float


class PromiseAlarm(msgspec.Struct, frozen=True):
    """today: a single day far beyond its limit; else for good."""

    day: str
    today: bool
    breaks: tuple[PromiseBreak, ...]


class ServiceReport(msgspec.Struct, frozen=True, kw_only=True):
    """outcome: alarm, where there is a new one; inconclusive, where too little is known, which `reason` says; broken, where
    what an alarm named is not back; else kept. false_alarms_per_year: of the service, half of it for single days. by_servers:
    the model's own servers have counted, and nobody what never reached one."""

    outcome: ServiceOutcome
    reason: str
    source: str
    digest: str
    false_alarms_per_year: float
    faster_than_ms: float
    promises: Mapping[str, PromisedShare]
    days: tuple[ServiceDay, ...]
    unknown_days: int
    alarms: tuple[PromiseAlarm, ...]
    open: Mapping[str, str]
    back: tuple[tuple[str, str], ...]
    since: str
    by_servers: bool = False

    @property
    def new(self) -> tuple[PromiseAlarm, ...]:
        """Alarms from `since` on."""
        return tuple(alarm for alarm in self.alarms if alarm.day >= self.since)


def service_report(
    days: Sequence[CountedDay],
    found: PromisesHeld,
    limits: PromisedLimits,
    *,
    since: str,
    confidence: float,
    source: str,
    digest: str,
    false_alarms_per_year: float,
    faster_than_ms: float,
    stale: str = "",
    by_servers: bool = False,
) -> ServiceReport:
    """since: an ISO date; empty: the last of the days. stale: why they are too old; empty where they are not."""
    reason = stale or found.reason
    first_new = since or days[-1].day.isoformat()
    alarms = tuple(_alarm(alarm) for alarm in found.alarms)
    new = any(alarm.day >= first_new for alarm in alarms)
    return ServiceReport(
        outcome="alarm" if new else "inconclusive" if reason else "broken" if found.open else "kept",
        reason=reason,
        source=source,
        digest=digest,
        false_alarms_per_year=false_alarms_per_year,
        faster_than_ms=faster_than_ms,
        promises={
            name: PromisedShare(
                limit, found.learned[name].rate if name in found.learned else None, found.reach.get(name)
            )
            for name, limit in limits.shares.items()
        },
        days=tuple(_day(day, found, limits, normal_quantile(confidence)) for day in days),
        unknown_days=(days[-1].day - days[0].day).days + 1 - len(days),
        alarms=alarms,
        open={str(name): day.isoformat() for name, day in sorted(found.open.items())},
        back=tuple((day.isoformat(), name) for day, name in found.back),
        since=first_new,
        by_servers=by_servers,
    )


def _day(day: CountedDay, found: PromisesHeld, limits: PromisedLimits, z: float) -> ServiceDay:
    counts = {"failed": (day.failed, day.requests), "slow": (day.slow, day.timed)}
    state: ServiceDayState = "looked at" if day.day in found.looks else "usual"
    if day.day in found.few_minutes:
        state = "few minutes"
    elif day.day in found.few_requests:
        state = "few requests"
    return ServiceDay(
        day=day.day.isoformat(),
        requests=day.requests,
        minutes=day.minutes,
        state=state,
        shares={name: _share(*counts[name], limit, z) for name, limit in limits.shares.items() if counts[name][1]},
        expected=found.expected.get(day.day),
        evidence=found.looks.get(day.day),
    )


def _share(hits: int, n: int, limit: float, z: float) -> HeldShare:
    low, high = wilson(hits, n, z)
    return HeldShare(n, hits / n, low, high, "broken" if low > limit else "kept" if high <= limit else "inconclusive")


def _alarm(alarm: ServiceAlarm) -> PromiseAlarm:
    return PromiseAlarm(alarm.day.isoformat(), alarm.today, tuple(_break(one) for one in alarm.broken))


def _break(one: BrokenPromise) -> PromiseBreak:
    return PromiseBreak(
        promise=one.promise,
        before=one.before,
        now=one.now,
        limit=one.limit,
        since=one.since.isoformat(),
        share_of_evidence=one.share,
    )
