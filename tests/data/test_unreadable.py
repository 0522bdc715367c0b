"""Data that cannot be read ends in one line with the file and the fix, exit code 2: never in a traceback, never in a pass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ANY = "columns: {a: {}}"

NOT_CSV = {
    "ragged, too few": b"a,b\n1,2\n3\n",
    "ragged, too many": b"a,b\n1,2\n3,4,5\n",
    "trailing commas": b"a,b\n1,2,\n3,4,\n",
    "unclosed quote": b'a,b\n1,2\n1,"2\n3,4\n',
    "unclosed quote in the header": b'a,"b\n1,2\n',
    "text after a quote": b'a,b\n1,2\n1,"2"x\n',
    "not UTF-8": b"a,b\n1,2\n3,\xff\xfe\n",
    "not UTF-8, far down": b"a,b\n" + b"1,2\n" * 400_000 + b"3,\xff\xfe\n",
    "UTF-16": "a,b\n1,2\n".encode("utf-16"),
    "binary": b"PK\x03\x04\x00\x00" + bytes(range(256)) * 10,
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)) * 10,
    "empty": b"",
    "a blank first line": b"\na,b\n1,2\n",
    "two columns of one name": b"a,b,a\n1,2,3\n",
    "a line break in a column's name": b'"a\nb",c\r\n1,2\r\n',
    "mixed line ends": b"a,b\n1,2\r\n3,4\n",
    "a row too long": b"a,b\n1,2\n1," + b"x" * (9 << 20) + b"\n",
    "a header too long": b"a" * (2 << 20) + b"\n1\n",
}


@pytest.mark.parametrize("kind", NOT_CSV)
def test_what_is_not_csv(judge: Any, refusal: Any, tmp_path: Path, kind: str) -> None:
    line = refusal(lambda: judge(ANY, NOT_CSV[kind]))
    assert line.startswith(f"2: {tmp_path / 'rows.csv'}")
    assert ". Fix: " in line
    assert "xxxxx" not in line


def test_the_line_says_what_and_where(judge: Any, refusal: Any) -> None:
    line = refusal(lambda: judge(ANY, "a,b\n1,2\n3\n"))
    assert "cannot be read as CSV: line 3 has 1 cell, the header 2" in line
    assert "the first row has 3 cells, the header 2" in refusal(lambda: judge(ANY, NOT_CSV["trailing commas"]))
    assert "two columns are named 'a'" in refusal(lambda: judge(ANY, NOT_CSV["two columns of one name"]))


def test_a_cut_or_damaged_parquet_file(judge: Any, refusal: Any, parquet: Any) -> None:
    """Cut anywhere, it is refused. (A damaged page is found only where the contract reads its column.)"""
    path = parquet("SELECT range AS a, range::VARCHAR AS b FROM range(200000)")
    whole = path.read_bytes()
    for keep in (0, 3, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        assert refusal(lambda: judge(ANY, path)).startswith(f"2: {path}: ")
    path.write_bytes(whole[:4] + os.urandom(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    line = refusal(lambda: judge("columns: {a: {nullable: false}, b: {nullable: false}}", path))
    assert line.startswith(f"2: {path}: cannot be read as Parquet: ")


def test_csv_that_calls_itself_parquet(judge: Any, refusal: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text("a,b\n1,2\n")
    assert "is not Parquet" in refusal(lambda: judge(ANY, path))


def test_parquet_is_known_by_its_content(judge: Any, parquet: Any) -> None:
    path = parquet("SELECT 1 AS a")
    assert judge(ANY, path.rename(path.with_suffix(".dat"))).failing == []


def test_what_is_not_there(judge: Any, refusal: Any, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("x")
    for name in ("none.csv", "folder", "no*.csv", "https://example.org/a.csv", "s3://bucket/a.parquet"):
        assert refusal(lambda name=name: judge(ANY, tmp_path / name)).startswith(f"2: {tmp_path}")


def test_files_that_are_not_one_table(judge: Any, refusal: Any, parquet: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    parquet("SELECT 1 AS a", "data/1.parquet")
    parquet("SELECT 'x' AS a", "data/2.parquet")
    assert f"2.parquet in {folder}: has other columns than" in refusal(lambda: judge(ANY, folder))
    (folder / "3.csv").write_text("a\n1\n")
    assert "CSV and Parquet files are mixed" in refusal(lambda: judge(ANY, folder))
    for name in ("1.parquet", "2.parquet"):
        (folder / name).unlink()
    (folder / "4.csv").write_text("b\n1\n")
    assert f"4.csv in {folder}: has other columns than 3.csv" in refusal(lambda: judge(ANY, folder))


def test_a_broken_file_among_many_is_named(judge: Any, refusal: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("1", "2", "3"):
        (folder / f"{name}.csv").write_text("a,b\n1,2\n" + ("3\n" if name == "2" else ""))
    line = refusal(lambda: judge(ANY, folder))
    assert line.startswith(f"2: 2.csv in {folder}: cannot be read as CSV")
    assert "modelway-data-" not in line


def test_a_temporary_folder_that_is_not_there(judge: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        judge(ANY, "a\n1\n", scratch=tmp_path / "none")


def test_nothing_is_left_behind(judge: Any, refusal: Any, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    judge(ANY, "a\n1\n", scratch=scratch)
    refusal(lambda: judge(ANY, NOT_CSV["unclosed quote"], scratch=scratch))
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("megabytes", [9, 17])
@pytest.mark.parametrize(("before", "after"), [("", "\n"), ("1,2\n", "\n"), ("1,2\n", ""), ("1,2\n", "\n3,4\n")])
def test_a_row_that_is_too_long_is_never_left_out(
    judge: Any, refusal: Any, megabytes: int, before: str, after: str
) -> None:
    """DuckDB ends at a last line that two of its buffers do not hold, without a word."""
    text = f"a,b\n{before}1,{'y' * (megabytes << 20)}{after}"
    line = 2 + before.count("\n")
    said = refusal(lambda: judge("columns: {a: {}}", text))
    assert f"rows.csv:{line}: the row is longer than 8 MiB" in said and "as Parquet" in said


def test_a_long_file_of_short_rows_is_read(judge: Any) -> None:
    assert judge("columns: {a: {}}", "a,b\n" + f"1,{'y' * 99_997}\n" * 100).report.rows == 100
