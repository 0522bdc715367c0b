"""Predictions are held against those of the first days: what nobody predicted is no column."""

from __future__ import annotations

from datetime import date, timedelta

from modelway.data.cells import ColumnCells
from modelway.data.drift.sketch import DataSketch, SketchColumn
from modelway.data.drift.training import PREDICTED_CLASS, PREDICTED_NUMBER
from modelway.monitoring.predicted import with_predictions
from modelway.monitoring.watching import WatchedDay, watch

NUMBER = ColumnCells(name=PREDICTED_NUMBER, kind="number", edges=(0.25, 0.5, 0.75))
CLASS = ColumnCells(name=PREDICTED_CLASS, kind="category", values=("late", "early"))
FIRST = date(2026, 1, 5)


def sketch(rows: int, numbers: tuple[int, ...], classes: tuple[int, ...] = (0, 0)) -> DataSketch:
    columns = [
        SketchColumn(cells=cells, counts=counts, missing=rows - sum(counts), unreadable=0)
        for cells, counts in ((CLASS, classes), (NUMBER, numbers))
    ]
    return DataSketch(rows=rows, columns=tuple(columns))


def days(count: int, moved_from: int = 1000) -> dict[str, DataSketch]:
    usual, moved = (400, 300, 200, 101), (200, 300, 200, 301)
    return {
        (FIRST + timedelta(days=number)).isoformat(): sketch(1001, moved if number >= moved_from else usual)
        for number in range(count)
    }


def test_the_first_days_are_the_reference_of_what_is_predicted() -> None:
    reference, found = with_predictions(sketch(500, (0, 0, 0, 0)), days(60), 56)
    [column] = reference.columns
    assert column.name == PREDICTED_NUMBER and all(day.by_name.keys() == {PREDICTED_NUMBER} for day in found.values())
    assert column.missing + sum(column.counts) == 500 and min(column.counts) > 0
    assert abs(column.counts[0] / sum(column.counts) - 400 / 1001) < 0.01


def test_a_model_that_predicts_otherwise_is_told() -> None:
    reference, found = with_predictions(sketch(500, (0, 0, 0, 0)), days(70, 62), 56)
    watched = [WatchedDay(date.fromisoformat(day), one) for day, one in sorted(found.items())]
    [alarm] = watch(reference, watched, 56).alarms
    assert {change.column for change in alarm.changes} == {PREDICTED_NUMBER}
    assert alarm.changes[0].since == FIRST + timedelta(days=62)


def test_without_days_there_is_nothing_to_hold_predictions_against() -> None:
    reference, found = with_predictions(sketch(500, (0, 0, 0, 0)), {}, 56)
    assert not reference.columns and not found
