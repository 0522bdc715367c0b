"""The edges of bars: round, rising, around all values that are not cut off, and not too many."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelway.data.profile.bins import BARS, bars_of, bars_of_times
from modelway.data.quality.queries import PROBABILITIES

FINITE = st.floats(-1e300, 1e300, allow_nan=False)


def quantiles(values: list[float]) -> dict[float, float]:
    ordered = sorted(values)
    return {p: ordered[max(1, math.ceil(p * len(ordered))) - 1] for p in PROBABILITIES}


@given(st.lists(FINITE, min_size=1, max_size=60))
def test_any_numbers_have_rising_edges(values: list[float]) -> None:
    edges = bars_of([quantiles(values)], min(values), max(values)).edges
    assert 2 <= len(edges) <= 3 * BARS + 2
    assert all(math.isfinite(edge) for edge in edges) and all(one < other for one, other in pairwise(edges))


@given(st.lists(st.integers(-(2**55), 2**55), min_size=1, max_size=60))
def test_any_times_have_rising_edges(values: list[int]) -> None:
    times = [float(value) for value in values]
    edges = bars_of_times([quantiles(times)], min(times), max(times)).edges
    assert 2 <= len(edges) <= 4 * BARS and all(one < other for one, other in pairwise(edges))


def test_ordinary_numbers_are_all_within_round_edges() -> None:
    values = np.random.default_rng(1).normal(50, 10, 5000).tolist()
    bars = bars_of([quantiles(values)], min(values), max(values))
    assert bars.edges[0] < min(values) and bars.edges[-1] >= max(values)
    assert all(edge == round(edge / 2.5) * 2.5 for edge in bars.edges)


def test_whole_numbers_have_whole_edges() -> None:
    values = [float(at % 60) for at in range(6000)]
    bars = bars_of([quantiles(values)], 0, 59, whole=True)
    assert all(edge == int(edge) for edge in bars.edges) and len({b - a for a, b in pairwise(bars.edges)}) == 1
    assert (bars.edges[0], bars.edges[-1], bars.whole) == (-1, 59, True)


def test_no_bar_is_of_the_smallest_value_alone() -> None:
    values = [at / 10 for at in range(1001)]
    bars = bars_of([quantiles(values)], 0, 100)
    assert bars.edges[0] == math.nextafter(0, -1) and bars.edges[1:3] == (5, 10)
    day = 86_400_000_000
    assert bars_of_times([quantiles([0.0, day * 40.0])], 0, day * 40.0).edges[:2] == (-1, day - 1)


def test_a_sentinel_does_not_squeeze_the_rest() -> None:
    values = [float(at % 100) for at in range(10_000)] + [9_999_999.0] * 3
    assert bars_of([quantiles(values)], 0, 9_999_999).edges[-1] <= 250
