"""From days to alarms: told once, by name, the same whenever it is asked."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.errors import Inconclusive
from modelway.monitoring.watching import WatchedDay, watch
from monitoring.days import START, days, sketch

HISTORY = 28
REFERENCE = sketch(random.Random(9), 5000, 3)


def test_quiet_days_are_quiet() -> None:
    found = watch(REFERENCE, days(100), HISTORY)
    assert found.alarms == () and found.open == {} and len(found.looks) == 72
    assert max(found.evidence) < 1


def test_a_shift_is_told_once_with_what_and_since_when() -> None:
    found = watch(REFERENCE, days(70, lambda day: {"shift": 0.8} if day >= 40 else {}), HISTORY)
    (alarm,) = found.alarms
    assert START + timedelta(days=42) <= alarm.at <= START + timedelta(days=46), "not before the third look"
    (change,) = alarm.changes
    assert (change.column, change.score.of) == ("c0", "level")
    assert change.now - change.before == pytest.approx(0.8, abs=0.2)
    assert abs((change.since - START).days - 40) <= 1
    assert found.open == {"c0": alarm.at} and found.back == ()


def test_what_comes_back_is_said_and_watched_again() -> None:
    moved = {*range(40, 50), *range(80, 95)}
    found = watch(REFERENCE, days(95, lambda day: {"shift": 0.8} if day in moved else {}), HISTORY)
    assert [change.column for alarm in found.alarms for change in alarm.changes] == ["c0", "c0"]
    ((day, name),) = found.back
    assert name == "c0" and 60 <= (day - START).days <= 79


def test_missing_values_are_told_as_shares_of_the_rows() -> None:
    found = watch(REFERENCE, days(60, lambda day: {"missing": 0.08} if day >= 35 else {}), HISTORY)
    (change,) = found.alarms[0].changes
    assert (change.column, change.score.of) == ("c0", "missing")
    assert change.before == pytest.approx(0.01, abs=0.006) and change.now == pytest.approx(0.08, abs=0.02)


def test_later_days_change_nothing_of_what_was_told() -> None:
    every = days(80, lambda day: {"shift": 0.8} if day >= 40 else {})
    whole = watch(REFERENCE, every, HISTORY)
    for count in (HISTORY + 1, 45, 60):
        part = watch(REFERENCE, every[:count], HISTORY)
        assert part.evidence == whole.evidence[: len(part.evidence)]
        assert part.alarms == tuple(alarm for alarm in whole.alarms if alarm.at <= part.looks[-1])


def test_days_with_few_rows_are_left_out_and_said() -> None:
    every = days(60)
    every[40] = WatchedDay(every[40].day, None)
    every[41] = WatchedDay(every[41].day, sketch(random.Random(3), 99, 3, shift=9.0))
    found = watch(REFERENCE, every, HISTORY)
    assert found.skipped == (every[40].day, every[41].day) and found.alarms == ()


def test_a_change_weighs_less_after_a_day_that_is_not_known() -> None:
    """That day may have been off by a wobble, with which the next one goes along."""
    chance, off = random.Random(4), [0.0]
    while len(off) < 43:
        off.append(0.8 * off[-1] + 0.6 * chance.gauss(0, 0.15))
    off[40] = 0.0
    known = days(42, lambda day: {"shift": off[day] + 0.5 * (day == 41)})
    unknown = [*known[:40], WatchedDay(known[40].day, None), known[41]]
    for history in (HISTORY, 41):
        assert watch(REFERENCE, unknown, history).evidence[-1] < 0.7 * watch(REFERENCE, known, history).evidence[-1]


def test_too_few_usual_days_tell_nothing() -> None:
    every = days(60)
    for number in range(5):
        every[number] = WatchedDay(every[number].day, None)
    with pytest.raises(Inconclusive, match="23 days with 100 rows or more"):
        watch(REFERENCE, every, HISTORY)


def test_days_that_differ_by_weekday_are_usual() -> None:
    found = watch(REFERENCE, days(112, lambda day: {"shift": 0.6 if day % 7 >= 5 else 0.0}), 56)
    assert found.alarms == ()


def test_a_number_that_never_varied_is_told_when_it_does() -> None:
    cells = ColumnCells(name="k", kind="number", edges=(0.9, 1.0))

    def one(counts: tuple[int, int, int]) -> DataSketch:
        return DataSketch(rows=200, columns=(SketchColumn(cells=cells, missing=0, unreadable=0, counts=counts),))

    every = [
        WatchedDay(START + timedelta(days=day), one((0, 200, 0) if day < 40 else (0, 190, 10))) for day in range(60)
    ]
    found = watch(one((0, 200, 0)), every, HISTORY)
    (change,) = found.alarms[0].changes
    assert (change.column, change.score.of, change.now) == ("k", "unseen", pytest.approx(0.05))
