"""The plain schema.json that teams have is read for what pandas would have meant by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelway.data import load_contract

PLAIN = {
    "columns": ["id", "price", "name", "seen", "flag", "note"],
    "dtypes": {"id": "int64", "price": "float64", "name": "object", "seen": "datetime64[ns, UTC]", "flag": "boolean"},
    "max_null_percentage": {"price": 25},
}


def written(tmp_path: Path, schema: object, indent: int | str | None = 2) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema, indent=indent))
    return path


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_dtypes_become_types(tmp_path: Path, indent: int | str | None) -> None:
    columns = load_contract(written(tmp_path, PLAIN, indent)).columns
    assert {name: column.type for name, column in columns.items()} == {
        "id": "integer",
        "price": "number",
        "name": "string",
        "seen": "timestamp",
        "flag": "boolean",
        "note": None,
    }
    assert {name for name, column in columns.items() if not column.nullable} == {"id"}
    assert columns["price"].max_null_percent == 25
    assert columns["name"].max_null_percent is None


def test_it_judges_data(judge: Any, tmp_path: Path) -> None:
    rows = "id,price,name,seen,flag,note\n1,2.5,a,2026-11-21T08:00:00Z,true,x\n2,,b,2026-11-21,False,y\n"
    judged = judge(json.dumps(PLAIN), rows, name="schema.json")
    assert judged.failing == ["price nulls"]
    assert judged["price nulls"].value == 50
    assert judged["id has no nulls"].outcome == "pass"


def test_one_percentage_for_every_column(tmp_path: Path) -> None:
    """A column whose dtype cannot hold a missing value is still not nullable."""
    schema = {"columns": ["a", "b"], "dtypes": {"a": "int32"}, "max_null_percentage": 5}
    columns = load_contract(written(tmp_path, schema)).columns
    assert (columns["a"].nullable, columns["a"].max_null_percent) == (False, None)
    assert (columns["b"].nullable, columns["b"].max_null_percent) == (True, 5)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"columns": ["a"], "dtypes": {"a": "flaot64"}}, "schema.json:6: dtypes.a: unknown dtype 'flaot64'. Fix: did you"),
        ({"columns": ["abc"], "dtypes": {"abd": "int64"}}, "under columns. Fix: did you mean 'abc'?"),
        ({"columns": ["a"], "max_null_percentage": {"b": 1}}, "max_null_percentage.b: the column 'b' is not listed"),
        ({"columns": ["a"], "max_null_percentage": 101}, "max_null_percentage: is a whole number (101), not a number"),
        ({"columns": ["a"], "max_null_percentage": {"a": "x"}}, "max_null_percentage.a: is text ('x'), not a number"),
        ({"columns": ["a"], "max_null_percentage": True}, "max_null_percentage: is true/false (True), not a number"),
        ({"columns": ["a", "a"]}, "columns[1]: the column 'a' is listed twice"),
        ({"columns": []}, "asks for nothing"),
        ({"columns": ["a"], "dtype": {}}, "unknown key 'dtype'. Fix: did you mean 'dtypes'?"),
        ({"dtypes": {"a": "int64"}}, "the key 'columns' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(schema: object, told: str, tmp_path: Path, refusal: Any) -> None:
    line = refusal(lambda: load_contract(written(tmp_path, schema), "schema.json"))
    assert line.startswith("2: schema.json")
    assert told in line


def test_json_s_own_escapes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"columns": ["a\\/b", "\\ud83d\\ude00"]}')
    assert set(load_contract(path).columns) == {"a/b", "\N{GRINNING FACE}"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"columns": ["a"],\n "columns": ["b"]}', "2: schema.json: the key 'columns' is given twice"),
        ('{"columns": ["a"\n', "2: schema.json:2: is not JSON: "),
        ('{"columns": ["a"], "max_null_percentage": NaN}', "2: schema.json: NaN is not JSON"),
        ("[" * 100_000, "2: schema.json: is not JSON"),
        ('{"columns": ["a"], "max_null_percentage": ' + "9" * 5000 + "}", "2: schema.json: is not JSON"),
        ("", "2: schema.json:1: is not JSON"),
    ],
)
def test_what_is_not_json_is_told(text: str, told: str, tmp_path: Path, refusal: Any) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    assert refusal(lambda: load_contract(path, "schema.json")).startswith(told)


def test_lines_are_known_whatever_the_file_is_indented_with(tmp_path: Path, refusal: Any) -> None:
    schema = {"columns": ["a"], "dtypes": {"a": "x"}}
    for indent in (1, 8, "\t"):
        line = refusal(lambda indent=indent: load_contract(written(tmp_path, schema, indent), "schema.json"))
        assert line.startswith("2: schema.json:6: dtypes.a: unknown dtype 'x'")
