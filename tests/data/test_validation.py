"""Every check of a contract, over real small files: what it counts, what it shows, and when it fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

FLIGHTS = """carrier,dep_delay,departed_at,late
AA,5,2026-11-20T10:00:00Z,0
UA,NA,2026-11-20 11:30,1
ZZ,-200,2026-11-21T09:00:00+02:00,2
,abc,yesterday,1
AA,1e400,2026-02-30,0
"""


def test_each_check_counts_and_shows_what_breaks_it(judge: Any) -> None:
    judged = judge(
        """
        rows: {at-least: 6}
        unlisted-columns: refuse
        columns:
          carrier: {type: string, nullable: false, allowed: [AA, UA]}
          dep_delay: {type: number, range: [-120, 2000], max-null-percent: 10}
          departed_at: {type: timestamp}
        """,
        FLIGHTS,
    )
    shown = {
        check.name: (check.n, check.value, check.limit, [(example.row, example.value) for example in check.examples])
        for check in judged.report.checks
    }
    assert shown == {
        "rows at least": (5, 5, 6, []),
        "listed columns are there": (3, 0, 0, []),
        "no unlisted columns": (4, 1, 0, [(None, "late")]),
        "carrier has no nulls": (5, 1, 0, [(4, "null")]),
        "carrier is text": (4, 0, 0, []),
        "carrier among allowed": (4, 1, 0, [(3, "ZZ")]),
        "dep_delay nulls": (5, 20, 10, [(2, "null")]),
        "dep_delay is a number": (4, 2, 0, [(4, "abc"), (5, "1e400")]),
        "dep_delay in range": (2, 1, 0, [(3, "-200")]),
        "departed_at is a time": (5, 2, 0, [(4, "yesterday"), (5, "2026-02-30")]),
    }
    assert judged.report.outcome == "fail"
    assert judged.failing == [name for name in shown if name not in ("listed columns are there", "carrier is text")]


def test_a_sound_file_passes(judge: Any) -> None:
    judged = judge("columns: {a: {type: integer, nullable: false, range: [1, 2]}}\nunique: [[a]]", "a\n1\n2\n")
    assert (judged.report.outcome, judged.failing, judged.report.rows) == ("pass", [], 2)


def test_too_many_rows_fail(judge: Any) -> None:
    assert judge("rows: {at-least: 2, at-most: 3}", "a\n1\n2\n3\n").failing == []
    assert judge("rows: {at-least: 2, at-most: 3}", "a\n1\n2\n3\n4\n").failing == ["rows at most"]


def test_a_missing_column_is_a_failed_check_with_a_guess(judge: Any) -> None:
    """Its own checks cannot be asked; the failed one speaks for them, also where only `unique` names the column."""
    judged = judge("columns: {dep_dely: {type: number}}\nunique: [[nowhere]]", "dep_delay,b\n1,2\n")
    check = judged["listed columns are there"]
    assert (check.outcome, check.n, check.value) == ("fail", 2, 2)
    assert "did you mean 'dep_delay'?" in check.examples[0].value
    assert check.examples[1].value.startswith("nowhere")
    assert judged.report.outcome == "fail"


def test_a_column_s_case_matters(judge: Any) -> None:
    assert judge("columns: {Age: {}}", "age\n1\n").failing == ["listed columns are there"]


@pytest.mark.parametrize("header_only", ["a\n", "a", "a\r\n"])
def test_zero_rows_never_pass(judge: Any, header_only: str) -> None:
    judged = judge("columns: {a: {type: number, max-null-percent: 100}}", header_only)
    assert judged.report.outcome == "fail"
    assert judged["rows at least"].outcome == "fail"


def test_zero_rows_of_parquet_never_pass(judge: Any, parquet: Any) -> None:
    assert "rows at least" in judge("columns: {a: {}}", parquet("SELECT 1 AS a LIMIT 0")).failing


def test_a_check_that_finds_nothing_to_look_at_fails(judge: Any) -> None:
    """Unless the contract says in so many words that the column may be empty."""
    data = "a,b\n,1\nNA,2\n"
    judged = judge("columns: {a: {type: number, range: [0, 1]}}", data)
    assert judged.failing == ["a is a number", "a in range"]
    assert judged["a in range"].detail == "no value to look at"
    assert judge("columns: {a: {type: number, range: [0, 1], max-null-percent: 100}}", data).failing == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", "0 -5 +7 3.0 1e3 9223372036854775807 -170000000000000000000", "1.5 x 1_000 0x10 inf nan 1e400 9e99"),
        ("number", "0 -1.5 .5 1. 1e-7 1e308", "x 1_000 0x10 inf -inf nan Infinity 1e400 1,5 --1 1e"),
        ("boolean", "true False TRUE", "t 0 1 yes"),
        ("date", "2013-01-01 2024-02-29 0001-01-01", "2013-1-1 2013/01/01 2013-02-29 epoch infinity 10000-01-01 01.02.2013"),
        (
            "timestamp",
            "2013-01-01T10:17:00Z 2013-01-01T10:17 2013-01-01 2013-01-01T10:17:00.123456789+02:00 2013-01-01T10:17:00-0500",
            ("2013-01-01T25:00:00Z 10:17 1357035420 infinity now epoch 2013-1-1T10:17 2013/01/01T10:17 2013-01-01TZ"
            " 2013-01-01T10:17:00EST 2013-13-01"),
        ),
        ("string", "x 1 true", ""),
    ],
)  # fmt: skip
def test_what_a_csv_cell_may_be(judge: Any, kind: str, good: str, bad: str) -> None:
    """Text that other readers of the file would not take for the type is a violation, whatever DuckDB would cast."""
    cells = [*good.split(), *bad.split()]
    text = "a,b\n" + "".join(f'"{cell}",1\n' for cell in cells)
    judged = judge(f"columns: {{a: {{type: {kind}}}}}\nnull-values: ['']", text, examples=100)
    check = next(check for check in judged.report.checks if check.name.startswith("a is"))
    assert [example.value for example in check.examples] == bad.split()
    assert check.n == len(cells)


def test_limits_are_inclusive_and_exact(judge: Any) -> None:
    """Whole numbers of 64 bits are not compared as floating point, in which 2^53 + 1 would be 2^53."""
    limits = "columns: {a: {type: integer, range: [null, 9007199254740992]}}"
    assert judge(limits, "a,b\n9007199254740992,1\n").failing == []
    assert judge(limits, "a,b\n9007199254740993,1\n").failing == ["a in range"]
    allowed = "columns: {a: {type: integer, allowed: [9007199254740992]}}"
    assert judge(allowed, "a,b\n9007199254740993,1\n").failing == ["a among allowed"]


def test_dates_and_times_have_ranges(judge: Any) -> None:
    """A time without a zone is UTC; the same moment in another zone is the same moment."""
    contract = """
        columns:
          d: {type: date, range: [2013-01-01, 2013-12-31], allowed: [2013-06-01, 2014-01-01]}
          t: {type: timestamp, range: ["2013-01-01T00:00:00Z", "2013-01-01 12:00"]}
    """
    rows = "d,t\n2013-06-01,2013-01-01T13:00:00+01:00\n2014-01-01,2013-01-01T12:00:01\n2013-01-02,2012-12-31\n"
    judged = judge(contract, rows)
    assert [example.row for example in judged["d in range"].examples] == [2]
    assert [example.row for example in judged["d among allowed"].examples] == [3]
    assert [example.row for example in judged["t in range"].examples] == [2, 3]


@pytest.mark.parametrize(
    ("newest", "outcome", "age"),
    [
        ("2026-11-19T12:00:00Z", "pass", 48),
        ("2026-11-19T11:59:59Z", "fail", 48 + 1 / 3600),
        ("2026-11-22T11:00:00Z", "pass", -23),
        ("2026-11-23T12:00:00Z", "fail", -48),
        ("never", "fail", None),
    ],
)
def test_freshness_is_the_newest_row_s_age(judge: Any, newest: str, outcome: str, age: float | None) -> None:
    """A newest row that lies in the future says nothing about freshness, and fails."""
    contract = "columns: {t: {type: timestamp}}\nfreshness: {column: t, at-most-hours: 48}"
    check = judge(contract, f"t,b\n{newest},1\n{'never' if age is None else '2013-01-01'},1\n")["freshness"]
    assert (check.outcome, check.value) == (outcome, pytest.approx(age))


def test_freshness_of_dates_and_of_parquet(judge: Any, parquet: Any) -> None:
    contract = "columns: {d: {type: date}, t: {type: timestamp}}\nfreshness: {column: %s, at-most-hours: 48}"
    path = parquet("SELECT DATE '2026-11-20' AS d, TIMESTAMP '2026-11-20 10:00:00' AS t")
    assert judge(contract % "d", path)["freshness"].value == 36
    zone = datetime(2026, 11, 21, 14, tzinfo=UTC).astimezone(tz=None) - timedelta(hours=2)
    assert judge(contract % "t", path, now=zone)["freshness"].value == 26


def test_uniqueness_counts_the_rows_that_repeat(judge: Any) -> None:
    """Null is a value here: two rows with the same hole are the same."""
    rows = "a,b\nx,1\nx,1\nx,1\ny,\ny,\ny,2\n"
    judged = judge("unique: [[a, b], [a], [b]]", rows)
    check = judged["a, b unique"]
    assert (check.n, check.value) == (6, 3)
    assert [example.value for example in check.examples] == ["3 times a=x, b=1", "2 times a=y, b=null"]
    assert judged["a unique"].value == 4
    assert judge("unique: [[a, b]]", "a,b\nx,1\n1,x\n").failing == []


def test_null_values_are_the_contract_s(judge: Any) -> None:
    rows = 'a,b\n-,1\n"",2\nNA,3\n'
    assert judge("columns: {a: {nullable: false}}\nnull-values: ['-']", rows)["a has no nulls"].value == 1
    assert judge("columns: {a: {nullable: false}}\nnull-values: []", rows)["a has no nulls"].value == 0
    assert judge("columns: {a: {nullable: false}}", rows)["a has no nulls"].value == 2


def test_no_examples_keeps_values_out_of_the_report(judge: Any) -> None:
    contract = "columns: {a: {type: number}}\nunique: [[a]]"
    checks = judge(contract, "a,b\nsecret,1\nsecret,2\n", examples=0).report.checks
    assert [check.examples for check in checks] == [()] * len(checks)
    assert {check.name for check in checks if check.outcome == "fail"} == {"a is a number", "a unique"}


def test_the_same_input_gives_the_same_bytes(judge: Any) -> None:
    import msgspec

    contract = "columns: {a: {type: number, range: [0, 10]}}\nunique: [[a]]"
    rows = "a,b\n" + "".join(f"{at % 97 - 5},{at}\n" for at in range(50_000))
    reports = {msgspec.json.encode(judge(contract, rows).report) for _ in range(3)}
    assert len(reports) == 1


def test_many_columns_are_counted_as_few_are(judge: Any, monkeypatch: Any) -> None:
    """Some at a time, over a copy of the text: rows, counts and examples are the same."""
    import modelway.data.engines.duckdb.counted as counted

    names = [f"c{at}" for at in range(450)]
    rows = ",".join(names) + "\n" + "".join(f"{row}" + ",1" * 448 + f",{row}\n" for row in range(5))
    contract = "rows: {at-most: 5}\nunique: [[c0, c449]]\nrules: [c449 = c0, c0 < 4]\ncolumns:\n"
    contract += "".join(f"  {name}: {{type: integer, nullable: false, range: [0, 3]}}\n" for name in names)
    reports = []
    for most, memory_mb in ((counted.MOST_COLUMNS, 64), (counted.MOST_COLUMNS, 1024), (1000, 1024)):
        monkeypatch.setattr(counted, "MOST_COLUMNS", most)
        judged = judge(contract, rows, memory_mb=memory_mb)
        assert judged.failing == ["c0 in range", "c449 in range", "c0 < 4"]
        assert [(example.row, example.value) for example in judged["c449 in range"].examples] == [(5, "4")]
        reports.append(judged.report)
    assert reports[0] == reports[1] == reports[2]


def test_columns_of_several_copies_are_of_one_row(judge: Any, monkeypatch: Any) -> None:
    """Over more rows than a group of Parquet has, by several threads."""
    import modelway.data.engines.duckdb.copied as copied
    import modelway.data.engines.duckdb.counted as counted

    monkeypatch.setattr(counted, "MOST_COLUMNS", 2)
    monkeypatch.setattr(copied, "FEWEST", 2)
    monkeypatch.setattr(copied, "COLUMNS_OF_A_MEGABYTE", 0)
    rows = 300_000
    data = "a,b,c,d,e\n" + "".join(f"{at},{at % 7},{at},x,{at}\n" for at in range(rows))
    contract = "rules: [a = c, a = e]\nunique: [[a, e]]\nincreasing: [{column: e, strictly: true}]\n"
    contract += "columns: {a: {type: integer}, b: {type: integer}, c: {type: integer}, e: {type: integer}}\n"
    judged = judge(contract, data)
    assert judged.failing == []
    assert judged["a = e"].n == rows
    wrong = judge(contract + "groups: [{by: [b, d], measure: rows, at-most: 9}]", data.replace("\n299998,", "\n1,"))
    assert [(one.row, one.value) for one in wrong["a = e"].examples] == [(299_999, "a=1, e=299998")]
    assert wrong["rows per b, d"].n == 7


def test_a_bad_byte_in_a_column_of_a_wide_file_is_found(judge: Any, refusal: Any) -> None:
    """Also in a column that nothing is asked of."""
    names = [f"c{at}" for at in range(200)]
    data = (",".join(names) + "\n" + "1," * 199).encode() + b"\xff\n"
    contract = "columns:\n" + "".join(f"  {name}: {{type: integer}}\n" for name in names[:-1])
    assert "is not UTF-8" in refusal(lambda: judge(contract, data))
