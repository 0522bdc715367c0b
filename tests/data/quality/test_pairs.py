"""Rows that train and test share, or nearly."""

from __future__ import annotations

import random

import pytest

from data.quality.conftest import LookThrough, csv


def rows(seed: int, count: int) -> list[list[str]]:
    chance = random.Random(seed)
    return [
        [f"{chance.gauss(50, 20):.6f}" for _ in range(6)] + [chance.choice("abc"), f"n{chance.randrange(10**6)}"]
        for _ in range(count)
    ]


def text(lines: list[list[str]]) -> str:
    return csv(**{f"c{at}": column for at, column in enumerate(zip(*lines, strict=True))})


TRAIN = rows(1, 500)


def test_fresh_rows_are_not_shared(beside: LookThrough) -> None:
    found = beside(text(TRAIN), text(rows(2, 200)))
    assert (found["shared rows"].value, found["nearly shared rows"].value) == (0, 0)


def test_a_row_that_is_there_as_it_is_is_shared_and_not_nearly(beside: LookThrough) -> None:
    found = beside(text(TRAIN), text(rows(2, 190) + TRAIN[:10]))
    assert (found["shared rows"].value, found["shared rows"].outcome) == (5, "fail")
    assert found["nearly shared rows"].value == 0


@pytest.mark.parametrize("column", range(8))
def test_a_change_of_any_one_column_is_nearly_the_same_row(column: int, beside: LookThrough) -> None:
    changed = [[*row[:column], "77.123", *row[column + 1 :]] for row in TRAIN[:10]]
    found = beside(text(TRAIN), text(rows(2, 190) + changed))
    assert (found["shared rows"].value, found["nearly shared rows"].value) == (0, 5)
    assert found["nearly shared rows"].outcome == "warn"


@pytest.mark.parametrize("last", [" {}", "other"])
def test_a_row_that_was_rounded_is_nearly_the_same(last: str, beside: LookThrough) -> None:
    """In all columns, too: it is not the row as it was, and so no shared one."""
    rounded = [[*(f"{float(cell):.4g}" for cell in row[:6]), row[6].upper(), last.format(row[7])] for row in TRAIN[:10]]
    found = beside(text(TRAIN), text(rows(2, 190) + rounded))
    assert found["shared rows"].value == 0
    assert found["nearly shared rows"].value is not None and found["nearly shared rows"].value >= 4.5


def test_rows_so_coarse_that_they_meet_by_chance_are_not_judged(beside: LookThrough) -> None:
    def coarse(seed: int) -> str:
        chance = random.Random(seed)
        return csv(**{name: [chance.randrange(4) for _ in range(400)] for name in "abcd"})

    found = beside(coarse(1), coarse(2))
    assert "nearly shared rows" not in found
    assert "100 % of the test rows would be like a training row by chance" in found.report.not_checked[0]


def test_columns_that_are_not_the_same(beside: LookThrough) -> None:
    other = "x,y\n1,2\n"
    found = beside(text(TRAIN), other)
    assert (found["shared rows"].outcome, found["shared rows"].value) == ("fail", None)
    assert found.report.not_checked == ("nearly shared rows: the two have fewer than two columns in common",)
