"""The sketch of training data is what detect-drift would count of the model's columns, tells of nobody, and keeps the cells of
the version before while they fit."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelway.data.cells import CellKind, ColumnCells
from modelway.data.contract import Contract, load_contract
from modelway.data.drift.sketch import read_sketch, written
from modelway.data.drift.training import PREDICTED, PROBABILITIES, TrainingSketch, training_sketch
from modelway.serving import cells

KINDS: dict[str, CellKind] = {
    "x": "number",
    "code": "category",
    "city": "category",
    "note": "category",
    "on": "boolean",
}


def rows(folder: Path, name: str, shift: float = 0.0, new: float = 0.0, count: int = 3000) -> Path:
    """new: the share of rows with a city that nobody has seen."""
    chance = random.Random(1)
    path = folder / name
    with path.open("w", encoding="utf-8") as stream:
        stream.write("x,code,city,note,on,label\n")
        for number in range(count):
            city = "Neu-Ulm" if number < new * count else chance.choice(["Ulm", "Köln", '"a, b"'])
            rare = "nobody else's" if number == 7 else city
            number_ = f"{chance.gauss(shift, 1)},{chance.randrange(3)}"
            stream.write(f"{number_},{rare},note {number},{chance.choice(['true', 'false', ''])},1\n")
    return path


def made(path: Path, before: TrainingSketch | None = None, kinds: dict[str, CellKind] = KINDS) -> TrainingSketch:
    return training_sketch(path, path.name, Contract(), kinds, before.sketch if before else None)


def test_columns_are_read_as_the_signature_has_them(tmp_path: Path) -> None:
    found = made(rows(tmp_path, "train.csv"), kinds=KINDS | {"gone": "number", "label": "time"}).sketch
    by_name = found.by_name
    assert sorted({*by_name} - {*PREDICTED}) == ["city", "code", "note", "on", "x"], (
        "no label, and what cannot be read so is left out"
    )
    assert by_name["code"].cells.kind == "category" and set(by_name["code"].cells.values) == {"0", "1", "2"}
    assert found.rows == 3000 and not found.others and not found.absent
    (tmp_path / "sketch.json").write_text(written(found), encoding="utf-8")
    assert read_sketch(tmp_path / "sketch.json", "sketch.json") == found, "sound, as detect-drift reads it"
    assert len(cells.read(tmp_path / "sketch.json").columns) == 7, "and as a server does"


def test_no_text_of_few_rows_travels_with_the_model(tmp_path: Path) -> None:
    found = made(rows(tmp_path, "train.csv")).sketch
    text = written(found)
    assert "nobody else" not in text and "note 1" not in text and "Köln" in text
    assert found.by_name["note"].beyond == 3000 and found.by_name["city"].beyond == 1


def test_a_sensitive_column_does_not_travel(tmp_path: Path) -> None:
    (tmp_path / "contract.yml").write_text("columns: {city: {type: string, sensitive: true}, x: {type: number}}\n")
    contract = load_contract(tmp_path / "contract.yml", "contract.yml")
    found = training_sketch(rows(tmp_path, "train.csv"), "train.csv", contract, KINDS).sketch
    assert "city" not in found.by_name and "Ulm" not in written(found)


def test_the_cells_of_the_version_before_are_kept_while_they_fit(tmp_path: Path) -> None:
    first = made(rows(tmp_path, "one.csv"))
    again = made(rows(tmp_path, "two.csv", shift=0.4, count=4000), first)
    assert again.sketch.cells == first.sketch.cells and not again.unfit
    unreadable = made(tmp_path / "two.csv", first, KINDS | {"label": "time"})
    assert unreadable.sketch == again.sketch, "a column that is none of the kind was not there before either"
    assert again.sketch.rows == 4000 and again.sketch.by_name["x"].counts != first.sketch.by_name["x"].counts
    assert made(tmp_path / "two.csv").sketch.cells != first.sketch.cells, "of its own it would have others"


@pytest.mark.parametrize(
    ("shift", "new", "unfit"), [(4.0, 0.0, ("x",)), (0.0, 0.05, ("city",)), (0.0, 0.005, ())], ids=str
)
def test_cells_that_do_not_fit_any_more_are_made_anew(
    tmp_path: Path, shift: float, new: float, unfit: tuple[str, ...]
) -> None:
    first = made(rows(tmp_path, "one.csv"))
    found = made(rows(tmp_path, "two.csv", shift=shift, new=new), first)
    assert found.unfit == unfit
    assert (found.sketch.cells == first.sketch.cells) == (not unfit)


def test_another_signature_has_cells_of_its_own(tmp_path: Path) -> None:
    first = made(rows(tmp_path, "one.csv"))
    fewer = made(tmp_path / "one.csv", first, {"x": "number"})
    assert fewer.unfit == ("city", "code", "note", "on") and {*fewer.sketch.by_name} == {"x", *PREDICTED}


def test_what_a_model_may_say_has_cells_like_the_label(tmp_path: Path) -> None:
    assert (cells.PREDICTED_NUMBER, cells.PREDICTED_CLASS) == PREDICTED
    path, kinds = rows(tmp_path, "train.csv"), {"x": KINDS["x"]}

    def predicted(label: str, before: TrainingSketch | None = None) -> tuple[ColumnCells, ColumnCells]:
        found = training_sketch(path, "train.csv", Contract(), kinds, before.sketch if before else None, label)
        number, class_ = (found.sketch.by_name[name] for name in PREDICTED)
        assert number.missing == class_.missing == found.sketch.rows == 3000
        return number.cells, class_.cells

    assert predicted("") == predicted("nowhere") and predicted("")[0].edges == PROBABILITIES
    assert predicted("city")[1].values == ("Köln", '"a, b"', "Ulm") or len(predicted("city")[1].values) == 3
    assert predicted("city")[0].edges == PROBABILITIES, "of classes there may be probabilities"
    assert min(predicted("x")[0].edges) < 0 and len(predicted("x")[0].edges) == 45, "of a regression"
    first = training_sketch(path, "train.csv", Contract(), kinds, None, "city")
    assert predicted("on", first) == predicted("city"), "the cells of before are kept"


def test_no_rows_are_no_sketch_that_breaks(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("x,code\n", encoding="utf-8")
    found = made(tmp_path / "empty.csv", kinds={"x": "number", "code": "category"})
    assert found.sketch.rows == 0
    assert made(rows(tmp_path, "one.csv"), found, {"x": "number", "code": "category"}).sketch.rows == 3000
