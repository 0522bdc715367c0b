"""What is sent when: values keep their types, and wrong files are said in one line."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from modelway.errors import InvalidInput
from modelway.observe import load
from modelway.observe.load_rows import rows_of

CSV = 'n,x,code,text,empty\n1,0.5,007,"a, ""b""\nc",\n2,,9E,é,\n'


def write(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_csv_keeps_what_is_text_and_what_is_a_number(tmp_path: Path) -> None:
    """A carrier's 9E and a code of 007 are no numbers; an empty value is null in both."""
    first, second = rows_of(write(tmp_path, "\ufeff" + CSV))
    assert first == {"n": 1, "x": 0.5, "code": "007", "text": 'a, "b"\nc', "empty": None}
    assert second == {"n": 2, "x": None, "code": "9E", "text": "é", "empty": None}


def test_booleans_as_pandas_writes_them(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path, "a,b,c,d\nTrue,true,True,\nFalse,,true,\n"))
    assert rows == [{"a": True, "b": True, "c": "True", "d": None}, {"a": False, "b": None, "c": "true", "d": None}]


def test_bodies_are_those_of_predict_with_the_columns_in_their_order(tmp_path: Path) -> None:
    bodies = load.bodies_of(write(tmp_path, CSV), ["x", "n"])
    assert [json.loads(body) for body in bodies] == [{"rows": [{"x": 0.5, "n": 1}]}, {"rows": [{"x": None, "n": 2}]}]
    lines = write(tmp_path, '{"a": 1, "b": [2]}\n\n{"a": null, "b": "x"}\n', "rows.jsonl")
    assert [json.loads(body) for body in load.bodies_of(lines, ["b"])] == [
        {"rows": [{"b": [2]}]},
        {"rows": [{"b": "x"}]},
    ]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("a,b\n1\n", "r.csv", "row 1 has 1 values, and the header 2"),
        ("a,b\n", "r.csv", "has no rows"),
        ("", "r.csv", "no rows"),
        ('a\n"x', "r.csv", "is no CSV"),
        ("a\n1\n", "r.csv", "has no column 'b'"),
        ('{"b": 1}\n{"b": NaN}\n', "r.jsonl", "line 2: is not a JSON object"),
        ('[{"b": 1}]\n', "r.json", "line 1: is not a JSON object"),
        ('{"a": 1}\n', "r.ndjson", "has no column 'b'"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, text: str, name: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rows_of(write(tmp_path, text, name), ["b"] if "column" in said or "b" in text.partition("\n")[0] else None)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        rows_of(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9\n")
    with pytest.raises(InvalidInput, match="is not UTF-8: byte 2"):
        rows_of(tmp_path / "latin.csv")


def test_arrivals_repeat_and_have_their_rate() -> None:
    times = list(load.arrivals(1000, 20, seed=4))
    assert times == list(load.arrivals(1000, 20, seed=4)) != list(load.arrivals(1000, 20, seed=5))
    assert times == sorted(times)
    assert 0 < times[0] <= times[-1] < 20
    assert abs(len(times) - 20_000) < 5 * 20_000**0.5


def test_bodies_come_round_again() -> None:
    found = list(load.requests_of([b"1", b"2"], [0.0, 0.1, 0.2]))
    assert [request.body for request in found] == [b"1", b"2", b"1"]
    assert next(iter(load.requests_of([b"1"], itertools.count()))).at == 0
