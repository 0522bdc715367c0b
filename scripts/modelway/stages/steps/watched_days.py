"""The days and hours of monitor-model's rows, in the cells of what the model was trained with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import msgspec

from modelway.data.cells import Grouping
from modelway.data.drift.sides import DriftSide
from modelway.data.drift.sketch import DataSketch, Shape, merged
from modelway.errors import InvalidInput
from modelway.monitoring.live_days import EPOCH, MOST_DAYS, refuse_too_many
from modelway.monitoring.watching import HOURS, WatchedDay, WatchedHour

HOUR_US = 3_600_000_000
DAY_US = HOURS * HOUR_US


@dataclass(frozen=True)
class WatchedRows:
    """reference: in the cells of which all of them are. shape: what is different about the columns of the data. hours: those
    that are over; None where they are not looked at."""

    reference: DataSketch
    days: list[WatchedDay]
    shape: Shape
    hours: list[WatchedHour] | None = None


def kept(before: DriftSide, after: DriftSide, together: DataSketch, *, hourly: bool) -> WatchedRows:
    """Of days and hours that were kept as a sketch, or as several. together: all of them."""
    known = before.sketch
    if known is None or known.cells != together.cells:
        fix = "name the sketch that detect-drift wrote of the training data, and that the days were made with"
        raise InvalidInput(f"has other columns or cells than the sketches in {after.name}", where=before.name, fix=fix)
    by_day, by_hour = dict[date, dict[str, DataSketch]](), dict[datetime, dict[str, DataSketch]]()
    for name, one in after.sketches.items():
        found = re.search(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}))?", name)
        try:
            day, hour = date.fromisoformat(found[1] if found else ""), int((found and found[2]) or 0)
            begin = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        except ValueError:
            fix = "call it by its day, such as 2026-11-27.json, or by its hour in UTC, such as 2026-11-27T13.json"
            raise InvalidInput("has no date in its name", where=name, fix=fix) from None
        by_day.setdefault(day, {})[name] = one
        if found and found[2]:
            by_hour.setdefault(begin, {})[name] = one
    days = {day: merged(list(ones.values()), list(ones)) for day, ones in by_day.items()}
    hours = {hour: merged(list(ones.values()), list(ones)) for hour, ones in by_hour.items()}
    every = _every(days, after.name, "name the sketches of days that are over", "it has no sketch")
    shape = Shape(absent=together.absent, others=together.others)
    return WatchedRows(known, every, shape, _over(hours) if hourly else None)


def sketched(before: DriftSide, after: DriftSide, time_column: str, *, hourly: bool) -> WatchedRows:
    """Of rows: each whole day in the reference's cells, from the first that has rows to the last that is over; and what is
    different about the columns, of which only those that both have are left."""
    assert after.rows is not None
    after.rows.require_times(time_column, "monitor.time-column")
    known = before.sketch
    if known is None:
        assert before.rows is not None
        cells, _ = before.rows.cells({})
        known = before.rows.sketch(cells, own=True)
    counted, shape = after.rows.countable([column.cells for column in known.columns])
    if not known.rows or not counted:
        what = (
            "has no rows"
            if not known.rows
            else f"has no column that {after.name} has as well, and that is not left out"
        )
        raise InvalidInput(what, where=before.name, fix="name the data that the model was trained with")
    names = {column.name for column in counted}
    known = msgspec.structs.replace(known, columns=tuple(one for one in known.columns if one.name in names))
    by = Grouping(time=time_column, width_us=HOUR_US if hourly else DAY_US)
    found = after.rows.groups(counted, by, own=False, most=MOST_DAYS * (HOURS if hourly else 1))
    try:
        by_time = {_time(start): one for start, one in found.items() if start is not None}
    except OverflowError:
        by_time = {}
    by_day = dict[date, list[DataSketch]]()
    for begin, one in sorted(by_time.items()):
        by_day.setdefault(begin.date(), []).append(one)
    fix = "write times as ISO 8601 in UTC, such as 2026-11-21T08:30:00Z, or name another column as monitor.time-column"
    days = {day: merged(ones, [after.name] * len(ones)) for day, ones in by_day.items()}
    every = _every(days, after.name, fix, f"column {time_column[:100]!r} has no time")
    return WatchedRows(known, every, shape, _over(by_time) if hourly else None)


def with_hours(found: WatchedRows, hours: Mapping[str, DataSketch]) -> WatchedRows:
    """hours: by when they begin, such as 2026-11-27T13."""
    return replace(found, hours=_over({datetime.fromisoformat(f"{hour}:00Z"): one for hour, one in hours.items()}))


def _time(start: str) -> datetime:
    return datetime.combine(EPOCH, datetime.min.time(), UTC) + timedelta(microseconds=int(start))


def _over(by_hour: Mapping[datetime, DataSketch]) -> list[WatchedHour]:
    """Those that are, in their order."""
    now = datetime.now(UTC)
    return [WatchedHour(hour, one) for hour, one in sorted(by_hour.items()) if hour + timedelta(hours=1) <= now]


def _every(by_day: Mapping[date, DataSketch], where: str, fix: str, without: str) -> list[WatchedDay]:
    """From the first day to the last that is over, in UTC."""
    today = datetime.now(UTC).date()
    whole = {day: one for day, one in by_day.items() if day < today}
    if not whole:
        raise InvalidInput(f"{without} of a day that is over", where=where, fix=fix)
    first, last = min(whole), max(whole)
    refuse_too_many(first, last, where)
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [WatchedDay(day, whole.get(day)) for day in every]
