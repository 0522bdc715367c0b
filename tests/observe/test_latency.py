"""Percentiles and their intervals: exact where requests are independent, honest where they are slow together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from modelway.observe.latency import (
    Latencies,
    error_share,
    percentile,
)

RUNS = 150


def latencies(values: np.ndarray) -> Latencies:
    found = Latencies()
    for at, value in enumerate(values):
        found.add(at / len(values), float(value), failed=math.isinf(value))
    return found


def bursts(rng: np.random.Generator) -> np.ndarray:
    """Ten stalls at random moments, in which everybody waits for the rest of it."""
    at = np.arange(4000) / 4000
    values = rng.lognormal(0, 0.3, 4000)
    for start in rng.uniform(0, 1, rng.poisson(10)):
        inside = (at >= start) & (at < start + 0.01)
        values[inside] += 100 * (start + 0.01 - at[inside]) / 0.01
    return values


@pytest.mark.parametrize(
    ("draw", "share", "least"),
    [
        (lambda rng: rng.lognormal(0, 1, 2000), 0.5, 0.9),
        (lambda rng: rng.lognormal(0, 1, 2000), 0.99, 0.9),
        (bursts, 0.95, 0.85),
        (bursts, 0.99, 0.85),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    draw: Callable[[np.random.Generator], np.ndarray], share: float, least: float
) -> None:
    """At 95 %, with room for chance and for stalls so rare that a run may have none of its usual ones."""
    rng = np.random.default_rng(7)
    truth = np.quantile(np.concatenate([draw(rng) for _ in range(200)]), share)
    held = [percentile(latencies(draw(rng)), share, 0.95) for _ in range(RUNS)]
    assert sum(found.low <= truth <= found.high for found in held) / RUNS >= least


def test_requests_that_are_slow_together_count_for_fewer() -> None:
    rng = np.random.default_rng(3)
    alone = percentile(latencies(rng.permutation(bursts(rng))), 0.95, 0.95)
    together = percentile(latencies(bursts(rng)), 0.95, 0.95)
    assert together.effective < alone.effective / 3
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_a_failed_request_is_infinitely_slow() -> None:
    values = np.array([0.01] * 97 + [math.inf] * 3)
    found = latencies(values)
    assert error_share(found, 0.95).value == 0.03
    assert percentile(found, 0.5, 0.95).value == 0.01
    worst = percentile(found, 0.99, 0.95)
    assert math.isinf(worst.value)
    assert math.isinf(worst.high)


def test_too_few_requests_bound_no_percentile() -> None:
    """Of 100 independent requests the slowest is below the 99th percentile more than once in three times."""
    assert math.isinf(percentile(latencies(np.arange(100.0)), 0.99, 0.95).high)


@pytest.mark.parametrize("count", [1, 2, 21])
def test_few_equal_requests(count: int) -> None:
    found = latencies(np.full(count, 0.5))
    assert percentile(found, 0.5, 0.95).value == 0.5
    assert 0 < error_share(found, 0.95).high <= 1
