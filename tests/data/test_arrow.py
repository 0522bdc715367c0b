"""Arrow's files are read as Parquet of the same rows is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelway.config.quality import Quality
from modelway.data.cells import ColumnCells
from modelway.data.contract import Contract
from modelway.data.drift.sketching import DataReading, open_cells
from modelway.data.quality.checking import QualityAsked, check_data
from modelway.data.queries import Wanted
from modelway.data.rows import open_rows
from modelway.data.sources import find_source

WRITE = """
import datetime
import pyarrow as pa, pyarrow.feather, pyarrow.ipc
table = pa.table({
    "a": pa.array([1, None, 3], pa.int64()),
    "text": pa.array(["x", "y", None]).dictionary_encode(),
    "seen": pa.array([datetime.datetime(2026, 1, 1)] * 3, pa.timestamp("us", "UTC")),
})
for name, kind in (("file.arrow", pa.ipc.new_file), ("stream.ipc", pa.ipc.new_stream)):
    with kind(name, table.schema) as writer:
        writer.write_table(table, 2)
pa.feather.write_feather(table, "packed.feather", compression="zstd")
"""
WRITE_NAN = """
import pyarrow as pa, pyarrow.feather, pyarrow.parquet
table = pa.table({"x": [1.0, float("nan"), 3.0] * 50})
pa.feather.write_feather(table, "nan.feather")
pyarrow.parquet.write_table(table, "nan.parquet")
"""
NAMES = ("file.arrow", "stream.ipc", "packed.feather")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    folder = tmp_path_factory.mktemp("arrow")
    subprocess.run([python, "-c", WRITE], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_its_rows_are_read(folder: Path, name: str) -> None:
    with open_rows(folder / name, name, Contract()) as rows:
        found = rows.lists({column: rows.as_stored(column) for column in rows.names})
    assert found == {"a": [1, None, 3], "text": ["x", "y", None], "seen": ["2026-01-01T00:00:00Z"] * 3}


@pytest.mark.parametrize("name", ["nan.parquet", "nan.feather"])
def test_nan_is_missing_in_files_whose_statistics_leave_it_out(
    judge: Any, tmp_path: Path, python: str, name: str
) -> None:
    """Arrow, Polars and others write the lowest and the highest of the other values: 1 and 3, as if there were no NaN."""
    subprocess.run([python, "-c", WRITE_NAN], cwd=tmp_path, check=True)
    judged = judge("columns: {x: {type: number, nullable: false, range: [0, 2]}}", tmp_path / name)
    assert judged.failing == ["x has no nulls", "x in range"]
    assert (judged["x has no nulls"].value, [one.row for one in judged["x has no nulls"].examples]) == (50, [2, 5, 8])
    assert (judged["x in range"].n, judged["x in range"].value) == (100, 50)
    with open_rows(tmp_path / name, name, Contract()) as rows:
        assert rows.lists({"x": Wanted("number", "float64")})["x"][:4] == [1.0, None, 3.0, 1.0]
    with open_cells(find_source(tmp_path / name), DataReading(Contract())) as cells:
        column = cells.sketch([ColumnCells(name="x", kind="number", edges=(2.0,))], own=True).columns[0]
    assert (list(column.counts), column.missing, column.low, column.high) == ([50, 50], 50, 1.0, 3.0)
    _, facts = check_data(QualityAsked(Quality()), tmp_path / name, name)
    assert facts.columns["x"].missing == 50


def test_a_folder_of_them_is_one_table(judge: Any, folder: Path) -> None:
    report = judge("rows: {at-least: 9, at-most: 9}\ncolumns: {a: {type: integer, range: [2, null]}}", folder)
    assert report.failing == ["a in range"]
    assert [(one.file, one.row) for one in report["a in range"].examples] == [(name, 1) for name in sorted(NAMES)]


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0nothing", b"FEA1 of old", None])
def test_what_is_no_arrow_file(judge: Any, refusal: Any, folder: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cut.arrow"
    path.write_bytes((folder / "file.arrow").read_bytes()[:700] if content is None else content)
    line = refusal(lambda: judge("columns: {a: {}}", path))
    assert line.startswith(f"2: {path}: ")
    assert "is empty" in line or "cut.arrow is no sound Arrow file" in line
