"""The interval of what differs holds whenever one looks, and a model that differs in one slice is found with it."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.distributions import clopper_pearson, rate_at_any_look
from modelway.rollout.comparison import (
    CONFIDENCE,
    RowCounts,
    RowsPlan,
    SliceRows,
    decide,
    rows_needed,
    said,
    together,
    worst_slice,
)

PLAN = RowsPlan(most=2000, task="binary", threshold=0.5, tolerance=0.01, differ_at_most=0.02)


@given(st.integers(0, 3000), st.integers(1, 3000), st.sampled_from([0.9, 0.95, 0.99]))
def test_it_holds_what_was_seen_and_is_wider_than_an_interval_for_one_look(hits: int, more: int, sure: float) -> None:
    n = hits + more - 1 or 1
    hits = min(hits, n)
    low, high = rate_at_any_look(hits, n, sure)
    exact = clopper_pearson(hits, n, sure)
    assert 0 <= low <= hits / n <= high <= 1
    assert low <= exact[0] + 1e-9 and high >= exact[1] - 1e-9


def test_no_rows_say_nothing() -> None:
    assert rate_at_any_look(0, 0, 0.95) == (0.0, 1.0)


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.3])
def test_looked_at_after_every_row_it_misses_the_rate_in_5_of_100_runs_at_most(rate: float) -> None:
    """Clopper and Pearson's, made for one look, misses it in many more: it is the looking that costs."""
    chance, runs, rows = random.Random(7), 400, 1000
    missed = missed_by_one_look = 0
    seen: dict[tuple[int, int], tuple[bool, bool]] = {}
    for _ in range(runs):
        hits, out, out_once = 0, False, False
        for n in range(1, rows + 1):
            hits += chance.random() < rate
            if n % 5 and n > 20:
                continue
            if (hits, n) not in seen:
                low, high = rate_at_any_look(hits, n, CONFIDENCE)
                once = clopper_pearson(hits, n, CONFIDENCE)
                seen[hits, n] = not low <= rate <= high, not once[0] <= rate <= once[1]
            out, out_once = out or seen[hits, n][0], out_once or seen[hits, n][1]
        missed, missed_by_one_look = missed + out, missed_by_one_look + out_once
    assert missed <= 0.05 * runs
    assert missed_by_one_look > 0.1 * runs


def drawn(chance: random.Random, n: int, rate: float, places: int) -> RowCounts:
    """Rows of so many carriers, one of which has all that differ; and of as many days, which have nothing to do with it."""
    rows = []
    for _ in range(n):
        carrier, day = chance.randrange(places), chance.randrange(7)
        differ = int(carrier == 0 and chance.random() < rate * places)
        slices = (SliceRows("carrier", str(carrier), 1, differ), SliceRows("day", str(day), 1, differ))
        rows.append(RowCounts(compared=1, differ=differ, slices=slices))
    return together(rows)


@pytest.mark.parametrize("places", [5, 10])
def test_a_model_that_differs_on_2_percent_of_rows_is_found_in_500_with_its_slice(places: int) -> None:
    chance, runs, found = random.Random(3), 100, 0
    for _ in range(runs):
        counts = drawn(chance, 500, 0.02, places)
        worst = worst_slice(counts)
        found += counts.interval[0] > 0 and worst is not None and worst.name == "carrier = 0"
    assert found >= 0.99 * runs


@pytest.mark.parametrize(
    ("differ", "compared", "outcome"),
    [(0, 0, "inconclusive"), (0, 317, "inconclusive"), (0, 320, "pass"), (40, 100, "fail"), (10, 500, "inconclusive")],
)
def test_three_outcomes(differ: int, compared: int, outcome: str) -> None:
    assert decide(PLAN, RowCounts(compared=compared, differ=differ)) == outcome


@pytest.mark.parametrize("share", [0.002, 0.01, 0.02, 0.3])
def test_so_many_equal_rows_are_enough_and_hardly_fewer(share: float) -> None:
    needed, plan = rows_needed(share), msgspec.structs.replace(PLAN, differ_at_most=share)
    assert decide(plan, RowCounts(compared=needed)) == "pass"
    assert decide(plan, RowCounts(compared=int(0.97 * needed) - 1)) == "inconclusive"


def test_it_says_what_there_is() -> None:
    counts = RowCounts(compared=500, differ=10, slices=(SliceRows("carrier", "UA", 100, 10),), failed=2, why="gone")
    assert said(PLAN, counts) == (
        "predictions: 2.00% [0.51, 5.08] of 500 rows differ from stable's, most where carrier = UA:"
        " 10.00% [2.91, 22.75] of 100; at most 2 % may; 2 times there was nothing to compare (gone)"
    )
    assert said(PLAN, RowCounts(failed=1, why="gone")) == "predictions: no rows were compared (gone)"
