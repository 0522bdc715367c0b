"""Rows of one data set that stand in another: as many as a comparison of sets of rows finds, whatever the format."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from modelway.data.contract import Contract
from modelway.data.shared_rows import SharedRows, count_shared
from modelway.errors import InvalidInput

NAMES = ("test", "train")


def write(path: Path, columns: str, rows: list[tuple[object, ...]], cut: str = ",") -> Path:
    lines = [columns, *(cut.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows_of(start: int, stop: int) -> list[tuple[object, ...]]:
    return [(number, f"name {number % 7}", number / 4) for number in range(start, stop)]


def shared(first: Path, second: Path, **keys: object) -> SharedRows | None:
    return count_shared(first, second, Contract(**keys), names=NAMES)  # type: ignore[arg-type]


def test_rows_are_counted_once_for_each_test_row(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "a,b,c", rows_of(0, 1000))
    test = write(tmp_path / "test.csv", "a,b,c", [*rows_of(900, 1300), *rows_of(900, 910)])
    assert shared(test, train) == SharedRows(rows=410, shared=110, others=1000, repeated=0)
    assert shared(train, test) == SharedRows(rows=1000, shared=100, others=410, repeated=10)


def test_only_columns_of_both_count_in_any_order_and_a_missing_value_is_one(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "fold,a,b", [(1, 7, ""), (1, "", "x"), (1, 8, "y")])
    test = write(tmp_path / "test.csv", "b,a,row", [("", 7, 1), ("x", "", 2), ("y", 9, 3)])
    assert shared(test, train) == SharedRows(rows=3, shared=2, others=3, repeated=0)
    assert shared(test, write(tmp_path / "other.csv", "x,y", [(1, 2)])) is None


def test_csv_and_parquet_meet_by_their_values(tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", "a,b,c", [*rows_of(0, 50), (7.5, "z", 1)])
    train = tmp_path / "train.parquet"
    duckdb.sql("SELECT range AS a, 'name ' || (range % 7) AS b, range / 4 AS c FROM range(40)").write_parquet(
        str(train)
    )
    assert shared(test, train) == SharedRows(rows=51, shared=40, others=40, repeated=0)


def test_a_folder_and_the_contracts_delimiter(tmp_path: Path) -> None:
    folder = tmp_path / "it's data"
    folder.mkdir()
    for part in range(4):
        write(folder / f"{part}.csv", "a;b;c", rows_of(part * 10, part * 10 + 10), ";")
    test = write(tmp_path / "test.csv", "a;b;c", rows_of(35, 45), ";")
    assert shared(test, folder, delimiter=";") == SharedRows(rows=10, shared=5, others=40, repeated=0)


def test_data_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", "a,b", [(1, 2)])
    (tmp_path / "train.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(InvalidInput) as caught:
        shared(test, tmp_path / "train.csv")
    assert caught.value.where.startswith("train")


def test_more_rows_than_fit_into_the_memory_are_compared(tmp_path: Path) -> None:
    """64 MB for two million hashes, of which the comparison would hold more than twice as much."""
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    duckdb.sql("SELECT range AS a, range * 3 AS b FROM range(2000000)").write_parquet(str(train))
    duckdb.sql("SELECT range AS a, range * 3 AS b FROM range(1999000, 2001000)").write_parquet(str(test))
    found = count_shared(test, train, Contract(), names=NAMES, memory_mb=64)
    assert found == SharedRows(rows=2000, shared=1000, others=2000000, repeated=0)
