"""What is known of stable's past, from the counters that the recorder wrote down."""

from __future__ import annotations

import pytest

from modelway.observe.counts import BOUNDS_MS, Counters
from modelway.observe.history import past_of


def sample(requests: int, errors: int = 0, slow: int = 0) -> Counters:
    """All that was not slow took at most 50 ms."""
    return Counters(requests=requests, errors=errors, timed=requests, fast={50: requests - slow})


def test_blocks_hold_what_came_between_two_samples() -> None:
    samples = [(float(second), sample(100 * second, second, 2 * second)) for second in range(11)]
    past = past_of(samples, BOUNDS_MS, block_seconds=2, slower_than_ms=50)
    assert past is not None
    assert (past.seconds, past.requests, past.errors, past.slow, past.slow_ms) == (10, 1000, 10, 20, 50)
    assert past.requests_per_second == 100
    assert [(block.stable.requests, block.stable.errors, block.stable.slow) for block in past.blocks] == [
        (200, 2, 4)
    ] * 5
    assert all(block.weight == 0 and block.seconds == 2 for block in past.blocks)


@pytest.mark.parametrize("idle", [0, 1, 30])
def test_idle_time_before_the_first_request_does_not_count(idle: int) -> None:
    """The client came late; the idle time between its requests is part of its traffic."""
    counts = [7] * (idle + 1) + [107, 207, 207, 307]
    past = past_of([(float(at), sample(count)) for at, count in enumerate(counts)], BOUNDS_MS, 1, 50)
    assert past is not None
    assert (past.seconds, past.requests) == (4, 300)


@pytest.mark.parametrize("counts", [[], [5], [5, 5, 5]])
def test_without_a_request_there_is_no_past(counts: list[int]) -> None:
    assert past_of([(float(at), sample(count)) for at, count in enumerate(counts)], BOUNDS_MS, 1, 50) is None


def test_without_a_limit_slow_is_what_is_slower_than_most() -> None:
    samples = [(0.0, Counters()), (1.0, Counters(100, 0, 100, {10: 90, 25: 96, 100: 100}))]
    past = past_of(samples, BOUNDS_MS, 1, None)
    assert past is not None
    assert (past.slow_ms, past.slow) == (25, 4)


def test_where_traffic_ends_no_more_are_slow_than_before() -> None:
    """Times are counted a second after their requests: the last block has those of the block before."""
    requests = [500 * second for second in range(9)] + [4150]
    timed = [0, *requests[:-1]]
    samples = [
        (float(at), Counters(n, 0, late, {50: late - late // 20}))
        for at, (n, late) in enumerate(zip(requests, timed, strict=True))
    ]
    past = past_of(samples[1:], BOUNDS_MS, 2, 50)
    assert past is not None
    assert [(block.stable.requests, block.stable.slow) for block in past.blocks] == [(1000, 50)] * 3 + [(650, 32)]


def test_requests_none_of_which_was_timed_yet_are_not_slow() -> None:
    past = past_of([(0.0, Counters(10)), (1.0, Counters(20)), (2.0, Counters(40, 0, 20, {50: 20}))], BOUNDS_MS, 1, 50)
    assert past is not None
    assert [(block.stable.requests, block.stable.slow) for block in past.blocks] == [(10, 0), (20, 0)]
