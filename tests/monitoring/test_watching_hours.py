"""Looks by the hour: what breaks at once is told within hours, once, beside the looks by the day."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from modelway.data.drift.report import DriftSource
from modelway.data.drift.sketch import Shape, merged
from modelway.monitoring.report import MonitorReport, report_of
from modelway.monitoring.watching import HOURS, Watched, WatchedDay, WatchedHour, watch
from modelway.report.monitoring import in_words, markdown
from monitoring.days import START, sketch

HISTORY, DAYS = 28, 34
BEGIN = datetime(START.year, START.month, START.day, tzinfo=UTC)
BREAKS = HISTORY * HOURS + 10
"""The hour from which on something is broken, where it is."""
REFERENCE = sketch(random.Random(9), 5000, 3)
Of = Callable[[int], dict[str, float]]


def hours(of: Of = lambda hour: {}, days: int = DAYS, rows: int = 110, seed: int = 1) -> list[WatchedHour]:
    """of: what is different in the hour of this number."""
    chance = random.Random(seed)
    return [WatchedHour(BEGIN + timedelta(hours=at), sketch(chance, rows, 3, **of(at))) for at in range(days * HOURS)]


def found(every: list[WatchedHour], since: int = 0) -> Watched:
    """since: the first day of which hours are kept."""
    by_day: dict[datetime, list[WatchedHour]] = {}
    for hour in every:
        by_day.setdefault(hour.begin.replace(hour=0), []).append(hour)
    days = [
        WatchedDay(day.date(), merged([one.sketch for one in ones], [""] * len(ones))) for day, ones in by_day.items()
    ]
    return watch(REFERENCE, days, HISTORY, 1.0, [hour for hour in every if hour.begin >= BEGIN + timedelta(days=since)])


def missing_from(begin: int, end: int = 1 << 30) -> Of:
    return lambda hour: {"missing": 0.31} if begin <= hour < end else {}


def test_quiet_hours_are_quiet_and_share_the_budget() -> None:
    quiet = found(hours())
    assert quiet.alarms == () and quiet.hours is not None
    assert len(quiet.hours.looks) == (DAYS - HISTORY) * HOURS and quiet.hours.usual == HISTORY * HOURS
    assert quiet.threshold == pytest.approx(2 * 365.25) and quiet.hours.threshold == pytest.approx(2 * 24 * 365.25)


def test_what_breaks_is_told_within_five_hours_and_once() -> None:
    broken = found(hours(missing_from(BREAKS)))
    (alarm,) = broken.alarms
    assert isinstance(alarm.at, datetime)
    assert 3 <= (alarm.at - BEGIN) / timedelta(hours=1) - BREAKS + 1 <= 5
    (change,) = alarm.changes
    assert (change.column, change.score.of, change.since) == ("c0", "missing", BEGIN + timedelta(hours=BREAKS))
    assert change.before == pytest.approx(0.01, abs=0.01) and change.now == pytest.approx(0.31, abs=0.1)
    assert broken.open == {"c0": alarm.at}


def test_a_burst_is_over_after_a_day_of_hours_and_a_second_one_is_told_again() -> None:
    both = (missing_from(BREAKS, BREAKS + 6), missing_from(BREAKS + 60, BREAKS + 66))
    burst = found(hours(lambda hour: both[0](hour) or both[1](hour)))
    assert [isinstance(alarm.at, datetime) for alarm in burst.alarms] == [True, True]
    assert [name for _, name in burst.back] == ["c0", "c0"] and not burst.open
    first, _ = burst.back
    assert isinstance(first[0], datetime) and first[0] - BEGIN == timedelta(hours=BREAKS + 5 + HOURS)


def test_what_a_day_told_no_hour_tells_again() -> None:
    """A level that is off by less than any hour is told by a day; later it is off by far more."""
    later = BREAKS + 8 * HOURS
    worse = found(hours(lambda hour: {"shift": 0.25 if hour < later else 2.5} if hour >= BREAKS else {}, days=40))
    (alarm,) = worse.alarms
    assert not isinstance(alarm.at, datetime) and [change.column for change in alarm.changes] == ["c0"]


def test_later_hours_change_nothing_of_what_was_told() -> None:
    every = hours(missing_from(BREAKS))
    whole = found(every).hours
    for more in (HOURS + 3, 2 * HOURS):
        part = found(every[: HISTORY * HOURS + more]).hours
        assert part is not None and whole is not None and part.looks == whole.looks[: len(part.looks)]


def test_hours_with_few_rows_are_left_out_and_said() -> None:
    chance, every = random.Random(3), hours()
    for at in (BREAKS, BREAKS + 1):
        every[at] = WatchedHour(every[at].begin, sketch(chance, 99, 3, missing=0.9))
    del every[BREAKS + 3]
    few = found(every).hours
    assert few is not None and few.skipped == 2 and len(few.looks) == (DAYS - HISTORY) * HOURS - 3


def test_hours_that_are_kept_for_fewer_than_four_weeks_tell_nothing() -> None:
    every = hours(missing_from(BREAKS))
    for since, looked_at in ((10, False), (5, True)):  # of 34 days
        young = found(every, since=since)
        assert young.hours is not None and bool(young.hours.looks) is looked_at
        assert young.hours.first == START + timedelta(days=HISTORY + since), "as much history as days have"
    assert len(young.hours.looks) == HOURS and young.hours.usual == HISTORY * HOURS


def test_what_the_report_says_of_hours() -> None:
    broken = found(hours(missing_from(BREAKS)))
    side = DriftSource(data="asked.csv", rows=1, clusters=0, digest="d" * 12, from_sketch=False)
    report = report_of(broken, side, side, broken.looks[-1].isoformat(), 1.0, Shape())
    (alarm,) = report.alarms
    assert alarm.day == "2026-02-02" and report.open == {"c0": alarm.day}
    page = markdown(msgspec.json.decode(msgspec.json.encode(report), type=MonitorReport))
    assert f"| 2026-02-02 {alarm.hour} |  | c0: missing from" in page and "hours were looked at" in page
    newer = report_of(broken, side, side, "2026-02-02", 1.0, Shape())
    assert newer.outcome == "alarm" and f"changed by 2026-02-02 {alarm.hour}: c0: missing" in in_words(newer)
    assert "since 2026-02-02 10:00" in in_words(newer)
