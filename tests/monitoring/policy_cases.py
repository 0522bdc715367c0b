"""Reports of monitor-model and chains of the ledger for tests of what follows an alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from modelway.data.drift.report import DriftSource
from modelway.monitoring.performance import (
    LabelCounts,
    MeasuredValue,
    MetricFall,
    MetricLimit,
    PerformanceAlarm,
    PerformanceDay,
    PerformanceReport,
)
from modelway.monitoring.report import ColumnChange, DayAlarm, MonitorReport
from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_history import Recorded

FIRST = date(2026, 10, 1)
LIMIT = 0.85


def day(number: int) -> date:
    """That many days after the first."""
    return FIRST + timedelta(days=number)


def moment(number: float) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=number)


def entry(number: int, at: float, action: Any, version: int, before: int | None) -> Recorded:
    made = Entry(
        model="m",
        environment="production",
        alias="production",
        action=action,
        version=version,
        previous_version=before,
        model_digest="",
        data_digest="",
        policy_digest="",
        verdict=None,
        who="ada",
        why="because",
        when=moment(at).isoformat(),
        nonce=str(number),
        previous="",
    )
    return Recorded(number, "valid", made, applied=True, intents=())


CHAIN = (entry(1, -0.5, "deploy", 7, None), entry(2, 20.5, "deploy", 8, 7))
"""Version 7 from the first day on, version 8 from noon of day 20 on."""


def performance(
    *,
    fell: int = 21,
    bad: float = 0.80,
    good: float = 0.90,
    days: int = 26,
    told_of: int | None = None,
    limit: float = LIMIT,
    from_gate: bool = True,
    wobble: float = 0.004,
    since: int = 0,
    is_open: bool = True,
) -> PerformanceReport:
    """The accuracy is good until the day `fell`, and bad from then on; the alarm is of its third day."""
    told_of = fell + 2 if told_of is None else told_of
    measured = []
    for number in range(days):
        value = (bad if number >= fell else good) + wobble * (-1) ** number
        measured.append(
            PerformanceDay(
                day=day(number).isoformat(),
                predictions=1000,
                labels=1000,
                state="looked at" if number > 5 else "usual",
                values={"accuracy_score": MeasuredValue(1000, value, value - 0.02, value + 0.02)},
            )
        )
    fall = MetricFall("accuracy_score", good, bad, limit, day(fell).isoformat(), 1.0)
    told = day(told_of + 7).isoformat()
    alarm = PerformanceAlarm(day(told_of).isoformat(), told, (fall,))
    counts = LabelCounts(
        source="labels.csv",
        digest="d",
        labels=26000,
        again=0,
        unknown=0,
        repeated_predictions=0,
        without_id=0,
        without_time=0,
        without_prediction=0,
    )
    return PerformanceReport(
        outcome="alarm",
        reason="",
        prediction="p",
        label="late",
        mature_days=7,
        counts=counts,
        limits={"accuracy_score": MetricLimit(at_least=limit, from_gate=from_gate, usual=good)},
        usual_share_labelled=1.0,
        days=tuple(measured),
        alarms=(alarm,),
        open={"accuracy_score": alarm.day} if is_open else {},
        back=(),
        since=day(since).isoformat(),
    )


def report(
    live: PerformanceReport | None = None, *, drifted: int | None = None, since: int = 0, is_open: bool = True
) -> MonitorReport:
    """drifted: the day of the alarm of column distance; None where no column changed."""
    alarms: tuple[DayAlarm, ...] = ()
    if drifted is not None:
        change = ColumnChange(
            column="distance",
            of="level",
            value=None,
            before=0.0,
            now=0.9,
            since=day(drifted - 2).isoformat(),
            share_of_evidence=1.0,
        )
        alarms = (DayAlarm(day(drifted).isoformat(), (change,)),)
    source = DriftSource(data="train.csv", rows=9000, clusters=0, digest="d", from_sketch=False)
    return MonitorReport(
        outcome="alarm",
        reference=source,
        data="requests.csv",
        rows=26000,
        data_digest="d",
        columns=3,
        history=(day(0).isoformat(), day(5).isoformat(), 6),
        since=day(since).isoformat(),
        false_alarms_per_year=1.0,
        threshold=365.0,
        alarms=alarms,
        open={"distance": alarms[0].day} if alarms and is_open else {},
        back=(),
        looks=(),
        skipped=(),
        not_watched=(),
        new_columns=(),
        performance=live,
    )
