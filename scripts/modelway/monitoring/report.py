"""What monitor-model hands on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from modelway.data.drift.report import DriftSource
from modelway.data.drift.sketch import Shape
from modelway.monitoring.performance import PerformanceReport
from modelway.monitoring.scores import ScoreKind
from modelway.monitoring.service import ServiceOutcome, ServiceReport
from modelway.monitoring.watching import FEWEST_ROWS, Alarm, LastingChange, Watched, WatchedHours

Outcome = Literal["alarm", "inconclusive", "changed", "quiet"]
SAID_DAYS = 90
WORST_FIRST: tuple[Outcome, ...] = ("alarm", "inconclusive", "changed", "quiet")


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """before, now: shares of the rows, where `of` is share, missing or unseen; standard deviations of the reference for level;
    for spread half of what the variance is above that of the reference. share_of_evidence: of the alarm's."""

    column: str
    of: ScoreKind
    value: str | None
    before: float
    now: float
    since: str
    share_of_evidence: float


class DayAlarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """hour: where it was one's look, when that began, in UTC, such as 13:00."""

    day: str
    changes: tuple[ColumnChange, ...]
    hour: str = ""

    @property
    def at(self) -> str:
        return f"{self.day} {self.hour}".rstrip()


class DayLook(msgspec.Struct, frozen=True):
    """evidence: of the threshold; from 1 on it is an alarm."""

    day: str
    evidence: float


class HourLooks(msgspec.Struct, frozen=True, kw_only=True):
    """Of the looks by the hour. usual: hours that were learned from, of usual_days. first: the day that looks begin on. looks:
    how many. skipped: hours with too few rows. last: when the last hour that was looked at began; empty where none was.
    evidence: the most that it was on each of the last days. why_none: empty where hours are looked at."""

    usual: int
    usual_days: int
    first: str
    looks: int
    skipped: int
    last: str
    threshold: float
    evidence: tuple[DayLook, ...]
    why_none: str = ""


class CountedReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers themselves have counted: how many of them told, and which did not; what is missing, in words; and the
    days of which too little is known, with the share that is. untold: where the service is watched by their counts, servers
    that do not count requests."""

    version: int
    servers: int
    silent: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    partial: dict[str, float] = {}
    untold: tuple[str, ...] = ()


class MonitorReport(msgspec.Struct, frozen=True, kw_only=True):
    """outcome: alarm, where there is one from `since` on; else inconclusive, where too little is known of the performance or
    the service, or the data are stale; else changed, where what an alarm named is not back; else quiet. history: first and
    last of the days that were learned from, and how many have rows enough. open: columns that have changed, with the day of
    the alarm; back: those that came back, with the day. not_watched: columns of the reference that the data has not, or as
    another type; new_columns: those that the reference has not, which are not watched either. performance, service: None
    where it is not watched. reference: None where the service is watched alone, and data names its source. stale: what of the
    data is too old; empty where nothing is. counted: None where the data were named. hours: None where they are not looked
    at."""

    outcome: Outcome
    reference: DriftSource | None
    data: str
    rows: int
    data_digest: str
    columns: int
    history: tuple[str, str, int]
    since: str
    false_alarms_per_year: float
    threshold: float
    alarms: tuple[DayAlarm, ...]
    open: dict[str, str]
    back: tuple[tuple[str, str], ...]
    looks: tuple[DayLook, ...]
    skipped: tuple[str, ...]
    not_watched: tuple[str, ...]
    new_columns: tuple[str, ...]
    performance: PerformanceReport | None = None
    service: ServiceReport | None = None
    stale: str = ""
    counted: CountedReport | None = None
    hours: HourLooks | None = None
    schema: Literal["modelway/monitor-model/1"] = "modelway/monitor-model/1"

    @property
    def new(self) -> tuple[DayAlarm, ...]:
        """Alarms from `since` on."""
        return tuple(alarm for alarm in self.alarms if alarm.day >= self.since)


def report_of(
    found: Watched,
    reference: DriftSource,
    data: DriftSource,
    since: str,
    false_alarms_per_year: float,
    shape: Shape,
    performance: PerformanceReport | None = None,
    service: ServiceReport | None = None,
    stale: str = "",
) -> MonitorReport:
    """since: an ISO date. shape: what is different about the data's columns."""
    alarms = tuple(_alarm(alarm) for alarm in found.alarms)
    own: Outcome = "changed" if found.open or (performance and performance.open) else "quiet"
    if (performance and performance.outcome == "inconclusive") or stale:
        own = "inconclusive"
    if any(alarm.day >= since for alarm in alarms) or (performance and performance.outcome == "alarm"):
        own = "alarm"
    return MonitorReport(
        outcome=worst([own, of_service(service)] if service else [own]),
        reference=reference,
        data=data.data,
        rows=data.rows,
        data_digest=data.digest,
        columns=found.columns,
        history=(found.usual[0].isoformat(), found.usual[-1].isoformat(), len(found.usual)),
        since=since,
        false_alarms_per_year=false_alarms_per_year,
        threshold=found.threshold,
        alarms=alarms,
        open={name: _day(at) for name, at in sorted(found.open.items())},
        back=tuple((_day(at), name) for at, name in found.back),
        looks=tuple(DayLook(day.isoformat(), part) for day, part in zip(found.looks, found.evidence, strict=True)),
        skipped=tuple(day.isoformat() for day in found.skipped),
        not_watched=tuple(column.name for column in shape.absent),
        new_columns=shape.others,
        performance=performance,
        service=service,
        stale=stale,
        hours=_hours(found.hours) if found.hours else None,
    )


def of_service_alone(
    service: ServiceReport, false_alarms_per_year: float, counted: CountedReport | None = None
) -> MonitorReport:
    """Of a model whose rows nobody watches."""
    days = [day.day for day in service.days]
    return MonitorReport(
        outcome=of_service(service),
        reference=None,
        data=service.source,
        rows=0,
        data_digest=service.digest,
        columns=0,
        history=(days[0], days[-1], 0),
        since=service.since,
        false_alarms_per_year=false_alarms_per_year,
        threshold=0.0,
        alarms=(),
        open={},
        back=(),
        looks=(),
        skipped=(),
        not_watched=(),
        new_columns=(),
        service=service,
        counted=counted,
    )


def of_service(service: ServiceReport) -> Outcome:
    words: dict[ServiceOutcome, Outcome] = {
        "broken": "changed",
        "kept": "quiet",
        "alarm": "alarm",
        "inconclusive": "inconclusive",
    }
    return words[service.outcome]


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    return min(outcomes, key=WORST_FIRST.index)


def _alarm(alarm: Alarm) -> DayAlarm:
    return DayAlarm(_day(alarm.at), tuple(_change(change) for change in alarm.changes), _hour(alarm.at))


def _day(at: date) -> str:
    return at.isoformat()[:10]


def _hour(at: date) -> str:
    return f"{at:%H:%M}" if isinstance(at, datetime) else ""


def _at(at: date) -> str:
    return f"{_day(at)} {_hour(at)}".rstrip()


def _hours(found: WatchedHours) -> HourLooks:
    most: dict[str, float] = {}
    for at, part in found.looks:
        most[_day(at)] = max(part, most.get(_day(at), 0.0))
    why = ""
    if found.too_few:
        why = f"{found.usual_days} days with an hour of {FEWEST_ROWS} rows or more are not enough to tell what is usual of one"
    last = found.looks[-1][0] if found.looks else None
    return HourLooks(
        usual=found.usual,
        usual_days=found.usual_days,
        first="" if found.too_few else _day(found.first),
        looks=len(found.looks),
        skipped=found.skipped,
        last=_at(last) if last else "",
        threshold=found.threshold,
        evidence=tuple(DayLook(day, part) for day, part in list(most.items())[-SAID_DAYS:]),
        why_none=why,
    )


def _change(change: LastingChange) -> ColumnChange:
    return ColumnChange(
        column=change.column,
        of=change.score.of,
        value=change.score.value,
        before=change.before,
        now=change.now,
        since=_at(change.since),
        share_of_evidence=change.share,
    )
