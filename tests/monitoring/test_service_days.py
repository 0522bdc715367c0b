"""Rows of minutes, hours or days become days, by hand and whatever their order and their parts."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.monitoring.live_days import EPOCH
from modelway.monitoring.service_days import MINUTE_US, CountedDay, CountedRow, days_of, period_of

START = date(2026, 3, 2)
BEGIN = (START - EPOCH).days * 1440 * MINUTE_US


def rows(count: int, minutes: int, requests: float | None = 10, failed: float = 1) -> list[CountedRow]:
    return [CountedRow(BEGIN + at * minutes * MINUTE_US, requests, failed, 2) for at in range(count)]


@pytest.mark.parametrize(("minutes", "of_day"), [(1, 1440), (5, 288), (15, 96), (60, 24), (1440, 1)])
def test_a_day_is_the_sum_of_its_rows(minutes: int, of_day: int) -> None:
    assert days_of(rows(2 * of_day, minutes))[0] == CountedDay(
        START, 10 * of_day, of_day, 2 * of_day, 10 * of_day, 1440
    )


def test_minutes_without_a_row_or_a_count_are_not_known() -> None:
    every = rows(1440, 1)
    assert days_of(every[:1000])[0].minutes == 1000
    (day,) = days_of([row._replace(requests=None) if at < 40 else row for at, row in enumerate(every)])
    assert (day.minutes, day.requests) == (1400, 14_000)


def test_hours_of_a_log_that_begins_within_one() -> None:
    late = [row._replace(at=row.at + 7 * MINUTE_US + 3_000_000) for row in rows(48, 60)]
    assert [day.minutes for day in days_of(late)] == [1440, 1440]


def test_a_day_may_say_how_many_of_its_minutes_are_known() -> None:
    told = [row._replace(minutes=1300) for row in rows(3, 1440)]
    assert [day.minutes for day in days_of(told)] == [1300, 1300, 1300]


def test_fractions_of_requests_are_added_before_they_are_rounded() -> None:
    (day,) = days_of([CountedRow(BEGIN + at * MINUTE_US, 0.4, 0.1) for at in range(1440)])
    assert (day.requests, day.failed) == (576, 144)


parts = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=60).map(
    lambda found: [CountedRow(BEGIN + at * MINUTE_US, a + b, a, b, a + b) for at, a, b in found]
)


@given(parts, st.randoms(use_true_random=False))
def test_neither_their_order_nor_their_parts_matter(found: list[CountedRow], chance: random.Random) -> None:
    cut = []
    for row in found:
        a, b = chance.randint(0, int(row.failed)), chance.randint(0, int(row.slow or 0))
        at = row.at + chance.randrange(MINUTE_US)
        cut.append(CountedRow(at, a + b, a, b, a + b))
        cut.append(CountedRow(row.at, row.requests - a - b, row.failed - a, row.slow - b, row.timed - a - b))  # type: ignore[operator]
    chance.shuffle(cut)
    assert days_of(cut) == days_of(found)


@given(parts)
def test_a_day_fails_no_more_than_it_is_asked(found: list[CountedRow]) -> None:
    for day in days_of(found):
        assert 0 <= day.failed <= day.requests and 0 <= day.slow <= day.timed and 0 < day.minutes <= 1440


def test_a_period_is_what_most_rows_are_apart() -> None:
    minutes = [BEGIN + at * MINUTE_US for at in range(30)]
    assert period_of(minutes) == 1 and period_of([*minutes, BEGIN + 5760 * MINUTE_US]) == 1
    assert period_of([BEGIN]) == 1440 and period_of([]) == 1440
