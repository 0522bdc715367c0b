"""Parquet: types are what the file says; text in it is read as it would be in CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb.opening import open_table
from modelway.data.engines.duckdb.sql import Statement
from modelway.data.queries import Repeated
from modelway.data.sources import find_source


@pytest.mark.parametrize(
    ("sql", "kind", "failing"),
    [
        ("1::INTEGER", "integer", []),
        ("18446744073709551615::UBIGINT", "integer", []),
        ("3.0::DOUBLE", "integer", []),
        ("3.5::DOUBLE", "integer", ["a is a whole number"]),
        ("3.0::DECIMAL(9, 2)", "integer", []),
        ("3.5::DECIMAL(9, 2)", "integer", ["a is a whole number"]),
        ("'3'", "integer", []),
        ("'3.5'", "integer", ["a is a whole number"]),
        ("1::BIGINT", "number", []),
        ("1.5::FLOAT", "number", []),
        ("1.5::DECIMAL(9, 2)", "number", []),
        ("true", "number", ["a is a number"]),
        ("true", "boolean", []),
        ("1", "boolean", ["a is true or false"]),
        ("DATE '2013-01-01'", "date", []),
        ("TIMESTAMP '2013-01-01'", "date", ["a is a date"]),
        ("TIMESTAMP '2013-01-01'", "timestamp", []),
        ("TIMESTAMP_NS '2013-01-01'", "timestamp", []),
        ("TIMESTAMPTZ '2013-01-01 00:00:00+00'", "timestamp", []),
        ("TIMESTAMPTZ_NS '2013-01-01 00:00:00+00'", "timestamp", []),
        ("DATE '2013-01-01'", "timestamp", ["a is a time"]),
        ("'x'", "string", []),
        ("1", "string", ["a is text"]),
        ("'x'::BLOB", "string", ["a is text"]),
        ("[1, 2]", "number", ["a is a number"]),
        ("{'x': 1, 'y': {'z': 2}}", "string", ["a is text"]),
    ],
)
def test_physical_types(judge: Any, parquet: Any, sql: str, kind: str, failing: list[str]) -> None:
    path = parquet(f"SELECT {sql} AS a, 1 AS b")
    assert judge(f"columns: {{a: {{type: {kind}}}, b: {{type: integer}}}}", path).failing == failing


def test_a_wrong_type_is_named(judge: Any, parquet: Any) -> None:
    check = judge("columns: {a: {type: date, range: [2013-01-01, null]}}", parquet("SELECT 1::BIGINT AS a"))[
        "a is a date"
    ]
    assert (check.detail, check.n, check.value) == ("stored as BIGINT", 1, 1)


def test_nan_is_missing_and_infinity_no_number(judge: Any, parquet: Any) -> None:
    """Neither is ever within a range."""
    path = parquet("SELECT unnest(['1.0', 'nan', 'inf', '-inf', NULL])::DOUBLE AS a")
    judged = judge("columns: {a: {type: number, range: [0, 2], max-null-percent: 50}}", path)
    assert (judged["a nulls"].value, judged["a nulls"].outcome) == (40, "pass")
    check = judged["a is a number"]
    assert (check.n, check.value, [example.row for example in check.examples]) == (3, 2, [3, 4])
    assert (judged["a in range"].n, judged["a in range"].value) == (1, 0)


def test_single_precision_is_compared_in_single_precision(judge: Any, parquet: Any) -> None:
    path = parquet("SELECT 0.1::FLOAT AS a")
    assert judge("columns: {a: {type: number, range: [0, 0.1], allowed: [0.1]}}", path).failing == []
    assert judge("columns: {a: {type: number, range: [0, 0.09999]}}", path).failing == ["a in range"]


def test_rows_are_named_by_file_and_number(judge: Any, parquet: Any, tmp_path: Any) -> None:
    """The first ones in the order of files and rows, also in a folder and by a pattern, not what is hidden there."""
    for name, query in {
        "data/b/2.parquet": "SELECT range AS a FROM range(5000, 10000)",
        "data/a/1.parquet": "SELECT range AS a FROM range(5000)",
        "data/_tmp/0.parquet": "SELECT 'x' AS other",
    }.items():
        parquet(query, name)
    contract = "columns: {a: {type: integer, range: [3, 9997]}}"
    judged = judge(contract, tmp_path / "data", examples=10)
    shown = [(example.file, example.row, example.value) for example in judged["a in range"].examples]
    assert shown == [
        ("a/1.parquet", 1, "0"),
        ("a/1.parquet", 2, "1"),
        ("a/1.parquet", 3, "2"),
        ("b/2.parquet", 4999, "9998"),
        ("b/2.parquet", 5000, "9999"),
    ]
    assert judge(contract, tmp_path / "data" / "*" / "2.parquet")["a in range"].n == 5000


def test_csv_files_of_a_folder_are_one_table(judge: Any, tmp_path: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rows in {"1": "a,b\n1,x\n2,x\n", "2": "a,b\n", "3": "a,b\n2,x\nx,y\n"}.items():
        (folder / f"{name}.csv").write_text(rows)
    judged = judge("columns: {a: {type: integer}}\nunique: [[a]]", folder)
    assert judged.report.rows == 4
    assert [(example.file, example.row) for example in judged["a is a whole number"].examples] == [("3.csv", 2)]
    assert judged["a unique"].value == 1


def test_columns_that_differ_in_case_only_are_two(judge: Any, parquet: Any) -> None:
    from_csv = judge("columns: {A: {type: integer}, a: {type: string}}", "A,a\n1,x\n")
    assert from_csv.failing == []


def test_a_file_without_rows_never_passes(judge: Any, parquet: Any) -> None:
    path = parquet("SELECT 1::BIGINT AS a, 'x' AS b LIMIT 0")
    report = judge("columns: {a: {type: integer, range: [0, 9]}, b: {nullable: false}}", path)
    assert report.failing == ["rows at least", "a is a whole number", "a in range", "b has no nulls"]
    assert [check.n for check in report.report.checks] == [0, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("SELECT 'x' AS a, 1 AS b", "'a' is stored as VARCHAR, and there as INTEGER"),
        ("SELECT 1 AS a", "'b' is not there"),
        ("SELECT 1 AS a, 1 AS b, 1 AS c", "'c' is only there"),
        ("SELECT 1 AS b, 1 AS a", "they are in another order"),
    ],
)
def test_files_that_differ_are_told_apart(
    judge: Any, parquet: Any, refusal: Any, tmp_path: Any, other: str, words: str
) -> None:
    parquet("SELECT 1 AS a, 1 AS b", "many/1.parquet")
    parquet(other, "many/2.parquet")
    said = refusal(lambda: judge("columns: {a: {}}", tmp_path / "many"))
    assert said.startswith("2: 2.parquet in ") and words in said


def test_a_file_without_rows_among_others_is_nothing(judge: Any, parquet: Any, tmp_path: Any) -> None:
    parquet("SELECT 1 AS a LIMIT 0", "many/1.parquet")
    parquet("SELECT 7 AS a", "many/2.parquet")
    found = judge("columns: {a: {type: integer, range: [0, 5]}}", tmp_path / "many")
    assert (found.report.rows, found["a in range"].value) == (1, 1)


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("kept", [False, True])
def test_rows_are_numbered_by_their_place(files: int, kept: bool, tmp_path: Path) -> None:
    """By each thread for itself, across row groups and files, as one reader after the other would."""
    folder, scratch = tmp_path / "rows", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    for at in range(files):
        options = "(FORMAT parquet, ROW_GROUP_SIZE 2048)"
        duckdb.execute(
            f"COPY (SELECT range + {at * 5000} AS v FROM range(5000)) TO '{folder / f'{at}.parquet'}' {options}"
        )
    with open_table(find_source(folder, "rows"), CsvDialect(), scratch, 256) as table:
        if kept:
            table.keep(["v"])
        statement = Statement(f"SELECT count(*), count_if(r = c0 + 1) FROM (SELECT c0, {table.row_number} AS r FROM ")
        assert table.rows(statement.then(table.relation).add(")")) == [(5000 * files, 5000 * files)]


@pytest.mark.parametrize(("value", "repeats"), [("range", 0), ("if(range = 999, 998, range)", 1), ("-range", 0)])
def test_a_key_that_rises_is_told_as_any_other(
    value: str, repeats: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelway.data.engines.duckdb.table.WORTH_IT", 100)
    data, scratch = tmp_path / "rows.parquet", tmp_path / "scratch"
    scratch.mkdir()
    duckdb.execute(f"COPY (SELECT {value} AS k FROM range(3000)) TO '{data}' (FORMAT parquet)")
    with open_table(find_source(data, "rows"), CsvDialect(), scratch, 256) as table:
        rows, (answer,) = table.answers([Repeated(("k",))], 3)
    assert (rows, answer.n, answer.count) == (3000, 3000, repeats)
