"""What is beside the table of tests/data/test_bad_input.py: damage at many places, long rows, what is left behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ANY = "columns: {a: {}}"


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


def test_parquet_is_known_by_its_content(judge: Any, parquet: Any) -> None:
    path = parquet("SELECT 1 AS a")
    assert judge(ANY, path.rename(path.with_suffix(".dat"))).failing == []


def test_a_temporary_folder_that_is_not_there(judge: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        judge(ANY, "a\n1\n", scratch=tmp_path / "none")


def test_nothing_is_left_behind(judge: Any, refusal: Any, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    judge(ANY, "a\n1\n", scratch=scratch)
    refusal(lambda: judge(ANY, 'a,b\n1,2\n1,"2\n3,4\n', scratch=scratch))
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
