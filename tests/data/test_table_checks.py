"""Checks beyond a column's single values: what each counts and shows, and when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

TRIPS = """id,device,seen,net,tax,total,status,code
1,a,10,1.00,0.19,1.19,done,AB1
2,b,5,0.1,0.2,0.3,done,cd2
3,a,9,2,1,4,open,
4,b,5,NA,1,2,odd,ABCD99
4,a,11,x,1,2,done,ÄÖ3
"""
COLUMNS = """
columns:
  id: {type: integer}
  device: {type: string}
  seen: {type: integer}
  net: {type: number}
  tax: {type: number}
  total: {type: number}
  status: {type: string}
"""


def figures(judged: Any, name: str) -> tuple[Any, ...]:
    check = judged[name]
    return check.outcome, check.n, check.value, [(example.row, example.value) for example in check.examples]


def test_patterns_and_lengths_are_of_texts(judge: Any) -> None:
    judged = judge("columns: {code: {type: string, pattern: '^[A-Z]+\\d$', length: [3, 5]}}", TRIPS)
    assert figures(judged, "code matches") == ("fail", 4, 3, [(2, "cd2"), (4, "ABCD99"), (5, "ÄÖ3")])
    assert figures(judged, "code length") == ("fail", 4, 1, [(4, "ABCD99")])


def test_a_pattern_takes_time_that_is_linear_in_the_text(judge: Any) -> None:
    """What makes other engines of regular expressions try every way."""
    text = "a" * 50_000 + "!"
    judged = judge("columns: {a: {type: string, pattern: '^(a+)+$'}}", f"a,b\n{text},1\n")
    assert judged["a matches"].value == 1


def test_unique_values_of_a_column_pass_over_missing_ones(judge: Any) -> None:
    judged = judge("columns: {code: {unique: true}, id: {unique: true}}\nunique: [[code]]", "code,id\n,1\n,2\nx,2\n")
    assert figures(judged, "code values unique") == ("pass", 1, 0, [])
    assert figures(judged, "id values unique") == ("fail", 3, 1, [(None, "2 times id=2")])
    assert judged["code unique"].value == 1


def test_increasing_columns(judge: Any) -> None:
    rules = "increasing: [{column: seen}, {column: seen, by: [device]}, {column: seen, by: [device], strictly: true}]"
    judged = judge(rules + COLUMNS, TRIPS)
    found = [
        (check.name, check.n, check.value, check.examples) for check in judged.report.checks if "incr" in check.name
    ]
    assert [item[:3] for item in found] == [
        ("seen increasing", 5, 2),
        ("seen increasing within device", 5, 1),
        ("seen increasing within device", 5, 2),
    ]
    assert [(example.row, example.value) for example in found[1][3]] == [(3, "9 after 10")]


def test_order_goes_over_files_and_rows_are_counted_in_each(judge: Any, tmp_path: Path) -> None:
    """Values that are missing or of no type are passed over."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, seen in {"1.csv": "1\n5\nNA\n", "2.csv": "x\n4\n6\n"}.items():
        (folder / name).write_text("seen,b\n" + "".join(f"{cell},1\n" for cell in seen.split()))
    judged = judge("columns: {seen: {type: integer}}\nincreasing: [{column: seen}]", folder)
    check = judged["seen increasing"]
    assert (check.n, check.value) == (4, 1)
    assert [(one.file, one.row, one.value) for one in check.examples] == [("2.csv", 2, "4 after 5")]


def test_rules_between_columns(judge: Any) -> None:
    """0.1 + 0.2 is 0.3; a row with a missing value is not looked at."""
    judged = judge("rules: [total = net + tax, {rule: total = net + tax, tolerance: 1, name: nearly}]" + COLUMNS, TRIPS)
    assert figures(judged, "total = net + tax") == ("fail", 3, 1, [(3, "total=4, net=2, tax=1")])
    assert figures(judged, "nearly") == ("pass", 3, 0, [])


def test_rules_under_a_condition(judge: Any) -> None:
    rules = """
rules:
  - {when: status = 'done', rule: total < 1, name: small}
  - {when: status = 'done', rule: total < 1, name: mostly small, at-most-percent: 70}
  - {when: status = 'gone', rule: total < 1, name: none}
  - {when: status = 'gone', rule: total < 1, name: none needed, may-find-none: true}
"""
    judged = judge(rules + COLUMNS, TRIPS)
    assert figures(judged, "small")[:3] == ("fail", 3, 2)
    assert figures(judged, "mostly small")[:3] == ("pass", 3, pytest.approx(66.667, abs=0.01))
    assert (judged["none"].outcome, judged["none"].detail) == ("fail", "no row of which it can be told")
    assert judged["none needed"].outcome == "pass"


def test_a_division_by_zero_breaks_a_rule(judge: Any) -> None:
    judged = judge("columns: {a: {type: number}, b: {type: integer}}\nrules: [a / b > 0]", "a,b\n1,0\n1,2\nNA,0\n")
    assert figures(judged, "a / b > 0") == ("fail", 2, 1, [(1, "a=1, b=0")])


def test_whole_numbers_are_compared_without_rounding(judge: Any) -> None:
    contract = "columns: {a: {type: integer}, b: {type: integer}}\nrules: [a = b]"
    assert judge(contract, "a,b\n9007199254740993,9007199254740992\n").failing == ["a = b"]


def test_single_precision_is_compared_as_it_is(judge: Any, parquet: Any) -> None:
    path = parquet("SELECT 0.1::FLOAT AS a, 1e300 AS b, 123.45::DECIMAL(9,2) AS c")
    columns = "columns: {a: {type: number}, b: {type: integer}, c: {type: number}}\n"
    assert judge(columns + "rules: [a = 0.1, b > 7, c < 10000000000, b > a]", path).failing == []


def test_references_to_another_file(judge: Any, tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text("name,row\na,1\nc,2\n")
    reference = "references: [{columns: [device], data: devices.csv, their: [name]}]"
    judged = judge(reference + COLUMNS, TRIPS, folder=tmp_path)
    assert figures(judged, "device in devices.csv") == ("fail", 5, 2, [(2, "b"), (4, "b")])
    assert judged["device in devices.csv"].rule.startswith("among name of devices.csv (sha256 ")


def test_references_of_several_columns_by_their_types_and_with_missing_values(judge: Any, tmp_path: Path) -> None:
    """`4` and `4.0` are one whole number, also where the other side is stored as one."""
    duckdb.execute(f"COPY (SELECT 4::UTINYINT AS n, 'x' AS s) TO '{tmp_path / 'known.parquet'}' (FORMAT parquet)")
    contract = """
columns: {{n: {{type: integer}}, s: {{type: string}}}}
references: [{{columns: [n, s], data: known.parquet{}}}]
"""
    rows = "n,s\n4.0,x\n4,y\nNA,x\n4,x\nz,x\n"
    judged = judge(contract.format(""), rows, folder=tmp_path)
    assert figures(judged, "n, s in known.parquet") == ("fail", 3, 1, [(2, "4, y")])
    judged = judge(contract.format(", nullable: false"), rows, folder=tmp_path)
    assert figures(judged, "n, s in known.parquet") == ("fail", 4, 2, [(2, "4, y"), (3, "null, x")])


def test_a_reference_to_what_is_not_there_is_told(judge: Any, tmp_path: Path, refusal: Any) -> None:
    (tmp_path / "devices.csv").write_text("name,row\na,1\n")
    reference = "references: [{columns: [device], data: %s, their: [%s]}]" + COLUMNS
    told = refusal(lambda: judge(reference % ("none.csv", "name"), TRIPS, folder=tmp_path))
    assert told.startswith("2: none.csv: no such file")
    told = refusal(lambda: judge(reference % ("devices.csv", "nam"), TRIPS, folder=tmp_path))
    assert told == "2: devices.csv: has no column 'nam', which a reference names. Fix: did you mean 'name'?"
    (tmp_path / "devices.csv").write_text('name,row\n"a,1\n')
    told = refusal(lambda: judge(reference % ("devices.csv", "name"), TRIPS, folder=tmp_path))
    assert told.startswith("2: devices.csv")


def test_groups(judge: Any) -> None:
    groups = """
groups:
  - {by: [device], measure: rows, at-least: 3}
  - {by: [device, status], measure: share, at-most: 0.5}
  - {by: [device], measure: sum, of: total, at-least: 3}
  - {by: [], measure: mean, of: tax, at-most: 1}
  - {by: [status], measure: lowest, of: net, at-least: 0}
"""
    judged = judge(groups + COLUMNS, TRIPS)
    assert figures(judged, "rows per device") == ("fail", 2, 1, [(None, "device=b: 2")])
    assert figures(judged, "share per device, status") == ("pass", 4, 0, [])
    assert figures(judged, "sum of total per device") == ("fail", 2, 1, [(None, "device=b: 2.3")])
    assert figures(judged, "mean of tax of all rows") == ("pass", 1, 0, [])
    assert figures(judged, "lowest of net per status") == ("fail", 3, 1, [(None, "status=odd: no value")])


def test_a_sum_does_not_depend_on_the_order_of_rows(judge: Any) -> None:
    """Between large numbers that cancel, small ones would be lost if they were added as they come."""
    cells = ["1", "1e100", *["0.25"] * 396, "-1e100", "1e200", "-1e200", "1e-320", "0"]
    orders = [cells, cells[::-1], [*cells[1:], cells[0]]]
    for rows in orders:
        contract = "columns: {a: {type: number}}\ngroups: [{by: [], measure: sum, of: a, at-most: 0}]"
        judged = judge(contract, "a,b\n" + "".join(f"{cell},1\n" for cell in rows))
        assert [one.value for one in judged["sum of a of all rows"].examples] == ["100"]
    huge = judge(contract, "a,b\n1e308,1\n1e308,1\n")["sum of a of all rows"]
    assert (huge.outcome, huge.n) == ("fail", 1)


def test_counts_with_limits(judge: Any) -> None:
    counts = """
counts:
  - {of: missing, columns: [net], also-missing: [x], at-most: 1}
  - {of: missing, columns: [net], unit: percent, below: 20}
  - {of: invalid, columns: [status], allowed: [done, open], at-most: 1, at-least: 1}
  - {of: invalid, columns: [status], pattern: ^o, at-most: 0}
  - {of: invalid, columns: [net], at-most: 0}
  - {of: repeated, columns: [id], at-most: 1}
  - {of: repeated, columns: [device, seen], other-than: 1}
"""
    judged = judge(counts + COLUMNS, TRIPS)
    found = [(c.name, c.rule, c.outcome, c.n, c.value) for c in judged.report.checks if " missing" in c.name]
    found += [(c.name, c.rule, c.outcome, c.n, c.value) for c in judged.report.checks if " invalid" in c.name]
    found += [(c.name, c.rule, c.outcome, c.n, c.value) for c in judged.report.checks if " repeated" in c.name]
    assert found == [
        ("net missing", "at most 1 rows", "fail", 5, 2),
        ("net missing", "below 20 % of rows", "fail", 5, 20),
        ("status invalid", "at least 1 rows", "pass", 5, 1),
        ("status invalid", "at most 1 rows", "pass", 5, 1),
        ("status invalid", "at most 0 rows", "fail", 5, 3),
        ("net invalid", "at most 0 rows", "fail", 4, 1),
        ("id repeated", "at most 1 rows", "pass", 5, 1),
        ("device, seen repeated", "other than 1 rows", "fail", 5, 1),
    ]


def test_columns_that_a_check_names_must_be_there(judge: Any) -> None:
    contract = """
columns: {id: {type: integer}}
increasing: [{column: id, by: [gone]}]
groups: [{by: [lost], measure: rows, at-least: 1}]
counts: [{of: missing, columns: [away], at-most: 0}]
"""
    judged = judge(contract, TRIPS)
    assert judged.failing == ["listed columns are there"]
    assert judged["listed columns are there"].value == 3


def test_a_column_of_another_type_fails_by_its_own_check(judge: Any, parquet: Any) -> None:
    judged = judge(
        "columns: {a: {type: integer}}\nrules: [a > 0]\nincreasing: [{column: a}]", parquet("SELECT 'x' AS b, [1] AS a")
    )
    assert judged.failing == ["a is a whole number"]


MISTAKES = {
    "columns:\n  a: {pattern: x}": "c.yml:2: columns.a.pattern: goes with the type string",
    "columns:\n  a: {type: string, pattern: '(a'}": "c.yml:2: columns.a.pattern: is no regular expression",
    "columns:\n  a: {type: string, pattern: '(?=a)'}": "columns.a.pattern: has look-around or a back-reference",
    "columns:\n  a: {type: string, pattern: '(a)\\1'}": "columns.a.pattern: has look-around or a back-reference",
    "columns:\n  a: {type: string, length: [5, 1]}": "columns.a.length: has its fewest above its most",
    "columns:\n  a: {type: string, length: [-1, 1]}": "columns.a.length[0]: is a whole number (-1)",
    "increasing:\n  - {column: a}": "c.yml:2: increasing[0].column: the column 'a' is not listed",
    "columns: {a: {type: integer}}\nincreasing: [{column: a, by: [a]}]": "increasing[0].by: names a column twice",
    "columns: {a: {type: integer}}\nrules:\n- a > b": "c.yml:3: rules[0]: names 'b', which is not listed under columns",
    "columns: {a: {type: integer}}\nrules:\n- rule: 1 > 0": "c.yml:3: rules[0].rule: names no column",
    "columns: {a: {type: integer}}\nrules:\n- {rule: a > 0, when: a}": "rules[0].when: has a value where",
    "columns: {a: {type: integer}}\nrules:\n- 7": "c.yml:3: rules[0]: is a whole number (7), not",
    "columns: {a: {type: integer}}\nrules: []": "rules: is empty, and would check nothing",
    "groups: [{by: [a], measure: rows}]": "groups[0]: has no limit",
    "groups: [{by: [a], measure: sum, of: b, at-least: 1}]": "groups[0]: the sum is of no column that is listed",
    "groups: [{by: [a], measure: rows, at-least: 2, at-most: 1}]": "groups[0].at-most: is below at-least",
    "counts: [{of: missing, columns: [a]}]": "counts[0]: has no limit",
    "counts: [{of: missing, columns: [a], above: 1, at-most: 1}]": "counts[0]: has limits that no number keeps",
    "counts: [{of: missing, columns: [a], at-most: .nan}]": "counts[0].at-most: ",
    "counts: [{of: invalid, columns: [a], at-most: 1}]": "counts[0].columns: is of a column without a type",
    "counts: [{of: missing, columns: [a], pattern: x, at-most: 1}]": "counts[0].pattern: goes with `of: invalid`",
    "references: [{columns: [a, b], data: x.csv, their: [c]}]": "references[0].their: names 1 columns, and `columns` 2",
    "references: [{columns: [], data: x.csv}]": "references[0].columns: is not a list of different columns",
    "sql: [{name: a}]": "sql[0]: needs one statement",
    "sql: [{name: a, number: SELECT 1}]": "sql[0]: has no limit",
    "sql: [{name: a, violations: SELECT 1, at-most: 1}]": "sql[0]: has limits for violations",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_line_key_and_fix(text: str, wrong_contract: Any) -> None:
    assert MISTAKES[text] in wrong_contract(text)


def test_a_pattern_that_the_engine_does_not_take_is_told(judge: Any, refusal: Any) -> None:
    told = refusal(lambda: judge("columns: {a: {type: string, pattern: '((a{999}){999}){999}'}}", "a,b\nx,1\n"))
    assert told.startswith("2: the pattern of column 'a': is no regular expression of RE2")


def test_values_of_a_sensitive_column_are_shown_nowhere(judge: Any, tmp_path: Path) -> None:
    """By whichever check they break; other columns' values are shown as ever."""
    (tmp_path / "known.csv").write_text("device,b\nx,1\n")
    contract = """
rules: [net < 1]
unique: [[device], [status]]
increasing: [{column: seen, by: [device]}]
references: [{columns: [device], data: known.csv}]
groups: [{by: [device], measure: rows, at-least: 9}]
sql: [{name: all of it, violations: SELECT * FROM data}]
columns:
  device: {type: string, sensitive: true, allowed: [z], pattern: z, length: [1, 2], unique: true}
  seen: {type: integer}
  net: {type: number, range: [1.5, 1.7]}
"""
    rows = TRIPS.replace(",a,", ",hidden-a,").replace(",b,", ",hidden-b,")
    judged = judge(contract, rows, folder=tmp_path)
    assert len(judged.failing) == 13
    assert not [one for check in judged.report.checks for one in check.examples if "hidden" in one.value]
    assert "1.00" in [one.value for one in judged["net in range"].examples]
    assert judged["device among allowed"].examples[0].value == "(masked)"


def test_of_no_rows_each_check_has_looked_at_nothing(judge: Any) -> None:
    checks = "rules: [net < 1]\nincreasing: [{column: seen}]\ncounts: [{of: missing, columns: [net], at-most: 1}]"
    judged = judge(checks + COLUMNS, TRIPS.splitlines()[0] + "\n")
    found = [check for check in judged.report.checks if check.name != "listed columns are there"]
    assert {(check.outcome, check.n) for check in found} == {("fail", 0)}
    assert all(check.value in (0, None) for check in found)


@pytest.mark.parametrize("sign", "+-*/")
def test_a_long_rule_takes_no_longer_than_it_is(judge: Any, sign: str) -> None:
    """Each part of it is written once, also within others."""
    deep = "(".join([f"a {sign} "] * 30) + "a" + ")" * 29
    wide = f" {sign} ".join(["a"] * 80)
    columns = "columns: {a: {type: number}}\n"
    judged = judge(f"{columns}rules: ['{deep} > 5', '{wide} > 5']", "a,b\n1,1\n")
    assert [judged.report.checks[at].n for at in (-2, -1)] == [1, 1]
