"""`quality:` of modelway.yml: each kind on, off, or with other keys, for all columns or for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.quality.conftest import LookThrough, csv
from modelway.config import load_project
from modelway.config.quality import kinds_of_quality
from modelway.errors import InvalidInput

DATA = csv(a=[1, None, 3, 4], b=["x"] * 4)


@pytest.mark.parametrize("kind", [kind.field.replace("_", "-") for kind in kinds_of_quality() if kind.level != "pair"])
def test_every_kind_can_be_switched_off(kind: str, look: LookThrough) -> None:
    data = csv(a=[at * 7 % 11 for at in range(100)], b=["x", "y"] * 50, d=["2026-01-02"] * 100, y=[0, 1] * 50)
    on = {check.kind for check in look(data, label="y").report.checks if check.name != "rows"}
    off = {check.kind for check in look(data, {kind: False}, label="y").report.checks if check.name != "rows"}
    assert on - off == {kind}


def test_a_kind_has_other_keys_for_one_column(look: LookThrough) -> None:
    quality: dict[str, Any] = {
        "missing": {"at-most-percent": 10, "severity": "fail"},
        "columns": {"a": {"missing": {"at-most-percent": 30}}, "b": {"constant": False}},
    }
    found = look(DATA, quality)
    assert (found["a missing values"].outcome, found["a missing values"].limit) == ("pass", 30)
    assert found["b missing values"].limit == 10 and "b most frequent value" not in found
    stricter = look(DATA, {**quality, "columns": {"a": {"missing": {"severity": "warn"}}}})["a missing values"]
    assert (stricter.outcome, stricter.limit) == ("warn", 10), "the data set's limit, the column's severity"


def test_a_kind_that_is_off_can_be_on_for_one_column(look: LookThrough) -> None:
    found = look(DATA, {"missing": False, "columns": {"a": {"missing": True}}})
    assert "a missing values" in found and "b missing values" not in found


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ("outliers: off", "modelway.yml:3: quality.outliers: is text ('off'), not a mapping or true or false"),
        ("outlier: false", "modelway.yml:3: quality.outlier: unknown key 'outlier'. Fix: did you mean 'outliers'?"),
        ("missing: { at-most: 3 }", "quality.missing.at-most: unknown key 'at-most'"),
        ("missing: { at-most-percent: 300 }", "is a whole number (300), not a number at least 0 and at most 100"),
        ("columns: { a: { duplicates: false } }", "quality.columns.a.duplicates: unknown key 'duplicates'"),
        ("dates: { not-before: soon }", "quality.dates.not-before: is text ('soon'), not text that matches"),
    ],
)
def test_a_mistake_names_file_line_and_key(quality: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "modelway.yml"
    path.write_text(f"model: m\nquality:\n  {quality}\n")
    with pytest.raises(InvalidInput) as raised:
        load_project(path)
    assert said in raised.value.line() and ". Fix: " in raised.value.line()


def test_an_environment_lays_its_own_over_it(tmp_path: Path) -> None:
    path = tmp_path / "modelway.yml"
    over = "environments: { strict: { quality: { missing: { severity: fail } }, gate: { label: y } } }\n"
    path.write_text("model: m\nquality: { missing: { at-most-percent: 7 }, outliers: false }\n" + over)
    quality: Any = load_project(path, "strict").quality
    assert (quality.missing.severity, quality.missing.at_most_percent, quality.outliers) == ("fail", 7, False)
