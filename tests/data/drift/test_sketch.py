"""A sketch: merged in any order it gives the same bytes, which are those of all rows at once; a damaged one is one line."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.data.cells import CellCounts, ColumnCells, GroupCounts
from modelway.data.drift.sketch import DataSketch, Shape, merged, read_sketch, sketch_of, written
from modelway.errors import InvalidInput

NUMBERS = ColumnCells(name="a", kind="number", edges=(0.0, 1.0))
TEXTS = ColumnCells(name="b", kind="category", values=("x", "ÿ\n"), least=2)


@st.composite
def groups(draw: st.DrawFn) -> GroupCounts:
    rows = draw(st.integers(1, 30))

    def split(parts: int) -> list[int]:
        cuts = sorted(draw(st.lists(st.integers(0, rows), min_size=parts - 1, max_size=parts - 1)))
        return [b - a for a, b in zip([0, *cuts], [*cuts, rows], strict=True)]

    missing, unreadable, *counts = split(5)
    low = draw(st.floats(-5, 5) | st.sampled_from([0.0, -0.0]))
    b_missing, beyond, *texts = split(4)
    return GroupCounts(
        rows,
        {
            "a": CellCounts(
                missing, unreadable, tuple(counts), low=low if sum(counts) else None, high=low if sum(counts) else None
            ),
            "b": CellCounts(b_missing, 0, tuple(texts), beyond=beyond),
        },
    )


def sketch(found: list[GroupCounts], clustered: bool) -> DataSketch:
    return sketch_of([TEXTS, NUMBERS], found, Shape(others=("z", "y")), own=False, clustered=clustered)


@given(st.lists(groups(), min_size=3, max_size=3), st.booleans())
def test_windows_merge_to_the_whole_in_any_order(found: list[GroupCounts], clustered: bool) -> None:
    whole = written(sketch(found, clustered))
    parts = [sketch([group], clustered) for group in found]
    assert {written(merged(list(order), ["one"] * 3)) for order in permutations(parts)} == {whole}


@given(st.lists(groups(), min_size=1, max_size=3), st.booleans())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, found: list[GroupCounts], clustered: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "sketch.json"
    path.write_text(written(sketch(found, clustered)), encoding="utf-8")
    assert read_sketch(path, "sketch.json") == sketch(found, clustered)


def plain(edges: tuple[float, ...] = (0.0, 1.0), clustered: bool = False) -> DataSketch:
    cells = ColumnCells(name="a", kind="number", edges=edges)
    group = GroupCounts(6, {"a": CellCounts(1, 2, (1, 1, 1), low=0.0, high=2.0)})
    return sketch_of([cells], [group], Shape(), own=True, clustered=clustered)


def test_other_cells_are_not_added() -> None:
    for other in (plain((0.0, 2.0)), plain(clustered=True)):
        with pytest.raises(InvalidInput, match=r"^second: .*first"):
            merged([plain(), other], ["first", "second"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sketch: sketch.update(rows=7), "are not those of 7 rows"),
        (lambda sketch: sketch["columns"][0].update(counts=[1, 1]), "counts that do not belong to its cells"),
        (lambda sketch: sketch["columns"][0].update(counts=[4, -2, 1]), "counts that do not belong to its cells"),
        (lambda sketch: sketch["columns"][0]["cells"].update(edges=[1.0, 0.0]), "not in order"),
        (lambda sketch: sketch.update(clusters=2), "clusters of column 'a' are not counted"),
        (lambda sketch: sketch["columns"].append(sketch["columns"][0]), "each once"),
        (lambda sketch: sketch.update(schema="modelway/data-sketch/2"), "Invalid enum value"),
        (lambda sketch: sketch.update(more=1), "unknown field"),
    ],
)
def test_a_sketch_that_does_not_add_up_is_refused_in_one_line(tmp_path: Path, change: object, said: str) -> None:
    document = json.loads(written(plain()))
    change(document)  # type: ignore[operator]
    path = tmp_path / "s.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInput) as raised:
        read_sketch(path, "s.json")
    assert said in raised.value.line() and raised.value.fix and "\n" not in raised.value.line()


@given(st.binary(max_size=200))
def test_bytes_that_are_no_sketch_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="is no sketch"):
        read_sketch(path, "noise.json")
