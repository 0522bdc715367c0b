"""Arrow's files are read as Parquet of the same rows is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelway.data.contract import Contract
from modelway.data.rows import open_rows

WRITE = """
import datetime, decimal, sys
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
