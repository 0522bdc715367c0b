"""The promise: a wager wins nothing on average within the margin, and what is no news is told once."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.monitoring.baseline import Usual
from modelway.monitoring.evidence import SIZES, Evidence
from modelway.monitoring.scores import DayScore, Score

ROWS = 10**9
"""A day's own noise is nothing then."""


def usual(slack: float = 1.0, innovation: float = 1.0) -> Usual:
    return Usual(weekdays=(0.0,) * 7, variance=1.0, error=1.0, margin=0.1, slack=slack, innovation=innovation)


def evidence(columns: int = 1, **keys: float) -> Evidence:
    scores = [Score(f"c{number}", "level", 0.1, 1 / columns) for number in range(columns)]
    return Evidence(scores, [usual()] * columns, columns, **keys)


def values(*numbers: float | None) -> list[DayScore]:
    return [DayScore(number, ROWS) for number in numbers]


@pytest.mark.parametrize("innovation", [0.3, 1.0])
@pytest.mark.parametrize("mean", [-1.1, 0.0, 1.1])
def test_a_wager_wins_nothing_on_average_up_to_the_margins_edge(mean: float, innovation: float) -> None:
    """By the law of the innovation itself, in small steps; the margin is 0.1 and the slack 1."""
    made = Evidence([Score("c", "level", 0.1, 1.0)], [usual(innovation=innovation)], 1)
    law = NormalDist(mean, math.sqrt(innovation))
    steps = [law.inv_cdf((step + 0.5) / 4000) for step in range(4000)]
    won = [0.0] * (2 * len(SIZES))
    for value in steps:
        made.sums = [[0.0] * len(won)]
        made.look(values(value), 0)
        won = [total + wager for total, wager in zip(won, made.sums[0], strict=True)]
    assert max(won) / len(steps) <= 1.0001


def test_what_lasts_is_told_by_name_and_all_begins_anew() -> None:
    made = evidence(20)
    told = []
    for _ in range(20):
        told = list(made.look(values(2.5, *[0.0] * 19), 2))
        if told:
            break
    (vote,) = told
    assert (vote.column, vote.up, vote.share > 0.99) == ("c0", True, True)
    assert made.total >= made.threshold and made.sums == [[0.0] * 4] * 20


def test_one_day_is_never_enough_however_far_it_is() -> None:
    made = evidence(20)
    assert made.look(values(1e6, *[0.0] * 19), 0) == ()
    assert made.look(values(1e6, *[0.0] * 19), 1) == ()


def test_a_column_without_a_vote_holds_no_evidence() -> None:
    made = evidence(2)
    for _ in range(30):
        assert made.look(values(9.0, 0.0), 0, silent={"c0"}) == ()
    assert made.sums[0] == [0.0] * 4
    assert [max(far) > 0 for far in made.beyond if far] == [True, False]


def test_a_budget_of_two_needs_half_the_evidence() -> None:
    assert evidence(false_alarms_per_year=2.0).threshold == evidence().threshold / 2


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=2, max_size=2))
def test_whatever_a_day_is_like_evidence_stays_a_number(day: list[float | None]) -> None:
    made = evidence(2)
    for _ in range(3):
        made.look(values(*day), 3)
        assert math.isfinite(made.total) and made.total >= 0
