"""What every source of counts guarantees: subclass `CountsContract` and give it a fixture `counting`."""

from __future__ import annotations

import abc
import time
from contextlib import AbstractContextManager

import pytest

from modelway.errors import OutsideFailure
from modelway.observe.counts import Counters, CountsSource, Snapshot, counted, percentile_bound


class Counting(abc.ABC):
    """A source, and the releases whose requests it counts. slots: two of them; both run. read_seconds: within them a source
    has counted what was answered."""

    source: CountsSource
    slots: tuple[str, str]
    read_seconds = 3.0

    @abc.abstractmethod
    def send(self, slot: str, count: int, bad: bool = False) -> None:
        """So many requests that this release answers. bad: it refuses them."""

    @abc.abstractmethod
    def silent(self) -> AbstractContextManager[None]:
        """Within it, the counters cannot be read, or not be trusted."""

    def until(self, slot: str, requests: int) -> Snapshot:
        """What the source says, once it has counted so many of a release in all."""
        deadline = time.monotonic() + self.read_seconds
        while (said := self.source.snapshot()).releases.get(slot, Counters()).requests != requests:
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said


class CountsContract:
    def test_a_request_is_counted_once_and_where_it_was_answered(self, counting: Counting) -> None:
        one, other = counting.slots
        counting.send(one, 30)
        counting.send(one, 7, bad=True)
        counting.send(other, 12)
        said = counting.until(one, 37)
        assert said.releases[one].errors == 7
        assert counting.until(other, 12).releases[other].errors == 0

    def test_counters_only_grow(self, counting: Counting) -> None:
        one, _ = counting.slots
        before = counting.source.snapshot()
        counting.send(one, 5)
        first = counting.until(one, 5)
        counting.send(one, 6)
        second = counting.until(one, 11)
        assert before.ticks < first.ticks < second.ticks
        assert second.ticks <= time.monotonic()
        assert abs(second.at - time.time()) < 60
        assert counted(first.releases[one], second.releases[one], 0) == (6, 0, 0)
        assert counted(second.releases[one], first.releases[one], 0) is None

    def test_times_are_a_histogram_over_the_bounds(self, counting: Counting) -> None:
        one, _ = counting.slots
        bounds = list(counting.source.bounds_ms)
        assert bounds == sorted(set(bounds)) and bounds[0] > 0
        counting.send(one, 40)
        sample = counting.until(one, 40).releases[one]
        deadline = time.monotonic() + counting.read_seconds
        while sample.timed < 40 or sum(sample.fast.values()) == 0:
            assert time.monotonic() < deadline, sample
            sample = counting.source.snapshot().releases[one]
        assert set(sample.fast) <= set(bounds)
        counts = [sample.fast[bound] for bound in sorted(sample.fast)]
        assert counts == sorted(counts) and counts[-1] == sample.timed == 40
        assert percentile_bound(Counters(), sample, 0.5) in bounds
        requests, _, slow = counted(Counters(), sample, bounds[-1]) or (0, 0, -1)
        assert (requests, slow) == (40, 0)

    def test_replicas_where_they_are_told_apart_add_up_to_their_release(self, counting: Counting) -> None:
        one, other = counting.slots
        counting.send(one, 20)
        counting.send(other, 10, bad=True)
        said = counting.until(one, 20)
        assert set(said.replicas) <= set(said.releases)
        for slot, replicas in said.replicas.items():
            for name in ("requests", "errors", "timed"):
                total = sum(getattr(sample, name) for sample in replicas.values())
                assert total == getattr(said.releases[slot], name)

    def test_what_cannot_be_read_is_never_a_zero(self, counting: Counting) -> None:
        one, _ = counting.slots
        counting.send(one, 5)
        counting.until(one, 5)
        with counting.silent():
            try:
                assert counting.source.snapshot().gap
            except OutsideFailure as error:
                assert error.where
        assert not counting.source.snapshot().gap

    def test_the_past_is_told_in_order_or_not_at_all(self, counting: Counting) -> None:
        one, _ = counting.slots
        counting.send(one, 9)
        if (past := counting.source.past(60)) is None:
            pytest.skip("keeps no past: whoever needs one watches")
        deadline = time.monotonic() + 10
        while True:
            told = list(past)
            ticks = [item.ticks for item in told]
            assert ticks == sorted(ticks)
            assert all(time.monotonic() - 61 < at <= time.monotonic() for at in ticks)
            if told and told[-1].releases.get(one, Counters()).requests == 9:
                return
            assert time.monotonic() < deadline
            time.sleep(0.1)
            past = counting.source.past(60) or ()
