"""Which days are mature, and what they say: as the gate says it of the same rows, and never anything else once later data
come."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelway.data.labelled import DayArrivals, DayErrors, DayOutcomes
from modelway.gate import delong, influence
from modelway.gate.metrics import REGRESSION, measure
from modelway.gate.predictions import Predictions
from modelway.gate.rows import JudgedRows
from modelway.monitoring.live_days import (
    EPOCH,
    OF_NUMBERS,
    LiveDay,
    accuracy,
    area,
    live_days,
    of_errors,
    ripe,
    ripened,
)

DAY = 20_000


def day(number: int, rows: int = 100, labels: int = 100) -> LiveDay:
    return LiveDay(EPOCH + timedelta(days=number), rows, labels, EPOCH + timedelta(days=number + 7))


def test_without_times_of_arrival_a_day_is_mature_so_many_days_later() -> None:
    arrivals = {DAY + number: DayArrivals(10, {DAY + number: 10}) for number in range(12)}
    found = ripened(arrivals, DAY + 11, 7, timed=False)
    assert list(found.mature.items()) == [(DAY + number, DAY + number + 7) for number in range(5)]
    assert found.waiting == tuple(range(DAY + 5, DAY + 12))


def test_with_them_as_soon_as_95_percent_are_there_and_never_before_an_earlier_day() -> None:
    arrivals = {
        DAY: DayArrivals(100, {DAY + 1: 50, DAY + 3: 45, DAY + 9: 5}),
        DAY + 1: DayArrivals(100, {DAY + 1: 99}),
        DAY + 2: DayArrivals(100, {DAY + 3: 94, DAY + 20: 6}),
        DAY + 3: DayArrivals(100, {}),
    }
    found = ripened(arrivals, DAY + 9, 7, timed=True)
    assert found.cutoffs == {DAY: DAY + 3, DAY + 1: DAY + 1, DAY + 2: DAY + 9}
    assert found.mature == {DAY: DAY + 3, DAY + 1: DAY + 3, DAY + 2: DAY + 9}
    assert found.waiting == (DAY + 3,)


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=8), min_size=1, max_size=10), st.integers(0, 25), st.integers(0, 9)
)
def test_later_data_only_add_mature_days(delays: list[list[int]], until: int, mature_days: int) -> None:
    def known(last: int) -> dict[int, DayArrivals]:
        made = {}
        for number, own in enumerate(delays):
            came = [DAY + number + delay for delay in own if DAY + number + delay <= last]
            if DAY + number <= last:
                made[DAY + number] = DayArrivals(max(1, len(own)), {one: came.count(one) for one in came})
        return made

    part = ripened(known(DAY + until), DAY + until, mature_days, timed=True)
    whole = ripened(known(DAY + 40), DAY + 40, mature_days, timed=True)
    assert list(whole.mature.items())[: len(part.mature)] == list(part.mature.items())
    assert {one: whole.cutoffs[one] for one in part.cutoffs} == part.cutoffs
    assert list(part.mature.values()) == sorted(part.mature.values())
    assert all(told <= DAY + until for told in part.mature.values())


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_errors_of_numbers_are_the_gates_with_their_rows_influences(offset: float) -> None:
    random = np.random.default_rng(3)
    truth = random.gamma(2, 10, size=400) + offset
    errors = random.standard_t(5, size=400) * 6
    c = truth - truth.mean()
    sums = [(abs(errors)), errors**2, errors**4, c**2, c**4, errors**2 * c**2]
    found = of_errors(DayErrors(400, *(float(part.sum()) for part in sums)), 0.95)
    influences = [
        abs(errors) - abs(errors).mean(),
        (errors**2 - (errors**2).mean()) / (2 * np.sqrt((errors**2).mean())),
        influence.explained(truth, errors).influence,
    ]
    metrics = [REGRESSION[name] for name in OF_NUMBERS]
    model = Predictions(truth + errors)
    for told, moved, metric in zip(found, influences, metrics, strict=True):
        gate = measure(metric, JudgedRows(truth, model, model), 0.95)
        assert told is not None and told.value == pytest.approx(gate.value, rel=1e-9)
        assert told.error == pytest.approx(np.std(moved) / np.sqrt(399), rel=1e-6)
        assert told.interval[0] < told.value < told.interval[1]


def test_numbers_that_say_nothing_have_no_value() -> None:
    assert of_errors(DayErrors(1, 1, 1, 1, 0, 0, 0), 0.95) == (None, None, None)
    size, root, explained = of_errors(DayErrors(9, 0, 0, 0, 0, 0, 0), 0.95)
    assert size is not None and root is not None and explained is None, "labels that are all the same"
    assert (size.value, root.value, root.error) == (0, 0, 0)


@pytest.mark.parametrize("digits", [1, 3])
@pytest.mark.parametrize("shift", [0.3, 4.0])
def test_values_and_intervals_are_those_of_the_gate(digits: int, shift: float) -> None:
    random = np.random.default_rng(digits)
    truth = random.random(150) < 0.3
    score = np.round(random.normal(size=150) + shift * truth, digits)
    gate = delong.area(truth, score)
    ones, zeros = score[truth][:, None], score[~truth][None, :]
    wins = 2 * (ones > zeros) + (ones == zeros)
    found = DayOutcomes(
        labels=150,
        hits=120,
        positives=int(truth.sum()),
        negatives=int((~truth).sum()),
        wins=int(wins.sum()),
        wins_of_positives=int((wins.sum(axis=1) ** 2).sum()),
        wins_of_negatives=int((wins.sum(axis=0) ** 2).sum()),
    )
    live, right = area(found, 0.95), accuracy(found, 0.95)
    assert live and right
    assert live.value == pytest.approx(gate.area)
    assert live.interval == pytest.approx(delong.area_interval(gate, 0.95))
    assert (right.value, right.n) == (0.8, 150)
    wilson = stats.binomtest(120, 150).proportion_ci(0.95, method="wilson")
    assert right.interval == pytest.approx((wilson.low, wilson.high))


@pytest.mark.parametrize(("positives", "negatives"), [(0, 100), (1, 99), (99, 1)])
def test_with_one_class_there_is_no_area(positives: int, negatives: int) -> None:
    assert area(DayOutcomes(100, 90, positives, negatives), 0.95) is None


def test_a_day_without_a_label_has_no_values() -> None:
    arrivals = {DAY: DayArrivals(10, {})}
    (found,) = live_days(arrivals, ripened(arrivals, DAY + 9, 7, timed=False), {}, ("accuracy_score",), 0.95)
    assert (found.rows, found.labels, found.values, found.share) == (10, 0, {}, 0.0)


def test_a_day_that_lacks_labels_which_others_have_is_not_ripe() -> None:
    days = [*(day(DAY + number, 1000, 900) for number in range(9)), day(DAY + 9, 1000, 800), day(DAY + 10, 40, 40)]
    assert ripe(days) == days[:9]
