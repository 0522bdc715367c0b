"""Folders whose names hold columns (year=2026), as Hive, Spark and pandas write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data.contract import Contract
from modelway.data.rows import open_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three CSV files below year= and city=."""
    root = tmp_path / "data"
    for at, (year, city) in enumerate(
        (("2025", "New%20York"), ("2026", "a=b"), ("2026", "__HIVE_DEFAULT_PARTITION__"))
    ):
        place = root / f"year={year}" / f"city={city}"
        place.mkdir(parents=True)
        (place / "part.csv").write_text(f"a\n{at}\n{at + 10}\n")
    return root


def test_they_are_columns(judge: Any, folder: Path) -> None:
    with open_rows(folder, "data", Contract()) as rows:
        found = rows.lists({name: rows.as_stored(name) for name in rows.names})
    order = sorted(zip(found["a"], found["year"], found["city"], strict=True), key=lambda row: int(row[0]))
    assert order == [
        *(("0", "2025", "New York"), ("1", "2026", "a=b"), ("2", "2026", None)),
        *(("10", "2025", "New York"), ("11", "2026", "a=b"), ("12", "2026", None)),
    ]
    report = judge("columns: {year: {type: integer, range: [2026, null]}, city: {nullable: false}}", folder)
    assert report["year in range"].value == 2
    assert report["year in range"].examples[0].file == "year=2025/city=New%20York/part.csv"
    assert report["city has no nulls"].value == 2


def test_of_parquet_as_duckdb_writes_it(judge: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    duckdb.sql("SELECT i, i % 3 AS part FROM range(90) t(i)").write_parquet(str(root), partition_by=["part"])
    contract = "unique: [[i, part]]\nrows: {at-least: 90}\ncolumns: {part: {type: string, allowed: ['0', '1']}}"
    assert judge(contract, root).failing == ["part among allowed"]


def test_a_column_of_the_files_is_theirs(tmp_path: Path) -> None:
    place = tmp_path / "data" / "year=2026"
    place.mkdir(parents=True)
    (place / "part.csv").write_text("year\n1999\n")
    with open_rows(tmp_path / "data", "data", Contract()) as rows:
        assert rows.lists({"year": rows.as_stored("year")}) == {"year": ["1999"]}


def test_files_beside_a_partition_are_refused(judge: Any, refusal: Any, folder: Path) -> None:
    (folder / "year=2027").mkdir()
    (folder / "year=2027" / "part.csv").write_text("a\n1\n")
    line = refusal(lambda: judge("columns: {a: {}}", folder))
    assert "year=2027/part.csv in" in line
    assert "is in folders of year=, and year=2025/city=New%20York/part.csv of year=, city=" in line


def test_a_single_file_is_what_it_holds(folder: Path) -> None:
    with open_rows(folder / "year=2026" / "city=a=b" / "part.csv", "part.csv", Contract()) as rows:
        assert rows.names == ("a",)
