"""Predictions and labels, joined and counted by day: against the definition, whatever the order of rows and the form of
files."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.data import engines
from modelway.data.dialect import CsvDialect
from modelway.data.labelled import Deciding, LabelledRows, LabelSource, LabelTable
from modelway.data.sources import find_source
from modelway.errors import InvalidInput

DAY = 20_000  # 2024-10-04
POSITIVE = Deciding(positive="1", threshold=0.5, scored=True)


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def at(day: int) -> str:
    return f"{(date(1970, 1, 1) + timedelta(days=day)).isoformat()}T13:00:00Z"


@contextmanager
def opened(path: Path, scratch: Path) -> Iterator[LabelTable]:
    engine = engines.label_engine()
    scratch.mkdir()
    with engine.open_table(find_source(path), CsvDialect(), scratch, 256) as table:
        yield engine.labels_of(table)


def asked(labels: Path | None = None, arrived: str | None = None) -> LabelledRows:
    source = LabelSource(find_source(labels), CsvDialect(), "id") if labels else None
    return LabelledRows("at", "p", "y", arrived, source)


@pytest.mark.parametrize("apart", [True, False])
@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]), st.sampled_from([None, 0, 1])),
        min_size=1,
        max_size=40,
    ),
    chance=st.randoms(use_true_random=False),
)
def test_counts_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory,
    apart: bool,
    rows: list[tuple[int, float, int | None]],
    chance: random.Random,
) -> None:
    folder = tmp_path_factory.mktemp("labelled")
    data = [
        (at(DAY + day), number, score, "" if label is None else label)
        for number, (day, score, label) in enumerate(rows)
    ]
    labels = None
    if apart:
        listed = [(number, label) for _, number, _, label in data if label != ""]
        chance.shuffle(listed)
        labels = written(folder / "labels.csv", ["id", "y"], listed)
        data = [(*row[:3], "") for row in data]
    chance.shuffle(data)
    with opened(
        written(folder / "data.csv", ["at", "id", "p", "z" if apart else "y"], data), folder / "scratch"
    ) as table:
        joined = table.join(asked(labels))
        assert joined.rows == len(rows) and joined.scored and joined.repeated == joined.unknown == 0
        arrivals = table.arrivals()
        found = table.outcomes(
            {day: day for day in arrivals} if not apart else dict.fromkeys(arrivals, 99_999), POSITIVE
        )
        cells = table.bins(dict.fromkeys(arrivals, 99_999), (0.2, 0.5), "1")
    assert {day: one.rows for day, one in arrivals.items()} == {
        day: sum(DAY + own == day for own, _, _ in rows) for day in {DAY + own for own, _, _ in rows}
    }
    for day in arrivals:
        own = [(score, label) for number, score, label in rows if DAY + number == day]
        known = [(score, label) for score, label in own if label is not None]
        assert sum(arrivals[day].labels.values()) == len(known)
        assert (day in found) == bool(known)
        for bin_, (low, high) in enumerate([(-1, 0.2), (0.2, 0.5), (0.5, 2)]):
            inside = [label for score, label in own if low < score <= high]
            if inside:
                counts = cells[day, bin_]
                assert (counts.rows, counts.labels, counts.positives) == (
                    len(inside),
                    sum(label is not None for label in inside),
                    sum(label == 1 for label in inside),
                )
        if known:
            ones, zeros = ([score for score, label in known if label == value] for value in (1, 0))
            wins = [sum(2 * (one > zero) + (one == zero) for zero in zeros) for one in ones]
            losses = [sum(2 * (one > zero) + (one == zero) for one in ones) for zero in zeros]
            told = found[day]
            assert (told.labels, told.positives, told.negatives) == (len(known), len(ones), len(zeros))
            assert told.hits == sum((score >= 0.5) == (label == 1) for score, label in known)
            assert told.wins == sum(wins) == sum(losses)
            assert told.wins_of_positives == sum(win * win for win in wins)
            assert told.wins_of_negatives == sum(loss * loss for loss in losses)


def test_labels_that_came_after_the_cutoff_are_not_there_yet(tmp_path: Path) -> None:
    data = written(tmp_path / "d.csv", ["at", "id", "p"], [(at(DAY), number, 0.9) for number in range(4)])
    labels = written(
        tmp_path / "l.csv", ["id", "y", "came"], [(0, 1, at(DAY)), (1, 0, at(DAY + 2)), (2, 1, at(DAY + 5))]
    )
    with opened(data, tmp_path / "scratch") as table:
        table.join(asked(labels, "came"))
        assert table.arrivals()[DAY].labels == {DAY: 1, DAY + 2: 1, DAY + 5: 1}
        by_cutoff = {cut: table.outcomes({DAY: cut}, POSITIVE) for cut in (DAY - 1, DAY, DAY + 4, DAY + 9)}
    assert by_cutoff[DAY - 1] == {}
    assert [(found[DAY].labels, found[DAY].hits) for cut, found in by_cutoff.items() if cut >= DAY] == [
        (1, 1),
        (2, 1),
        (3, 2),
    ]


def test_what_is_odd_about_labels_is_counted(tmp_path: Path) -> None:
    rows = [
        (at(DAY), 1, 0.9),
        (at(DAY), 2, 0.1),
        (at(DAY + 1), 2, 0.8),
        (at(DAY), "", 0.4),
        ("", 5, 0.4),
        (at(DAY), 6, ""),
    ]
    told = [(1, 1), (1, "true"), (2, 0), (7, 1), (8, "1.0"), (6, ""), ("", 1)]
    with opened(written(tmp_path / "d.csv", ["at", "id", "p"], rows), tmp_path / "scratch") as table:
        joined = table.join(asked(written(tmp_path / "l.csv", ["id", "y"], told)))
        assert table.arrivals()[DAY].rows == 3, "of a repeated identifier the earliest row counts, once"
    assert (joined.repeated, joined.without_id, joined.without_time, joined.without_prediction) == (1, 1, 1, 1)
    assert (joined.labels, joined.again, joined.conflicting, joined.unknown) == (4, 1, 0, 2)
    assert joined.classes == {"1": 3, "0": 1}


def test_labels_that_change_are_told_with_the_first(tmp_path: Path) -> None:
    data = written(tmp_path / "d.csv", ["at", "id", "p"], [(at(DAY), 1, 0.9), (at(DAY), 2, 0.9)])
    labels = written(tmp_path / "l.csv", ["id", "y"], [(2, 1), (2, 0), (1, 1), (1, 1.0)])
    with opened(data, tmp_path / "scratch") as table:
        joined = table.join(asked(labels))
    assert (joined.conflicting, joined.first_conflict, joined.again) == (1, "2", 1)


@pytest.mark.parametrize("labels", [["yes", "no"], ["True", "False"], [2, 3], [1.5, 0.25]])
def test_classes_are_themselves_however_they_are_written(tmp_path: Path, labels: list[Any]) -> None:
    rows = "SELECT TIMESTAMP '2024-10-04 12:00:00' AS at, unnest([1.0, 2.0, 3.0, NULL]::DOUBLE[]) AS id, $p AS p"
    duckdb.sql(rows, params={"p": labels[0]}).write_parquet(str(tmp_path / "d.parquet"))
    told = written(tmp_path / "l.csv", ["id", "y"], [(1, labels[0]), (2, labels[1]), (3, labels[0])])
    with opened(tmp_path / "d.parquet", tmp_path / "scratch") as table:
        joined = table.join(asked(told))
        found = table.outcomes({DAY: 99_999}, Deciding(None, 0.5, scored=False))
    assert joined.unknown == 0, "an identifier that is stored as floating point is the same one"
    assert (found[DAY].labels, found[DAY].hits) == (3, 2)


def test_predictions_that_are_no_probabilities_are_named(tmp_path: Path) -> None:
    for number, (values, scored, worst) in enumerate(
        [([0.1, "1.5"], False, "1.5"), ([0.1, "inf"], False, "inf"), ([0.1, "x"], False, "x"), ([0, 1], True, None)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = [(at(DAY), value, 1) for value in values]
        with opened(written(folder / "d.csv", ["at", "p", "y"], rows), folder / "scratch") as table:
            joined = table.join(asked())
        assert (joined.scored, joined.worst) == (scored, worst)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.floats(-1e3, 1e3), st.one_of(st.none(), st.floats(-1e3, 1e3))),
        min_size=1,
        max_size=30,
    ),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_errors_are_those_of_the_definition_to_the_last_bit_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, float, float | None]],
    chance: random.Random,
) -> None:
    found = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("labelled")
        lines = [(at(DAY + day), repr(said), "" if label is None else repr(label)) for day, said, label in rows]
        with opened(written(folder / "d.csv", ["at", "p", "y"], lines), folder / "scratch") as table:
            joined = table.join(replace(asked(), numbers=True))
            assert (joined.scored, joined.worst, joined.worst_label, joined.classes) == (True, None, None, {})
            found.append(table.errors({DAY: 99_999, DAY + 1: 99_999}))
        chance.shuffle(rows)
    assert found[0] == found[1]
    for day in (DAY, DAY + 1):
        known = [(said, label) for number, said, label in rows if DAY + number == day and label is not None]
        assert (day in found[0]) == bool(known)
        if known:
            mean = math.fsum(label for _, label in known) / len(known)
            errors, about = [said - label for said, label in known], [label - mean for _, label in known]
            told = found[0][day]
            assert told.labels == len(known)
            for one, parts in (
                (told.sizes, map(abs, errors)),
                (told.squares, (e**2 for e in errors)),
                (told.fourths, (e**4 for e in errors)),
                (told.spread, (c**2 for c in about)),
                (told.spread_fourths, (c**4 for c in about)),
                (told.mixed, (e**2 * c**2 for e, c in zip(errors, about, strict=True))),
            ):
                assert one == pytest.approx(math.fsum(parts), rel=1e-9, abs=1e-12)


def test_what_is_no_number_is_named(tmp_path: Path) -> None:
    cases = (
        ([1.5, "x"], [1, 2], "x", None),
        ([1, 2], [1.5, "late"], None, "late"),
        (["inf", 1], [1, "-inf"], "inf", "-inf"),
    )
    for number, (said, labels, worst, worst_label) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = [(at(DAY), *pair) for pair in zip(said, labels, strict=True)]
        with opened(written(folder / "d.csv", ["at", "p", "y"], rows), folder / "scratch") as table:
            joined = table.join(replace(asked(), numbers=True))
        assert (joined.scored, joined.worst, joined.worst_label) == (worst is None, worst, worst_label)


def test_an_engine_that_joins_no_labels_says_so() -> None:
    with pytest.raises(InvalidInput, match="joins no labels"):
        engines.label_engine("spark")


def test_a_day_may_lie_in_several_files(tmp_path: Path) -> None:
    chance = random.Random(4)
    rows = [(at(DAY + chance.randrange(3)), number, chance.randrange(5) / 4) for number in range(200)]
    labels = [(number, chance.randrange(2)) for number in range(180)]
    found = []
    for parts in (1, 3):
        for name, header, lines in (("d", ["at", "id", "p"], rows), ("l", ["id", "y"], labels)):
            (tmp_path / f"{name}{parts}").mkdir()
            for part in range(parts):
                written(tmp_path / f"{name}{parts}" / f"{part}.csv", header, lines[part::parts])
        with opened(tmp_path / f"d{parts}", tmp_path / f"scratch{parts}") as table:
            joined = table.join(asked(tmp_path / f"l{parts}"))
            days = table.arrivals()
            found.append((joined, days, table.outcomes(dict.fromkeys(days, 99_999), POSITIVE)))
    assert found[0] == found[1]
