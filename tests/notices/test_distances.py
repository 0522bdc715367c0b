"""How far a check is from its limit: the bar says what the gate says, and no name can end the chart."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.keys import Comparison, Limit
from modelway.gate.estimate import Estimate
from modelway.gate.limits import absolute, against_production
from modelway.records import Check
from modelway.report.distances import FARTHEST, chart, distance

VALUES = st.integers(-40, 40).map(lambda number: number / 8)
"""Exact in binary, so that no sum is off by a last digit."""
WIDTHS = st.integers(1, 16).map(lambda number: number / 8)


def estimated(value: float, below: float, above: float) -> Estimate:
    return Estimate(n=100, value=value, interval=(value - below, value + above))


def agrees(check: Check) -> bool:
    found = distance(check)
    assert found is not None
    said = "pass" if found >= 1 else "fail" if found < -1 else "inconclusive"
    on_the_edge = abs(found) == 1  # of two models a difference as large as the margin is not enough, of a limit it is
    return on_the_edge or said == check.outcome


@given(VALUES, WIDTHS, WIDTHS, VALUES, st.booleans())
def test_what_passes_is_beyond_one_and_what_fails_below_minus_one(
    value: float, below: float, above: float, bound: float, least: bool
) -> None:
    limit = Limit(at_least=bound) if least else Limit(at_most=bound)
    assert agrees(absolute("x", limit, estimated(value, below, above)))


@given(VALUES, WIDTHS, WIDTHS, WIDTHS, st.booleans(), st.booleans())
def test_so_it_is_against_production(
    value: float, below: float, above: float, margin: float, greater: bool, better: bool
) -> None:
    comparison = Comparison(better_by=margin) if better else Comparison(not_worse_by=margin)
    assert agrees(against_production("x", comparison, greater, estimated(value, below, above)))


@given(VALUES, WIDTHS, WIDTHS, st.booleans())
def test_better_by_anything_at_all_says_which_side_once_it_is_decided(
    value: float, below: float, above: float, greater: bool
) -> None:
    check = against_production("x", Comparison(better_by=0.0), greater, estimated(value, below, above))
    assert (distance(check) is None) == (check.outcome == "inconclusive") and (distance(check) is None or agrees(check))


def made(name: str, **changes: Any) -> Check:
    known: dict[str, Any] = {"rule": "at least 0.8", "outcome": "pass", "n": 10, "value": 0.9, "limit": 0.8}
    return Check(name=name, **known | {"interval": (0.85, 0.95)} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": None},
        {"value": None},
        {"limit": None},
        {"rule": "better by more than 0", "limit": 0.0, "outcome": "inconclusive", "interval": (-1.0, 1.0)},
        {"rule": "groups of at least 30 rows"},
        {"interval": (0.9, 0.9)},
    ],
    ids=str,
)
def test_without_an_interval_or_a_side_there_is_no_bar(changes: dict[str, Any]) -> None:
    assert distance(made("x", **changes)) is None
    assert chart([made("a"), made("x", **changes)]) == "", "one bar says no more than its row"


def test_each_check_has_a_bar_in_the_order_of_the_table_and_none_leaves_the_chart() -> None:
    drawn = chart(
        [made("far", value=0.99, interval=(0.98, 1.0)), made("accuracy where carrier = UA"), made("none", limit=None)]
    )
    [names], [bars] = re.findall(r"x-axis (\[.*\])", drawn), re.findall(r"bar (\[.*\])", drawn)
    assert json.loads(names) == ["far", "accuracy where carrier = UA"]
    assert json.loads(bars) == [FARTHEST, 2.0]
    assert drawn.splitlines()[0] == "```mermaid" and drawn.splitlines()[-1] == "```"


@given(st.text(max_size=60))
def test_a_name_is_only_a_name(name: str) -> None:
    lines = chart([made(name), made("b")]).splitlines()
    assert len(lines) == 11 and sum(line.startswith("```") for line in lines) == 2
    [names] = re.findall(r"^  x-axis (\[.*\])$", lines[5])
    assert len(json.loads(names)) == 2 and lines[5].count('"') == 4
