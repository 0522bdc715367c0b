"""A fall is told once, by days and not by labels, and never of days that are within the limit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from statistics import NormalDist

import pytest

from modelway.config.monitor import LiveMetric
from modelway.errors import Inconclusive
from modelway.monitoring.evidence import wagered
from modelway.monitoring.falling import CAP, HeldLimit, LimitsHeld, LiveUsual, _Run, held, learned
from modelway.monitoring.live_days import LiveDay, LiveValue

START = date(2026, 1, 5)
HISTORY = 56
FIRST = START + timedelta(days=HISTORY)
ACCURACY: tuple[LiveMetric, ...] = ("accuracy_score",)


def value(rate: float, n: int = 1000) -> LiveValue:
    return LiveValue(rate, math.sqrt(rate * (1 - rate) / n), (rate, rate), n)


def days(
    count: int,
    rate: Callable[[int], float] = lambda day: 0.9,
    area: Callable[[int], float] | None = None,
    labels: Callable[[int], int] = lambda day: 1000,
    seed: int = 1,
) -> list[LiveDay]:
    chance, made = random.Random(seed), []
    for number in range(count):
        day, n = START + timedelta(days=number), labels(number)
        noise = chance.gauss(0, 0.01)
        values: dict[LiveMetric, LiveValue] = {"accuracy_score": value(rate(number) + noise, n)} if n else {}
        if area:
            values["roc_auc_score"] = LiveValue(area(number) + chance.gauss(0, 0.01), 0.01, (0, 1), n)
        made.append(LiveDay(day, 1000, n, day + timedelta(days=7), values))
    return made


def watched(
    made: list[LiveDay],
    metrics: tuple[LiveMetric, ...] = ACCURACY,
    limits: Mapping[LiveMetric, float] | None = None,
    budget: float = 0.5,
) -> LimitsHeld:
    return held(made, FIRST, metrics, limits or {}, 0.01, budget)


def test_days_as_they_were_are_quiet() -> None:
    found = watched(days(300))
    assert (found.alarms, found.open) == ((), {}) and len(found.looks) == 300 - HISTORY and max(found.evidence) < 1


def test_a_fall_by_five_points_is_told_within_three_days_of_labels_and_once() -> None:
    found = watched(days(140, lambda day: 0.9 if day < 80 else 0.85))
    (alarm,) = found.alarms
    assert 1 <= (alarm.day - START).days - 80 <= 3, "not before the second day"
    (fall,) = alarm.falls
    assert (fall.metric, fall.since) == ("accuracy_score", START + timedelta(days=80))
    assert fall.before == pytest.approx(0.9, abs=0.005) and fall.now == pytest.approx(0.85, abs=0.02)
    assert alarm.mature == alarm.day + timedelta(days=7) and found.open == {"accuracy_score": alarm.day}


def errors(count: int, size: Callable[[int], float], seed: int = 1) -> list[LiveDay]:
    chance, made = random.Random(seed), []
    for number in range(count):
        at = size(number) * (1 + chance.gauss(0, 0.02))
        values: dict[LiveMetric, LiveValue] = {"mean_absolute_error": LiveValue(at, 0.01 * at, (0, 99), 1000)}
        made.append(LiveDay(START + timedelta(days=number), 1000, 1000, START + timedelta(days=number + 7), values))
    return made


ERROR: tuple[LiveMetric, ...] = ("mean_absolute_error",)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_an_error_falls_by_rising_in_whatever_unit_it_is(unit: float) -> None:
    found = held(errors(140, lambda day: unit * (12 if day < 80 else 15)), FIRST, ERROR, {}, None, 0.5)
    (alarm,) = found.alarms
    assert 1 <= (alarm.day - START).days - 80 <= 4
    (fall,) = alarm.falls
    assert fall.before == pytest.approx(12 * unit, rel=0.02) and fall.now == pytest.approx(15 * unit, rel=0.05)
    usual = found.learned["mean_absolute_error"].mean
    assert found.limits["mean_absolute_error"].value == pytest.approx(1.05 * usual)
    for later in (12.0, 3.0):
        well = errors(300, lambda day, later=later: unit * (12.0 if day < 80 else later))  # type: ignore[misc]
        found = held(well, FIRST, ERROR, {}, None, 0.5)
        assert (found.alarms, found.open) == ((), {})


def test_an_error_may_be_so_large_as_the_gate_says() -> None:
    made = errors(140, lambda day: 12 if day < 80 else 15)
    assert held(made, FIRST, ERROR, {"mean_absolute_error": 16.0}, None, 0.5).alarms == ()
    found = held(made, FIRST, ERROR, {"mean_absolute_error": 13.0}, None, 0.5)
    assert len(found.alarms) == 1 and found.limits["mean_absolute_error"].from_gate
    assert len(held(made, FIRST, ERROR, {}, 0.5, 0.5).alarms) == 0, "half as much again is asked about"


def test_a_single_day_is_never_enough() -> None:
    assert watched(days(140, lambda day: 0.9 if day != 80 else 0.0)).alarms == ()


def test_a_rise_is_no_fall() -> None:
    assert watched(days(140, lambda day: 0.9 if day < 80 else 0.96)).alarms == ()


def test_what_comes_back_is_said_and_watched_again() -> None:
    low = {*range(80, 90), *range(130, 150)}
    found = watched(days(160, lambda day: 0.8 if day in low else 0.9))
    assert len(found.alarms) == 2
    ((back, name),) = found.back
    assert name == "accuracy_score" and 100 <= (back - START).days <= 110


def test_a_fall_that_the_gate_allows_is_none() -> None:
    made = days(140, lambda day: 0.9 if day < 80 else 0.86)
    assert watched(made).alarms and not watched(made, limits={"accuracy_score": 0.85}).alarms
    assert watched(made, limits={"accuracy_score": 0.85}).limits["accuracy_score"] == HeldLimit(0.85, True)


def test_metrics_share_the_promise_and_the_one_that_fell_is_named() -> None:
    both: tuple[LiveMetric, ...] = ("accuracy_score", "roc_auc_score")
    found = watched(days(140, area=lambda day: 0.85 if day < 80 else 0.78), both)
    assert [fall.metric for fall in found.alarms[0].falls] == ["roc_auc_score"]
    assert found.threshold == 2 * watched(days(140), budget=1.0).threshold


def test_later_days_change_nothing_of_what_was_told() -> None:
    made = days(140, lambda day: 0.9 if day < 80 else 0.84)
    whole = watched(made)
    for count in (HISTORY + 1, 82, 100):
        part = watched(made[:count])
        assert part.evidence == whole.evidence[: len(part.evidence)]
        assert part.alarms == tuple(alarm for alarm in whole.alarms if alarm.day <= part.looks[-1].day)


def test_days_that_lack_labels_are_not_looked_at() -> None:
    found = watched(
        days(120, lambda day: 0.9 if day < 80 else 0.5, labels=lambda day: 1000 if day < 80 else 850 + day % 2)
    )
    assert found.alarms == () and len(found.half_ripe) == 40, "half-ripe labels are other ones"
    few = watched(days(120, labels=lambda day: 49 if day == 90 else 1000))
    assert START + timedelta(days=90) in (*few.half_ripe, *few.few)


@pytest.mark.parametrize("innovation", [0.3, 1.0])
def test_a_wager_wins_nothing_on_average_at_the_limit(innovation: float) -> None:
    """By the law of the innovation, at the edge of the slack."""
    usual = LiveUsual(mean=0.9, sd=0.02, slack=0.5, innovation=innovation)
    run = _Run({"accuracy_score": HeldLimit(0.89, False)}, {"accuracy_score": usual}, 730.0)
    law, steps = NormalDist(0.89 - 0.5 * 0.02, 0.02 * math.sqrt(innovation)), 4000
    won = [0.0, 0.0]
    for step in range(steps):
        rate = law.inv_cdf((step + 0.5) / steps)
        far = run._far("accuracy_score", LiveValue(rate, 0.0, (0, 1), 10**9))
        won = [total + one for total, one in zip(won, wagered([0.0, 0.0], (far,), innovation, CAP), strict=True)]
    assert max(won) / steps <= 1.0001
    assert wagered([0.0, 0.0], (1e9,), innovation, CAP) == [CAP, CAP]


def test_days_that_are_like_the_day_before_need_more_to_stand_out() -> None:
    chance, values, wobble = random.Random(3), [], 0.0
    for _ in range(56):
        wobble = 0.6 * wobble + 0.8 * chance.gauss(0, 0.02)
        values.append(value(0.9 + wobble))
    alike, apart = learned(values), learned(random.Random(1).sample(values, 56))
    assert alike and apart and alike.slack > 2 * apart.slack and alike.innovation < apart.innovation
    correlation = math.sqrt(1 - alike.innovation)
    error = math.sqrt((1 + correlation) / (1 - correlation) / 56)
    assert alike.slack == pytest.approx(2 * (correlation + error))


def test_too_few_days_tell_nothing() -> None:
    with pytest.raises(Inconclusive, match="27 days with 50 labels or more"):
        watched(days(100)[HISTORY - 27 :])
    both: tuple[LiveMetric, ...] = ("accuracy_score", "roc_auc_score")
    with pytest.raises(Inconclusive, match="labels that differ, which roc_auc_score needs"):
        watched(days(100), both)
