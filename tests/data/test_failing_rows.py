"""The rows that break a contract are written with their place, their checks and their values; sensitive ones masked."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from modelway.data.failing_rows import FailingRow, as_csv

ROWS = """id,device,seen,secret
1,a,10,s1
1,b,9,s2
x,a,12,NA
4,c,11,s4
5,a,1,s5
"""
CONTRACT = """
unique: [[id]]
increasing: [{column: seen, by: [device]}]
references: [{columns: [device], data: known.csv}]
rules: [seen < 12]
groups: [{by: [device], measure: rows, at-least: 2}]
columns:
  id: {type: integer, range: [0, 4]}
  device: {type: string}
  seen: {type: integer}
  secret: {sensitive: true, nullable: false}
"""


@pytest.fixture
def rows_of(judge: Any, tmp_path: Path) -> Any:
    (tmp_path / "known.csv").write_text("device,b\na,1\nb,2\n")

    def rows_of(contract: str, data: str | Path, most: int = 100) -> tuple[FailingRow, ...]:
        found: list[FailingRow] = []
        judge(contract, data, folder=tmp_path, most_rows=most, on_rows=found.extend)
        return tuple(found)

    return rows_of


def test_each_row_is_told_once_with_all_that_it_breaks(rows_of: Any) -> None:
    found = rows_of(CONTRACT, ROWS)
    assert [(row.row, row.checks) for row in found] == [
        (2, ("id unique",)),
        (3, ("id is a whole number", "secret has no nulls", "seen < 12")),
        (4, ("device in known.csv",)),
        (5, ("id in range", "seen increasing within device")),
    ]
    assert found[0].cells == {"id": "1", "device": "b", "seen": "9", "secret": "(masked)"}
    assert found[1].cells["secret"] is None


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_first_are_told_with_all_their_checks(rows_of: Any, most: int) -> None:
    """Also where a check has broken more rows than are told."""
    assert rows_of(CONTRACT, ROWS, most) == rows_of(CONTRACT, ROWS)[:most]


def test_rows_are_counted_in_each_file(rows_of: Any, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("1.csv", "2.csv"):
        (folder / name).write_text("id,b\n1,1\nx,1\n")
    found = rows_of("columns: {id: {type: integer}}", folder)
    assert [(row.file, row.row) for row in found] == [("1.csv", 2), ("2.csv", 2)]


def test_wide_rows_are_whole(rows_of: Any) -> None:
    names = [f"c{at}" for at in range(350)]
    data = ",".join(names) + "\n" + ",".join(map(str, range(350))) + "\n"
    (row,) = rows_of("columns: {c340: {type: integer, range: [0, 1]}}", data)
    assert list(row.cells.values()) == [str(at) for at in range(350)]


def test_the_file_is_read_back_as_it_was(rows_of: Any) -> None:
    hostile = ['=cmd|"x"', "a,b", "line\nline", "ünï", " ", '""']
    data = "id,a\n" + "".join('x,"{}"\n'.format(cell.replace('"', '""')) for cell in hostile)
    found = rows_of("columns: {id: {type: integer}}", data)
    lines = list(csv.reader(io.StringIO(as_csv(found), newline="")))
    assert lines[0] == ["modelway_data", "modelway_file", "modelway_row", "modelway_checks", "id", "a"]
    assert [line[-1] for line in lines[1:]] == hostile


def test_nothing_fails_and_the_file_has_its_header(rows_of: Any) -> None:
    assert rows_of("columns: {id: {}}", ROWS) == ()
    assert as_csv([]) == "modelway_data,modelway_file,modelway_row,modelway_checks\n"
