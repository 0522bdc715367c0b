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
STEPS = 4000


def usual(innovation: float = 1.0, wobble: float = 0.0) -> Usual:
    return Usual((0.0,) * 7, variance=1.0, error=1.0, margin=0.1, innovation=innovation, unsure=1.0, wobble=wobble)


def evidence(columns: int = 1, **keys: float) -> Evidence:
    scores = [Score(f"c{number}", "level", 0.1, 1 / columns) for number in range(columns)]
    return Evidence(scores, [usual()] * columns, columns, **keys)


def values(*numbers: float | None) -> list[DayScore]:
    return [DayScore(number, ROWS) for number in numbers]


def average_wagers(made: Evidence, mean: float) -> list[float]:
    """Of the next look, by the law of its innovation itself, in small steps."""
    before, law = made.beyond, NormalDist(mean, math.sqrt(made.usual[0].innovation))
    won = [0.0] * (2 * len(SIZES))
    for step in range(STEPS):
        made.sums, made.beyond = [[0.0] * len(won)], before
        made.look(values(law.inv_cdf((step + 0.5) / STEPS)), 0)
        won = [total + wager for total, wager in zip(won, made.sums[0], strict=True)]
    return [total / STEPS for total in won]


@pytest.mark.parametrize("innovation", [0.3, 1.0])
@pytest.mark.parametrize("mean", [-1.1, 0.0, 1.1])
def test_a_wager_wins_nothing_on_average_up_to_the_margins_edge(mean: float, innovation: float) -> None:
    """The margin is 0.1, and the mean's error 1."""
    made = Evidence([Score("c", "level", 0.1, 1.0)], [usual(innovation)], 1)
    assert max(average_wagers(made, mean)) <= 1.0001


@pytest.mark.parametrize("offset", [-1.1, 0.0, 1.1])
@pytest.mark.parametrize("wobbled", [-2.0, -1.0, 0.0, 0.5, 2.0])
def test_nor_does_it_where_a_look_goes_along_with_the_one_before(offset: float, wobbled: float) -> None:
    """That one was off by a wobble of up to two standard deviations, of which this one keeps its correlation or less."""
    learned = usual(1 - 0.8**2, wobble=1.6)
    for kept in (0.0, 0.4, 0.8):
        made = Evidence([Score("c", "level", 0.1, 1.0)], [learned], 1)
        made.after(values(offset + wobbled), 0)
        assert max(average_wagers(made, offset + kept * wobbled)) <= 1.0001


def test_the_first_day_of_a_change_weighs_all_that_it_is_beyond_the_margin() -> None:
    """What may be yesterday's wobble is taken off only where yesterday was off."""
    weighed = []
    for yesterday in (values(0.0), values(2.0), None):
        made = Evidence([Score("c", "level", 0.1, 1.0)], [usual(1 - 0.8**2, wobble=1.6)], 1)
        made.after(yesterday)
        made.look(values(2.4), 0)
        weighed.append(made.sums[0][0])
    known, off, unknown = weighed
    assert known > off > unknown


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
