"""Columns that pass as a whole, by their sums and ends, are judged as their values one by one would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelway.data.csv_text import has_odd_numbers
from modelway.data.engines.duckdb import counted, csv_files, floats, rising, table
from modelway.errors import InvalidInput

CONTRACT = """
rules: [d < 5]
unique: [[k], [e]]
columns:
  a: {type: number, range: [-5, 5]}
  b: {type: number, max-null-percent: 20}
  c: {type: string}
  d: {type: number}
  e: {type: integer, range: [-5, 1000000]}
  k: {}
"""
CELLS = [
    "1",
    "-2.5",
    "5",
    ".5",
    "1e2",
    " 3 ",
    '"4"',
    "0",
    "",
    "NA",
    "nan",
    "inf",
    "1e400",
    "6",
    "101",
    "x",
    "1_0",
    "+-1",
    "1e1",
    "10e-1",
    "07",
    "9007199254740992",
    "9007199254740993",
    "99999999999999999999",
]
FEW = st.sampled_from([*CELLS[:8] * 4, *CELLS[8:]])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are read as large ones are."""
    monkeypatch.setattr(csv_files, "LARGE", 0)
    monkeypatch.setattr(counted, "FIRST_ROWS", 2)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(FEW, FEW, st.sampled_from(["x", "", "_"]), FEW, FEW, FEW), min_size=1, max_size=12))
@example([("1", "2", "x", "1", "1", "x")] * 3)
@example([("1", "2", "x", "1", "1", "3")] * 3 + [("1", "NA", "x", "7", "2", "4")])
@example([("1", "2", "x", "1", "1", "3")] * 3 + [("9", "2", "x", "1", "1.5", "4")])
@example([("1", "2", "x", "1", "1", "3")] * 3 + [("1_0", "+-2", "x", "1", "1e1", "4")])
@example([("1", "2", "x", "1", one, other) for one, other in [("1", "2"), ("3", "4"), ("2", "3"), ("4", "2.0")]])
@example([("1", "2", "x", "1", one, other) for one, other in [("1", "2"), ("2", "4"), ("2.5", "3"), ("3", "3")]])
def test_csv(judge: Any, small: None, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, ...]]) -> None:
    data = "a,b,c,d,e,k\n" + "".join(",".join(row) + "\n" for row in rows)
    whole = judge(CONTRACT, data)
    with monkeypatch.context() as one_by_one:
        one_by_one.setattr(csv_files, "LARGE", 1 << 60)
        assert judge(CONTRACT, data).report == whole.report


NUMBERS = st.one_of(
    st.none(), st.floats(-5, 5), st.sampled_from([float("nan"), float("inf"), -float("inf"), 1.7e308, 100.5, 6.0, -0.0])
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12), st.sampled_from(["DOUBLE", "FLOAT"]))
@example([(1.0, float("nan"))], "DOUBLE")
@example([(1.0, float("-inf"))], "FLOAT")
@example([(1.0, 1.7e308)] * 2, "DOUBLE")
@example([(1.0, 2.0)] * 2, "FLOAT")
@example([(1.0, 9007199254740994.0)], "DOUBLE")
@example([], "DOUBLE")
def test_parquet(
    judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[float | None, ...]], kind: str
) -> None:
    path = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rows (a {kind}, b {kind}, c VARCHAR, d {kind}, e {kind}, k INTEGER)")
        for row in rows:
            connection.execute(
                "INSERT INTO rows SELECT v, w, 'x', v, w, 1 FROM"
                f" (SELECT TRY_CAST(? AS {kind}) AS v, TRY_CAST(? AS {kind}) AS w)",
                row,
            )
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    whole = judge(CONTRACT, path)
    with monkeypatch.context() as one_by_one:
        one_by_one.setattr(floats, "FLOATS", ())
        assert judge(CONTRACT, path).report == whole.report


def test_csv_is_asked_once_where_all_is_well(judge: Any, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with each number as a number; else what is wrong further down is found as ever, with its row."""
    asked: list[str] = []
    rows = table.DuckDBTable._rows_or_error
    monkeypatch.setattr(
        table.DuckDBTable,
        "_rows_or_error",
        lambda self, statement: asked.append(statement.text) or rows(self, statement),
    )
    good = "a,b,c,d,e,k\n" + "".join(f"1,2,x,3,{6 - row},{row}\n" for row in range(5))
    assert judge(CONTRACT, good).failing == []
    assert [[f"'c{at}': 'DOUBLE'" in text for at in range(6)] for text in asked] == [
        [False] * 6,
        [False] * 6,
        [True, True, False, False, True, False],
    ], "the first rows twice, and all of them once: also whether each row has a key of its own"
    report = judge(CONTRACT, f"{good}1,2,x,3,7,7\nbad,2,x,3,8,8\n")
    assert report.failing == ["a is a number"]
    assert [(one.value, one.row) for one in report["a is a number"].examples] == [("bad", 7)]
    report = judge("columns: {a: {type: number}, b: {type: number}}", "a,b,c,d\n" + "1,2,x,3\n" * 5)
    assert (report.failing, report.report.rows) == ([], 5)


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("a_b,c\n1,2\n", False),
        ("a,c\n1_0,2\n", True),
        ("a,c\n+-1,2\n", True),
        ("a,c\n1e+5,-2\n", False),
        ("a,c\r\n1,x_y\r\n", True),
        ("", False),
        ("a_b", True),
    ],
)
def test_odd_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, odd: bool) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    for size in (1, 2, 3, 1 << 20):
        monkeypatch.setattr("modelway.data.csv_text.CHUNK", size)
        assert has_odd_numbers(path, "rows.csv") >= odd  # a header that a chunk does not hold counts as rows
    assert has_odd_numbers(path, "rows.csv") == odd


def test_a_nul_byte_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a_\n1\n\0\n")
    with pytest.raises(InvalidInput, match=r"rows\.csv:3: holds a NUL byte"):
        has_odd_numbers(path, "rows.csv")


@pytest.mark.parametrize(
    ("ids", "repeated"),
    [
        (range(50), 0),
        ([*range(50), 49], 1),
        (["7", "07", *range(8, 50)], 0),
        ([*range(50), 3], 1),
        (["x"] * 3, 2),
        ([*range(50), "x", 60], 0),
        ([*range(49, -1, -1), 0], 1),
        ([*range(30), 10**12, 10**12], 1),
        (range(10**12, 10**12 + 50), 0),
        ([*range(30), "1.5", "1.6", "2.0"], 0),
        ([*range(-5, 30), -5], 1),
        ([*range(30), "", ""], 0),
        ([*range(2**53 - 20, 2**53 + 20), 2**53], 1),
    ],
)
@pytest.mark.parametrize("kind", ["", "type: integer"])
@pytest.mark.parametrize("large", [0, 1 << 60])
def test_ids_of_csv_that_are_numbers(
    judge: Any, monkeypatch: pytest.MonkeyPatch, ids: list[Any], repeated: int, kind: str, large: int
) -> None:
    """Equal numbers may be different texts, which is no repetition. large: the file's size from which they are told on the
    way."""
    monkeypatch.setattr(csv_files, "LARGE", large)
    monkeypatch.setattr(table, "WORTH_IT", 1)
    monkeypatch.setattr(rising, "FIRST", 5)
    for nulls in ("", "null-values: [], "):
        contract = f"{{{nulls}unique: [[id]], columns: {{id: {{{kind}}}}}}}"
        assert judge(contract, "id\n" + "".join(f"{one}\n" for one in ids))["id unique"].value == repeated
