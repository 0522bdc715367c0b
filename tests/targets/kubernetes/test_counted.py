"""A weight is believed when what is counted does not contradict it."""

from __future__ import annotations

import pytest

from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, CountsSource, Snapshot
from modelway.targets.kubernetes import traffic


class Clock:
    """Time that passes where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Said(CountsSource):
    """What a source says, reading by reading; the last one again and again."""

    def __init__(self, *readings: tuple[int, int], gaps: tuple[int, ...] = ()) -> None:
        self.readings, self.gaps, self.asked = readings, gaps, 0

    def snapshot(self) -> Snapshot:
        number = min(self.asked, len(self.readings) - 1)
        new, stable = self.readings[number]
        gap = "a pod cannot be read" if self.asked in self.gaps else ""
        self.asked += 1
        return Snapshot.now({"new": Counters(requests=new), "stable": Counters(requests=stable)}, gap=gap)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(traffic, "time", made)
    return made


HALF = {"new": 0.5, "stable": 0.5}
ALL, NONE = {"new": 1.0, "stable": 0.0}, {"new": 0.0, "stable": 1.0}


def test_requests_on_every_side_are_enough(clock: Clock) -> None:
    traffic.counted(Said((0, 0), (0, 3), (2, 5)), HALF)
    assert clock.now < 1


def test_a_side_that_stays_silent_where_many_should_come_is_not_believed() -> None:
    with pytest.raises(OutsideFailure, match="of 60 requests new got 0, asked 50 %, stable got 60"):
        traffic.counted(Said((0, 0), (0, 60)), HALF)


def test_few_requests_contradict_nothing(clock: Clock) -> None:
    traffic.counted(Said((0, 0), (0, 5)), {"new": 0.1, "stable": 0.9})
    assert clock.now <= traffic.COUNT_SECONDS + 1, "and are not waited for without a bound"


def test_where_no_request_comes_nothing_is_contradicted(clock: Clock) -> None:
    traffic.counted(Said((7, 9)), HALF)
    assert clock.now <= traffic.SILENT_SECONDS + 1


def test_what_was_on_its_way_is_let_pass() -> None:
    traffic.counted(Said((5, 100), (6, 104), (6, 110)), NONE)


@pytest.mark.parametrize("shares", [ALL, NONE])
def test_requests_where_there_should_be_none_are_not_believed(shares: dict[str, float]) -> None:
    both = [(number, number) for number in range(1000)]
    with pytest.raises(OutsideFailure, match="does not follow the weights"):
        traffic.counted(Said(*both), shares)
    traffic.counted(Said(*both), shares, connections=True)


def test_a_reading_that_cannot_be_trusted_is_not_counted_with() -> None:
    with pytest.raises(OutsideFailure, match="of 40 requests new got 0"):
        traffic.counted(Said((0, 0), (90, 0), (90, 0), (90, 40), gaps=(1,)), HALF)


class SaidByPods(CountsSource):
    """The same of two pods of stable, of which one may be gone."""

    def __init__(self, *readings: tuple[int, dict[str, int]]) -> None:
        self.readings, self.asked = readings, 0

    def snapshot(self) -> Snapshot:
        new, stable = self.readings[min(self.asked, len(self.readings) - 1)]
        self.asked += 1
        counters = {name: Counters(requests=count) for name, count in stable.items()}
        return Snapshot.of_replicas({"new": {"n": Counters(requests=new)}, "stable": counters})


@pytest.mark.parametrize("left", [{"a": 120}, {"a": 120, "b": 3}], ids=["gone", "begun anew"])
def test_a_pod_that_goes_meanwhile_contradicts_nothing(left: dict[str, int]) -> None:
    """An autoscaler takes it, or a node: in a sum, its requests of before hide those that the others get."""
    later = {name: count + 20 for name, count in left.items()}
    traffic.counted(SaidByPods((0, {"a": 100, "b": 100}), (60, left), (80, later)), HALF)


def test_the_pods_that_are_left_must_get_their_share() -> None:
    with pytest.raises(OutsideFailure, match="stable got 0"):
        traffic.counted(SaidByPods((0, {"a": 100, "b": 100}), (60, {"a": 100}), (120, {"a": 100})), HALF)
