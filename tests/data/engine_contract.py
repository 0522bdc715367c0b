"""What any engine answers: one suite, and the right values. `ENGINES` in test_engines.py lists who is held to it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from modelway.data.contract import load_contract
from modelway.data.report import ContractReport
from modelway.data.validation import validate

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = """id,amount,kind,active,day,seen
1,10.5,small,true,2026-11-20,2026-11-20T08:00:00Z
2,-3,large,false,2026-11-21,2026-11-21T09:30:00+01:00
2,,huge,yes,2026-02-30,2026-11-21T11:00:00Z
x,7,,true,,soon
"""
CONTRACT = """\
rows: {at-least: 3, at-most: 3}
unique: [[id]]
freshness: {column: seen, at-most-hours: 0.5}
unlisted-columns: refuse
columns:
  id: {type: integer, nullable: false, range: [1, 1]}
  amount: {type: number, max-null-percent: 20, range: [0, null]}
  kind: {type: string, allowed: [small, large]}
  active: {type: boolean}
  day: {type: date, range: [2026-11-21, null]}
  seen: {type: timestamp}
  gone: {type: string}
"""
EXPECTED = {
    "rows at least": ("pass", 4, 4),
    "rows at most": ("fail", 4, 4),
    "listed columns are there": ("fail", 7, 1),
    "no unlisted columns": ("pass", 6, 0),
    "id has no nulls": ("pass", 4, 0),
    "id is a whole number": ("fail", 4, 1),
    "id in range": ("fail", 3, 2),
    "amount nulls": ("fail", 4, 25),
    "amount is a number": ("pass", 3, 0),
    "amount in range": ("fail", 3, 1),
    "kind is text": ("pass", 3, 0),
    "kind among allowed": ("fail", 3, 1),
    "active is true or false": ("fail", 4, 1),
    "day is a date": ("fail", 3, 1),
    "day in range": ("fail", 2, 1),
    "seen is a time": ("fail", 4, 1),
    "id unique": ("fail", 4, 1),
    "freshness": ("fail", 3, 1.0),
}
"""Check -> outcome, n and value."""


def report_of(engine: str, folder: Path, rows: str = ROWS, contract: str = CONTRACT) -> ContractReport:
    (folder / "rows.csv").write_text(rows)
    (folder / "contract.yml").write_text(contract)
    asked = load_contract(folder / "contract.yml")
    return validate(asked, folder / "rows.csv", NOW, name="rows.csv", by=engine)


def every_question_has_its_answer(engine: str, folder: Path) -> None:
    found = {check.name: (check.outcome, check.n, check.value) for check in report_of(engine, folder).checks}
    assert found == EXPECTED


def nothing_to_look_at_is_no_pass(engine: str, folder: Path) -> None:
    found = report_of(engine, folder, "a\n", "columns: {a: {type: integer}}\n")
    assert {check.name: check.outcome for check in found.checks} == {
        "rows at least": "fail",
        "listed columns are there": "pass",
        "a is a whole number": "fail",
    }
    empty = report_of(engine, folder, "a,b\n,1\n", "columns: {a: {type: date}, b: {type: integer}}\n")
    assert [check.name for check in empty.failing] == ["a is a date"]


def the_digest_is_of_the_data_and_not_of_the_engine(engine: str, folder: Path) -> None:
    assert report_of(engine, folder).data_digest == report_of("duckdb", folder).data_digest


SUITE = (every_question_has_its_answer, nothing_to_look_at_is_no_pass, the_digest_is_of_the_data_and_not_of_the_engine)
