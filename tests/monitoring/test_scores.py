"""What a day's cells say of each column: in units of the reference, and nothing where nothing can be said."""

from __future__ import annotations

import math
import random

import pytest

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.monitoring.scores import OTHERS, angle, day_of, scores_of
from monitoring.days import sketch


def column(counts: dict[str, int], missing: int = 0, beyond: int = 0) -> SketchColumn:
    cells = ColumnCells(name="t", kind="category", values=tuple(counts))
    return SketchColumn(cells=cells, missing=missing, unreadable=0, counts=tuple(counts.values()), beyond=beyond)


def alone(one: SketchColumn) -> DataSketch:
    return DataSketch(rows=one.missing + one.unreadable + one.readable, columns=(one,))


@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.3])
def test_a_level_is_in_standard_deviations_of_the_reference(shift: float) -> None:
    reference = sketch(random.Random(1), 20_000, 1)
    (scores,) = scores_of(reference)
    found = dict(
        zip(
            [score.of for score in scores.scores],
            day_of([scores], sketch(random.Random(2), 20_000, 1, shift)),
            strict=True,
        )
    )
    assert found["level"].value == pytest.approx(shift, abs=0.03)
    assert found["level"].noise == 1 / found["level"].n
    itself = dict(zip([score.of for score in scores.scores], day_of([scores], reference), strict=True))
    assert itself["level"].value == pytest.approx(0) and itself["spread"].value == pytest.approx(0)


def test_the_votes_of_all_columns_together_are_one() -> None:
    columns = scores_of(sketch(random.Random(1), 2000, 7))
    assert math.fsum(score.weight for one in columns for score in one.scores) == pytest.approx(1)


def test_rare_texts_are_watched_together_and_the_unseen_apart() -> None:
    counts = {f"v{number}": 1000 - 100 * number for number in range(9)} | {"rare": 3}
    (scores,) = scores_of(alone(column(counts)))
    shares = [score for score in scores.scores if score.of == "share"]
    assert [score.value for score in shares] == [*(f"v{number}" for number in range(7)), OTHERS]
    day = column({**dict.fromkeys(counts, 0), "v0": 60, "v8": 20}, missing=10, beyond=10)
    found = dict(zip([(score.of, score.value) for score in scores.scores], day_of([scores], alone(day)), strict=True))
    assert found["missing", None].value == angle(10, 100) and found["unseen", None].value == angle(10, 100)
    assert found["share", "v0"].value == angle(60, 90) and found["share", OTHERS].value == angle(30, 90)


def test_identifiers_times_and_lists_are_watched_by_what_is_missing() -> None:
    identifiers = column({f"id{number}": 1 for number in range(500)})
    time = SketchColumn(cells=ColumnCells(name="at", kind="time", edges=(0.0,)), missing=0, unreadable=0, counts=(5, 5))
    other = SketchColumn(cells=ColumnCells(name="l", kind="other"), missing=2, unreadable=0, counts=(8,))
    kinds = [[score.of for score in scores_of(alone(one))[0].scores] for one in (identifiers, time, other)]
    assert kinds == [["missing", "unseen"], ["missing"], ["missing"]]


def test_a_column_that_is_not_there_is_missing_in_every_row() -> None:
    columns = scores_of(sketch(random.Random(1), 1000, 2))
    found = day_of(columns, sketch(random.Random(2), 1000, 1))
    kinds = [score.of for one in columns for score in one.scores]
    gone = dict(list(zip(kinds, found, strict=True))[len(columns[0].scores) :])
    assert gone["missing"].value == math.pi and gone["level"].value is None


def test_a_day_without_a_value_says_nothing_of_values() -> None:
    reference = sketch(random.Random(1), 1000, 1)
    (scores,) = scores_of(reference)
    empty = SketchColumn(cells=reference.columns[0].cells, missing=50, unreadable=0, counts=(0,) * 22)
    found = dict(zip([score.of for score in scores.scores], day_of([scores], alone(empty)), strict=True))
    assert found["level"].value is None and found["missing"].value == math.pi
