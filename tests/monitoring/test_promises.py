"""What of a service's promises is told, when, and once; and what is never told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelway.monitoring.promises import PromisedLimits
from modelway.monitoring.service_days import MINUTES, CountedDay
from monitoring.service_worlds import START, days, held


def on(number: int, **changed: int) -> object:
    return lambda at, day: replace(day, **changed) if at == number else day


def told(found: object) -> list[tuple[int, bool, list[str]]]:
    return [
        ((alarm.day - START).days, alarm.today, [one.promise for one in alarm.broken])
        for alarm in found.alarms  # type: ignore[attr-defined]
    ]


def test_a_year_as_usual_is_quiet_and_every_day_is_looked_at() -> None:
    found = held(days(365))
    assert found.alarms == () and found.open == {} and found.reason == ""
    assert len(found.looks) == 365 - 56 and len(found.usual) == 56
    assert max(found.looks.values()) < 0.1


def test_a_day_of_30_percent_errors_is_told_on_that_day_and_once() -> None:
    def outage(at: int, day: CountedDay) -> CountedDay:
        return replace(day, failed=day.requests * 3 // 10) if at in (80, 81) else day

    found = held(days(100, outage))
    assert told(found) == [(80, True, ["failed"])]
    (one,) = found.alarms[0].broken
    assert (one.limit, one.since, round(one.now, 3)) == (0.001, START + timedelta(days=80), 0.3)
    assert found.open == {} and found.back == ((START + timedelta(days=82), "failed"),)


def test_an_outage_that_lasts_is_told_by_one_rule_alone() -> None:
    found = held(days(100, lambda at, day: replace(day, failed=day.requests // 3) if at >= 80 else day))
    assert told(found) == [(80, True, ["failed"])] and list(found.open) == ["failed"]


def test_a_second_outage_is_told_again() -> None:
    found = held(days(100, lambda at, day: replace(day, failed=day.requests // 2) if at in (80, 84) else day))
    assert told(found) == [(80, True, ["failed"]), (84, True, ["failed"])]


def test_a_limit_that_is_passed_by_a_little_is_told_after_days_and_once() -> None:
    found = held(days(120, lambda at, day: replace(day, failed=day.requests * 3 // 1000) if at >= 80 else day))
    ((day, today, names),) = told(found)
    assert 82 <= day <= 90 and not today and names == ["failed"]
    assert found.alarms[0].broken[0].since == START + timedelta(days=80)
    assert list(found.open) == ["failed"]


def test_what_is_slow_for_good_is_told_and_then_back() -> None:
    found = held(days(140, lambda at, day: replace(day, slow=day.timed // 40) if 80 <= at < 100 else day))
    ((day, today, names),) = told(found)
    assert 82 <= day <= 90 and not today and names == ["slow"]
    assert found.back == ((START + timedelta(days=113), "slow"),) and found.open == {}


@pytest.mark.parametrize("factor", [0.5, 2.5])
def test_traffic_that_halves_or_doubles_for_good_is_told(factor: float) -> None:
    found = held(days(100, lambda at, day: scaled(day, factor) if at >= 80 else day))
    ((day, today, names),) = told(found)
    assert 82 <= day <= 88 and not today and names == ["requests"]


def scaled(day: CountedDay, factor: float) -> CountedDay:
    n = round(day.requests * factor)
    return replace(day, requests=n, timed=n, slow=n // 250, failed=round(day.failed * factor))


def test_holidays_and_growth_are_no_alarm() -> None:
    def grows(at: int, day: CountedDay) -> CountedDay:
        return scaled(day, 1.05 ** (at / 7) * (0.3 if at in (30, 90, 91, 150) else 1))

    assert told(held(days(365, grows))) == []


def test_holidays_hide_no_fall() -> None:
    def falls(at: int, day: CountedDay) -> CountedDay:
        return scaled(day, 0.2 if at in (20, 31, 42, 53) else 0.5 if at >= 70 else 1)

    assert told(held(days(100, falls))) == [(72, False, ["requests"])]


def test_nobody_asks_any_more_is_told_on_that_day() -> None:
    found = held(days(100, lambda at, day: replace(day, requests=0, failed=0, slow=0, timed=0) if at >= 90 else day))
    assert told(found)[0] == (90, True, ["requests"]) and "requests" in found.open


def test_a_few_requests_say_no_share() -> None:
    """Three of four fail on every day: with so few nobody is called."""
    few = [CountedDay(START + timedelta(days=at), 4, 3, 3, 4, MINUTES) for at in range(100)]
    found = held(few)
    assert told(found) == [] and len(found.few_requests) == 100
    assert found.reason == "0 days with 100 requests or more are not enough to learn what is usual"


def test_a_day_without_its_minutes_neither_heals_nor_breaks_anything() -> None:
    def gap(at: int, day: CountedDay) -> CountedDay:
        return replace(day, minutes=1200, failed=day.requests, requests=day.requests) if at == 99 else day

    found = held(days(100, gap))
    assert told(found) == [] and found.few_minutes == (START + timedelta(days=99),)
    assert found.reason == "of 2026-04-14 only 1,200 of 1,440 minutes are known"


def test_traffic_is_held_against_the_minutes_that_are_known() -> None:
    """A tenth of the minutes is missing, so that 22 % fewer requests are 13 % fewer."""

    def fewer(minutes: int) -> list[CountedDay]:
        return days(100, lambda at, day: replace(scaled(day, 0.78), minutes=minutes) if at >= 70 else day)

    assert told(held(fewer(1296))) == [] and told(held(fewer(1440)))[0][2] == ["requests"]


def test_a_young_service_is_told_of_an_outage_but_of_nothing_lasting() -> None:
    found = held(days(12, lambda at, day: replace(day, failed=day.requests) if at == 11 else day))
    assert told(found) == [(11, True, ["failed"])]
    assert found.reason == "11 days with 100 requests or more are not enough to learn what is usual"
    first = held(days(1, lambda at, day: replace(day, failed=day.requests // 5)))
    assert told(first) == [(0, True, ["failed"])] and first.alarms[0].broken[0].before is None
    assert 0.02 < first.reach["failed"] < 0.06, "what days differ by is assumed"
    assert told(held(days(3, lambda at, day: replace(day, failed=day.requests // 100)))) == []


def test_an_outage_in_the_history_is_told_and_not_learned() -> None:
    def out(at: int, day: CountedDay) -> CountedDay:
        return replace(day, failed=day.requests // 2) if at == 40 else day

    with_outage, without = held(days(100, out)), held(days(100))
    assert told(with_outage) == [(40, True, ["failed"])]
    assert with_outage.learned["failed"].rate == pytest.approx(without.learned["failed"].rate, rel=0.02)


def test_half_of_the_budget_is_of_single_days() -> None:
    found = held(days(100), budget=0.5)
    assert found.today_chance * 365.25 == pytest.approx(0.25)
    assert found.threshold == pytest.approx(365.25 / 0.25)
    assert held(days(100), budget=0.1).reach["failed"] > found.reach["failed"] > 0.001


def test_a_service_that_does_not_count_times_promises_nothing_about_them() -> None:
    found = held([replace(day, slow=0, timed=0) for day in days(100)], limits=PromisedLimits(0.001, None, 100))
    assert set(found.learned) == {"failed"} and found.alarms == ()


def test_later_days_change_nothing_about_earlier_ones() -> None:
    every = days(120, lambda at, day: replace(day, failed=day.requests * 4 // 1000) if at >= 80 else day)
    whole, early = held(every), held(every[:90])
    assert early.alarms == tuple(alarm for alarm in whole.alarms if alarm.day <= every[89].day)
    assert early.looks == {day: part for day, part in whole.looks.items() if day <= every[89].day}
