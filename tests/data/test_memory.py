"""A table in memory, where an action takes a file: the same checks, the same report."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import modelway
from documented import examples
from modelway.errors import InvalidInput

TABLES: dict[str, Any] = {
    "two columns of one name": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "two columns that differ in case": pd.DataFrame({"a": [1], "A": [1]}),
    "a column alone": pd.Series([1], name="a"),
    "half a character": pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}),
    "no columns": pd.DataFrame(),
    "a kind that is none": pd.DataFrame({"p": pd.period_range("2026-01", periods=2, freq="M")}),
}


@pytest.fixture(autouse=True)
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "contract.yml").write_text("columns: {a: {type: integer, range: [0, 2]}, t: {type: timestamp}}\n")
    monkeypatch.chdir(tmp_path)


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "t": pd.to_datetime(["2026-01-01"] * 3, utc=True)}, index=[7, 8, 9])


def test_pandas_and_the_file_give_one_report() -> None:
    checked = modelway.validate_data(data=frame(), contract="contract.yml")
    assert checked.failing_checks == {"memory://data": ["a in range"]}
    duckdb.from_df(frame()).write_parquet("rows.parquet")
    from_file = modelway.validate_data(data="rows.parquet", contract="contract.yml")
    assert checked.validation and from_file.validation
    assert checked.validation.reports[0].checks == from_file.validation.reports[0].checks


def test_the_same_table_has_the_same_digest() -> None:
    found = [modelway.validate_data(data=rows, contract="contract.yml") for rows in (frame(), frame(), frame()[:2])]
    digests = [checked.data_digests for checked in found]
    assert digests[0] == digests[1] != digests[2]


def test_missing_values_of_every_kind_are_missing() -> None:
    table = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "t": [pd.NaT, pd.Timestamp("2026-01-01")]})
    (Path("contract.yml")).write_text("columns: {a: {nullable: false}, t: {nullable: false}}\n")
    checked = modelway.validate_data(data=table, contract="contract.yml")
    assert checked.failing_checks == {"memory://data": ["a has no nulls", "t has no nulls"]}


def test_a_query_of_duckdb_is_a_table_too() -> None:
    table = duckdb.sql("SELECT 1 AS a, TIMESTAMP '2026-01-01' AS t")
    assert modelway.validate_data(data=table, contract="contract.yml").outcome == "pass"


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_no_table_is_one_line(kind: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        modelway.validate_data(data=TABLES[kind], contract="contract.yml")
    assert raised.value.line().startswith("input data: ")
    assert "\n" not in raised.value.line()
    assert not Path("out").exists()


@pytest.mark.parametrize("given", [{"train": 7_031_977}, [7_031_977], 7_031_977])
def test_several_tables_are_none_and_nothing_of_them_is_shown(given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"input data: is \w+, and no table\. Fix: give a path") as raised:
        modelway.profile_data(data=given)
    assert "7031977" not in raised.value.line()


def test_the_example_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.csv").write_text("a,t\n0,2026-01-01\n3,2026-01-01\n")
    [example] = examples("python.md", "A table in memory")
    exec(compile(example, "python.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "fail {'memory://data': ['a in range']}"


def test_outside_of_a_call_there_is_no_table() -> None:
    with pytest.raises(InvalidInput, match="is no table of this call"):
        modelway.validate_data(data="memory://data", contract="contract.yml")


@pytest.mark.parametrize("kind", ["pandas", "a file with a header alone", "Parquet"])
def test_no_rows_are_a_report_too(kind: str) -> None:
    """DuckDB's count_if is null over no rows, and a report has numbers."""
    Path("header.csv").write_text("a,t\n")
    duckdb.sql("SELECT 1 AS a, TIMESTAMP '2026-01-01' AS t LIMIT 0").write_parquet("none.parquet")
    data = {"pandas": frame()[:0], "Parquet": "none.parquet"}.get(kind, "header.csv")
    Path("contract.yml").write_text(
        "columns: {a: {type: integer, range: [0, 2]}, t: {type: timestamp, nullable: false}}\n"
    )
    checked = modelway.validate_data(data=data, contract="contract.yml")
    assert checked.outcome == "fail" and checked.validation
    assert all(
        check.n == 0 for check in checked.validation.reports[0].checks if check.name != "listed columns are there"
    )
    assert all(check.value in (0, None) for check in checked.validation.reports[0].checks)


@pytest.mark.parametrize(
    ("usual", "once", "kind", "failing"),
    [
        (1, 2.5, "integer", "a is a whole number"),
        (True, 7, "boolean", None),
        (1, "x", "integer", "a is a whole number"),
    ],
)
def test_a_value_that_is_unlike_all_others_is_what_it_is(usual: Any, once: Any, kind: str, failing: str | None) -> None:
    """DuckDB tells the type of a column of objects from a sample, and would make 2 of this 2.5."""
    values = pd.Series([usual] * 50_000, dtype=object)
    values[123] = once
    Path("contract.yml").write_text(f"columns: {{a: {{type: {kind}}}}}\n")
    if failing is None:
        with pytest.raises(InvalidInput, match="cannot be read as a table"):
            modelway.validate_data(data=pd.DataFrame({"a": values}), contract="contract.yml")
        return
    checked = modelway.validate_data(data=pd.DataFrame({"a": values}), contract="contract.yml")
    assert checked.failing_checks == {"memory://data": [failing]}


def test_what_python_holds_in_full_is_read_in_full() -> None:
    """A NaN among Decimals, and whole numbers of more than 64 bits, would make a column one of floating point."""
    money = [Decimal("123456789.12") + at for at in range(1000)]
    for values, stored in (
        ([*money, Decimal("NaN")], "DECIMAL(11,2)"),
        ([10**20 + at for at in range(1000)], "VARCHAR"),
    ):
        table = pd.DataFrame({"a": pd.Series(values, dtype=object)})
        [column] = modelway.profile_data(data=table).profile.profiles[0].columns
        assert (column.stored, column.distinct, column.n) == (stored, 1000, 1000)
        assert len(table) == len(values) and table.a[0] is values[0]


def test_a_duration_is_a_number_of_microseconds_as_in_the_file() -> None:
    table = pd.DataFrame({'a "b"': pd.to_timedelta([1, 2, None, 4], unit="s"), "c": 1})
    [column, _] = modelway.profile_data(data=table).profile.profiles[0].columns
    assert (column.type, column.n, column.low, column.high) == ("integer", 3, 1_000_000, 4_000_000)


def test_the_column_that_cannot_be_read_is_named() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "day": pd.period_range("2026-01-01", periods=2, freq="D")})
    with pytest.raises(
        InvalidInput, match=r"column 'day' cannot be read: .* Fix: convert it, such as by astype\(str\)"
    ):
        modelway.check_quality(data=table)
    modelway.check_quality(data=table.assign(day=table.day.astype(str)))


def test_several_threads_may_write_one_report() -> None:
    with ThreadPoolExecutor(4) as threads:
        tables = [frame()[: at % 2 + 1] for at in range(12)]
        found = list(threads.map(lambda rows: modelway.validate_data(data=rows, contract="contract.yml"), tables))
    assert [checked.validation.reports[0].rows for checked in found if checked.validation] == [1, 2] * 6
