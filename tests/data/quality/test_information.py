"""How much a column tells of the label: between nothing and all, learnt on one half of the rows and scored on the other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.data.quality.information import most_mixed, told

CELLS = st.dictionaries(
    st.tuples(st.integers(-1, 5), st.integers(-1, 3), st.integers(0, 1)), st.integers(1, 500), max_size=30
)


@given(CELLS)
def test_any_crossing_has_an_answer_or_none(crossing: dict[tuple[int, int, int], int]) -> None:
    found = told(crossing)
    labels = {label for _, label, _ in crossing if label >= 0}
    assert (found is None) == (len(labels) < 2)
    if found is not None:
        assert found.low <= found.percent <= found.high <= 100.0001
        assert found == told(dict(reversed(crossing.items())))


def test_what_each_row_has_of_its_own_tells_nothing() -> None:
    """Learnt on the rows that it is scored on, it would tell all."""
    chance = random.Random(1)
    crossing = {(row, chance.randrange(2), row % 2): 1 for row in range(2000)}
    found = told(crossing)
    assert found is not None and abs(found.percent) < 1


def test_values_of_their_own_that_one_class_alone_has_tell_all() -> None:
    """The number of a refund: 40 rows of 4,000, no two of them alike, and nothing or 0 in the others."""
    for others in (-1, 0):
        crossing = {(others, 0, half): 1980 for half in (0, 1)} | {(row, 1, row % 2): 1 for row in range(1, 41)}
        found = told(crossing)
        assert found is not None and found.percent > 95


def test_a_code_tells_all_and_a_coin_nothing() -> None:
    code = told({(at, at, half): 500 for at in (0, 1) for half in (0, 1)})
    coin = told({(cell, label, half): 500 for cell in (0, 1) for label in (0, 1) for half in (0, 1)})
    assert code is not None and coin is not None
    assert code.percent > 99 and coin.percent == pytest.approx(0, abs=0.01)


def test_the_interval_covers() -> None:
    """Of a column that agrees with a coin in nine of ten rows: the share that is true follows from the two entropies."""
    chance, covered, truth = random.Random(2), 0, 53.1
    for _ in range(200):
        crossing: dict[tuple[int, int, int], int] = {}
        for row in range(1000):
            label = chance.randrange(2)
            key = label if chance.random() < 0.9 else 1 - label, label, row % 2
            crossing[key] = crossing.get(key, 0) + 1
        found = told(crossing)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert covered >= 180


def test_the_cell_that_tells_least() -> None:
    assert most_mixed({(0, 0, 0): 9, (1, 0, 0): 5, (1, 1, 0): 5, (2, 1, 1): 9}) == (1, 10)
    assert most_mixed({(0, 0, 0): 9, (1, 1, 0): 9}) is None
