"""What two readings say together: nothing, where a part of what was summed is gone, began anew or could not be read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.observe.counts import Counters, Snapshot, between, counted, grown, together, unknown_between


def sample(requests: int, errors: int = 0, slow: int = 0) -> Counters:
    """All that was not slow took at most 50 ms."""
    return Counters(requests, errors, requests, {50: requests - slow, 100: requests} if slow else {50: requests})


def reading(ticks: float = 0.0, gap: str = "", **replicas: Counters) -> Snapshot:
    taken = Snapshot.of_replicas({"v2": replicas}, gap)
    return msgspec.structs.replace(taken, ticks=ticks)


def test_a_replica_that_is_gone_cannot_hide_behind_another() -> None:
    """The sum has grown by 100, and 300 requests were made."""
    before, after = reading(a=sample(200), b=sample(500)), reading(b=sample(800))
    assert after.releases["v2"].requests > before.releases["v2"].requests
    assert unknown_between(before, after, "v2") == "the counters of a, a part of v2, are gone"


def test_a_replica_that_began_anew_cannot_hide_behind_another() -> None:
    before, after = reading(a=sample(200), b=sample(500)), reading(a=sample(0), b=sample(900))
    assert unknown_between(before, after, "v2") == "the counters of a, a part of v2, began anew at zero"


@pytest.mark.parametrize("fell", [sample(9, 3), sample(10, 2), sample(12, 3, slow=5)])
def test_every_counter_must_grow(fell: Counters) -> None:
    assert "began anew" in unknown_between(reading(a=sample(10, 3)), reading(a=fell), "v2")


def test_what_a_new_replica_had_counted_before_it_was_found_is_not_of_this_block() -> None:
    before, after = reading(a=sample(10)), reading(a=sample(15), b=sample(7000, 70))
    assert not unknown_between(before, after, "v2")
    assert counted(Counters(), grown(before, after, "v2"), 50) == (5, 0, 0)
    later = reading(a=sample(15), b=sample(7003, 71))
    assert counted(Counters(), grown(after, later, "v2"), 50) == (3, 1, 0)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (reading(), reading(a=sample(1)), "nothing counts the requests of v2"),
        (reading(a=sample(1)), reading(), "nothing counts the requests of v2"),
        (reading(), reading(), "nothing counts the requests of v2"),
        (reading(gap="a is late", a=sample(1)), reading(a=sample(2)), "a is late"),
        (reading(a=sample(1)), reading(gap="a is late", a=sample(2)), "a is late"),
        (reading(9, a=sample(1)), reading(3, a=sample(2)), "the machine was started anew"),
        (Snapshot.now({"v2": sample(1)}), reading(a=sample(2), ticks=1e12), "the counters of v2 are gone"),
    ],
)
def test_nothing_is_known_between_readings_that_do_not_say_it(before: Snapshot, after: Snapshot, reason: str) -> None:
    assert unknown_between(before, after, "v2") == reason


def test_a_source_that_tells_no_replicas_apart_is_compared_as_a_whole() -> None:
    before, after = Snapshot.now({"v2": sample(3)}), Snapshot.now({"v2": sample(5, 1)})
    assert not unknown_between(before, after, "v2")
    assert grown(before, after, "v2").errors == 1
    assert unknown_between(after, before, "v2")


def test_the_past_leaves_out_what_nobody_knows_and_its_time() -> None:
    past = [
        reading(10, gap="not yet"),
        reading(11, a=sample(100)),
        reading(12, a=sample(110)),
        reading(13, a=sample(3), b=sample(50)),  # a began anew: nobody knows how many it answered before
        reading(14, a=sample(5), b=sample(60)),
        reading(15, gap="b is late", a=sample(7)),
        reading(16, a=sample(9), b=sample(70)),
        reading(18, a=sample(9), b=sample(74, 1)),
    ]
    told = between(past, "v2")
    assert [(at, total.requests) for at, total in told] == [(11, 100), (12, 110), (13, 122), (15, 126)]
    assert told[-1][1].errors == 1


counters = st.builds(
    lambda requests, errors, times: Counters(requests, errors, sum(times), bounds(times)),
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(st.integers(0, 9), min_size=4, max_size=4),
)


def bounds(times: list[int]) -> dict[float, int]:
    """As sources give them: a bound where the count changes."""
    return {float(at): sum(times[: at + 1]) for at in range(4) if times[at]}


@given(st.dictionaries(st.sampled_from("abc"), st.lists(counters, min_size=2, max_size=2)))
def test_what_replicas_did_is_the_sum_of_what_each_did(changes: dict[str, list[Counters]]) -> None:
    """Whatever was added between two readings is told, to the request."""
    before = reading(**{name: was for name, (was, _) in changes.items()})
    after = reading(**{name: together(both) for name, both in changes.items()})
    if not changes:
        assert unknown_between(before, after, "v2")
        return
    assert not unknown_between(before, after, "v2")
    told, truth = grown(before, after, "v2"), together(added for _, added in changes.values())
    for slow_ms in (0, 0.5, 1, 2, 3, 4):
        assert counted(Counters(), told, slow_ms) == counted(Counters(), truth, slow_ms)
