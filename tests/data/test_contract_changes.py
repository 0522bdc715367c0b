"""A change is breaking where data that keeps the new contract may break the earlier one: by rules, and held to by data."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contracts import contracts
from modelway.config.document import Document
from modelway.data import validate
from modelway.data.contract import contract_of
from modelway.data.contract_changes import contract_changes, worst

COLUMN = "columns: a"
CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({}, {"type": "integer"}, [("type", "compatible")]),
    ({"type": "integer"}, {}, [("type", "breaking")]),
    ({"type": "integer"}, {"type": "number"}, [("type", "breaking")]),
    ({"type": "number"}, {"type": "integer"}, [("type", "compatible")]),
    ({"type": "timestamp"}, {"type": "date"}, [("type", "breaking")]),
    ({"nullable": False}, {}, [("nullable", "breaking")]),
    ({"nullable": False}, {"max-null-percent": 1}, [("nullable", "breaking")]),
    ({"max-null-percent": 5}, {"max-null-percent": 4}, [("max-null-percent", "compatible")]),
    ({"max-null-percent": 5}, {"max-null-percent": 6}, [("max-null-percent", "breaking")]),
    ({}, {"max-null-percent": 100}, [("max-null-percent", "breaking")]),
    ({"max-null-percent": 5}, {"nullable": False}, [("nullable", "compatible")]),
    ({"type": "integer", "range": [0, 9]}, {"type": "integer", "range": [0, 9.0]}, []),
    ({"type": "integer", "range": [0, 9]}, {"type": "integer", "range": [1, 9]}, [("range", "compatible")]),
    ({"type": "integer", "range": [0, 9]}, {"type": "integer", "range": [1, 10]}, [("range", "breaking")]),
    ({"type": "integer", "range": [0, 9]}, {"type": "integer", "range": [0, None]}, [("range", "breaking")]),
    ({"type": "integer", "range": [0, None]}, {"type": "integer"}, [("range", "breaking")]),
    ({"type": "integer"}, {"type": "number", "range": [1.5, None]}, [("type", "breaking"), ("range", "compatible")]),
    ({"type": "number", "range": [0, 1.5]}, {"type": "integer"}, [("type", "compatible"), ("range", "breaking")]),
    ({"type": "date"}, {"type": "date", "range": [None, "2026-01-01"]}, [("range", "compatible")]),
    ({"type": "string", "length": [1, 2]}, {"type": "string", "length": [0, 2]}, [("length", "breaking")]),
    ({"type": "string", "allowed": ["a", "b"]}, {"type": "string", "allowed": ["b", "a"]}, []),
    ({"type": "string", "allowed": ["a"]}, {"type": "string", "allowed": ["a", "b"]}, [("allowed", "breaking")]),
    ({"type": "string", "allowed": ["a", "b"]}, {"type": "string", "allowed": ["a"]}, [("allowed", "compatible")]),
    ({"type": "string", "allowed": ["a"]}, {"type": "string"}, [("allowed", "breaking")]),
    ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "a"}, [("pattern", "breaking")]),
    ({"type": "string"}, {"type": "string", "pattern": "a"}, [("pattern", "compatible")]),
    ({"unique": True}, {"unique": False}, [("unique", "breaking")]),
    ({}, {"unique": True}, [("unique", "compatible")]),
    ({}, {"description": "x", "sensitive": True}, [("sensitive", "compatible"), ("description", "compatible")]),
]


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    found = contract_changes(contract_of(Document("old", old)), contract_of(Document("new", new)))
    assert all(change.why and (change.before or change.after) for change in found)
    return [(change.where, change.effect) for change in found]


@pytest.mark.parametrize(("old", "new", "found"), CHANGES)
def test_of_a_column(old: dict[str, Any], new: dict[str, Any], found: list[tuple[str, str]]) -> None:
    expected = [(f"columns.a.{key}", effect) for key, effect in found]
    assert changes({"columns": {"a": old}}, {"columns": {"a": new}}) == expected


def test_columns_that_come_and_go() -> None:
    old, new = (
        {"columns": {"a": {}, "b": {}}},
        {"columns": {"b": {}, "c": {"type": "date"}}, "unlisted-columns": "refuse"},
    )
    assert changes(old, new) == [
        ("columns.a", "breaking"),
        ("columns.c", "compatible"),
        ("unlisted-columns", "compatible"),
    ]


TABLE: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({"rows": {"at-least": 5}}, {"rows": {"at-least": 4}}, [("rows", "breaking")]),
    ({"rows": {"at-least": 5}}, {"rows": {"at-least": 5, "at-most": 9}}, [("rows", "compatible")]),
    ({"unique": [["a", "b"]]}, {"unique": [["b", "a"]]}, []),
    ({"unique": [["a", "b"]]}, {"unique": [["a"]]}, [("unique", "breaking"), ("unique", "compatible")]),
    ({"rules": ["a > 1"]}, {"rules": [{"rule": "a > 1", "name": "large"}]}, []),
    ({"rules": ["a > 1"]}, {"rules": ["a > 2"]}, [("rules", "breaking"), ("rules", "compatible")]),
    ({"delimiter": ";"}, {}, [("delimiter", "breaking")]),
    (
        {"groups": [{"by": ["a"], "measure": "rows", "at-least": 5}]},
        {"groups": [{"by": ["a"], "measure": "rows", "at-least": 6}]},
        [("groups", "compatible")],
    ),
    (
        {"counts": [{"of": "missing", "columns": ["a"], "at-most": 5}]},
        {"counts": [{"of": "missing", "columns": ["a"], "below": 5}]},
        [("counts", "compatible")],
    ),
    (
        {"counts": [{"of": "missing", "columns": ["a"], "below": 5}]},
        {"counts": [{"of": "missing", "columns": ["a"], "at-most": 5}]},
        [("counts", "breaking")],
    ),
    (
        {"counts": [{"of": "missing", "columns": ["a"], "other-than": 5}]},
        {"counts": [{"of": "missing", "columns": ["a"], "at-most": 4}]},
        [("counts", "compatible")],
    ),
]


@pytest.mark.parametrize(("old", "new", "found"), TABLE)
def test_of_the_table(old: dict[str, Any], new: dict[str, Any], found: list[tuple[str, str]]) -> None:
    columns = {"columns": {"a": {"type": "integer"}, "b": {}}}
    assert changes(columns | old, columns | new) == found


def test_of_freshness() -> None:
    def contract(hours: float | None) -> dict[str, Any]:
        fresh = {} if hours is None else {"freshness": {"column": "t", "at-most-hours": hours}}
        return {"columns": {"t": {"type": "date"}}, **fresh}

    assert changes(contract(5), contract(4)) == [("freshness", "compatible")]
    assert changes(contract(5), contract(6)) == [("freshness", "breaking")]
    assert changes(contract(5), contract(None)) == [("freshness", "breaking")]
    assert changes(contract(None), contract(5)) == [("freshness", "compatible")]


@settings(max_examples=40, deadline=None)
@given(value=contracts(), other=contracts())
def test_a_contract_is_the_same_as_itself_and_what_is_not_the_same_is_told(
    value: dict[str, Any], other: dict[str, Any]
) -> None:
    one, two = contract_of(Document("c", value)), contract_of(Document("c", other))
    assert contract_changes(one, one) == ()
    assert worst(contract_changes(one, two)) in ("same", "compatible", "breaking")


CELLS = ["1", "2", "5", "-1", "2.5", "x", "NA", "2026-01-01", "true"]
LIMITS = st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(["integer", "number", "string"]),
    "nullable": st.booleans(),
    "range": st.sampled_from([[0, 2], [None, 5], [1, 2], [-1, None]]),
    "allowed": st.sampled_from([[1], [1, 2], [1, 2, 5]]),
    "unique": st.booleans(),
}).filter(lambda column: column.get("type") in ("integer", "number") or not {"range", "allowed"} & set(column))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(old=LIMITS, new=LIMITS, cells=st.lists(st.sampled_from(CELLS), min_size=1, max_size=4))
def test_data_that_keeps_a_compatible_change_keeps_the_earlier_contract(
    old: dict[str, Any], new: dict[str, Any], cells: list[str], tmp_path_factory: Any
) -> None:
    one, two = (contract_of(Document("c", {"columns": {"a": column, "b": {}}})) for column in (old, new))
    if worst(contract_changes(one, two)) == "breaking":
        return
    path: Path = tmp_path_factory.mktemp("rows") / "rows.csv"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *([cell, "1"] for cell in cells)])
    path.write_text(text.getvalue())
    now = datetime(2026, 11, 21, tzinfo=UTC)
    if validate(two, path, now).outcome == "pass":
        assert validate(one, path, now).outcome == "pass"
