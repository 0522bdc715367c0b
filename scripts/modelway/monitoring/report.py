"""What monitor-model hands on."""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.data.drift.report import DriftSource
from modelway.data.drift.sketch import Shape
from modelway.monitoring.performance import PerformanceReport
from modelway.monitoring.scores import ScoreKind
from modelway.monitoring.watching import Alarm, LastingChange, Watched

Outcome = Literal["alarm", "inconclusive", "changed", "quiet"]


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


class DayAlarm(msgspec.Struct, frozen=True):
    day: str
    changes: tuple[ColumnChange, ...]


class DayLook(msgspec.Struct, frozen=True):
    """evidence: of the threshold; from 1 on it is an alarm."""

    day: str
    evidence: float


class CountedReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers themselves have counted: how many of them told, and which did not; what is missing, in words; and the
    days of which too little is known, with the share that is."""

    version: int
    servers: int
    silent: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    partial: dict[str, float] = {}


class MonitorReport(msgspec.Struct, frozen=True, kw_only=True):
    """outcome: alarm, where there is one from `since` on; else inconclusive, where too little is known of the performance;
    else changed, where a column or a metric that an alarm named is not back; else quiet. history: first and last of the days
    that were learned from, and how many have rows enough. open: columns that have changed, with the day of the alarm; back:
    those that came back, with the day. not_watched: columns of the reference that the data has not, or as another type;
    new_columns: those that the reference has not, which are not watched either. performance: None where it is not watched.
    counted: None where the data were named."""

    outcome: Outcome
    reference: DriftSource
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
    counted: CountedReport | None = None
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
) -> MonitorReport:
    """since: an ISO date. shape: what is different about the data's columns."""
    alarms = tuple(_alarm(alarm) for alarm in found.alarms)
    outcome: Outcome = "changed" if found.open or (performance and performance.open) else "quiet"
    if performance and performance.outcome == "inconclusive":
        outcome = "inconclusive"
    if any(alarm.day >= since for alarm in alarms) or (performance and performance.outcome == "alarm"):
        outcome = "alarm"
    return MonitorReport(
        outcome=outcome,
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
        open={name: day.isoformat() for name, day in sorted(found.open.items())},
        back=tuple((day.isoformat(), name) for day, name in found.back),
        looks=tuple(DayLook(day.isoformat(), part) for day, part in zip(found.looks, found.evidence, strict=True)),
        skipped=tuple(day.isoformat() for day in found.skipped),
        not_watched=tuple(column.name for column in shape.absent),
        new_columns=shape.others,
        performance=performance,
    )


def _alarm(alarm: Alarm) -> DayAlarm:
    return DayAlarm(alarm.day.isoformat(), tuple(_change(change) for change in alarm.changes))


def _change(change: LastingChange) -> ColumnChange:
    return ColumnChange(
        column=change.column,
        of=change.score.of,
        value=change.score.value,
        before=change.before,
        now=change.now,
        since=change.since.isoformat(),
        share_of_evidence=change.share,
    )
