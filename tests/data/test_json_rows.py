"""Rows as JSON: values keep their types, and wrong files are said in one line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelway.data.contract import Column, Contract
from modelway.data.json_rows import rows_of
from modelway.errors import InvalidInput

CSV = 'n,x,code,text,empty,flag\n1,0.5,007,"a, ""b""\nc",,True\n2,,9E,é,,false\n'


def write(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read(path: Path, columns: list[str] | None = None, **contract: Any) -> list[dict[str, Any]]:
    return rows_of(path, path.name, Contract(**contract), columns)


def test_a_csv_keeps_what_is_text_and_what_is_a_number(tmp_path: Path) -> None:
    """A carrier's 9E and a code of 007 are no numbers; an empty value is null in both; pandas writes True and False."""
    first, second = read(write(tmp_path, "\ufeff" + CSV))
    assert first == {"n": 1, "x": 0.5, "code": "007", "text": 'a, "b"\nc', "empty": None, "flag": True}
    assert second == {"n": 2, "x": None, "code": "9E", "text": "é", "empty": None, "flag": False}
    assert type(first["n"]) is int


def test_columns_are_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    rows = read(write(tmp_path, CSV), ["x", "n"])
    assert [json.dumps(row) for row in rows] == ['{"x": 0.5, "n": 1}', '{"x": null, "n": 2}']
    lines = write(tmp_path, '{"a": 1, "b": [2]}\n\n{"a": null, "b": "x"}\n', "rows.jsonl")
    assert read(lines, ["b"]) == [{"b": [2]}, {"b": "x"}]


def test_the_contract_s_types_and_nulls_count(tmp_path: Path) -> None:
    columns = {"zip": Column(type="string"), "n": Column(type="integer"), "x": Column(type="number")}
    path = write(tmp_path, "zip;n;x;country\n10115;007;1;NA\n;2.0;-;DE\n")
    assert read(path, columns=None, delimiter=";", null_values=("", "-")) == [
        {"zip": 10115, "n": "007", "x": 1, "country": "NA"},
        {"zip": None, "n": "2.0", "x": None, "country": "DE"},
    ]
    rows = rows_of(path, "rows.csv", Contract(delimiter=";", null_values=("", "-"), columns=columns))
    assert rows == [
        {"zip": "10115", "n": 7, "x": 1.0, "country": "NA"},
        {"zip": None, "n": 2, "x": None, "country": "DE"},
    ]
    with pytest.raises(InvalidInput, match=r"rows.csv:3: 'x' in column 'n' is no integer, which the contract asks for"):
        rows_of(write(tmp_path, "n\n1\nx\n"), "rows.csv", Contract(columns={"n": Column(type="integer")}))


def test_parquet_is_sent_as_it_is_stored(tmp_path: Path, parquet: Any) -> None:
    path = parquet(
        "SELECT 1 AS n, 1.5::DECIMAL(9, 2) AS d, 'NA' AS s, TIMESTAMP '2026-01-02 03:04:05' AS t, DATE '2026-01-02' AS day,"
        " TIMESTAMPTZ '2026-01-02 03:04:05+02' AS z, 'nan'::DOUBLE AS gone, true AS b, [1, 2] AS l"
    )
    assert read(path) == [
        {
            "n": 1,
            "d": 1.5,
            "s": "NA",
            "t": "2026-01-02T03:04:05",
            "day": "2026-01-02",
            "z": "2026-01-02T01:04:05Z",
            "gone": None,
            "b": True,
            "l": [1, 2],
        }
    ]
    with pytest.raises(InvalidInput, match="column 'x' holds an infinite number, which JSON cannot"):
        read(parquet("SELECT 'inf'::DOUBLE AS x"))


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("a,b\n1\n", "r.csv", "r.csv:2: the first row has 1 cell, the header 2"),
        ("a,b\n1,2\n1\n", "r.csv", "line 3 has 1 cell, the header 2"),
        ("a,b\n", "r.csv", "has no rows"),
        ("", "r.csv", "is empty"),
        ('a\n"x', "r.csv", "line 2 opens a quote that is never closed"),
        ("a\n1\n", "r.csv", "has no column 'b'"),
        (
            "a;b\n1;2\n",
            "r.csv",
            "r.csv:1: has one column, 'a;b', and its cells seem to be parted by ';'. Fix: say `delimiter: ",
        ),
        ('{"b": 1}\n{"b": NaN}\n', "r.jsonl", "r.jsonl:2: holds NaN, which JSON cannot"),
        ('[{"a": 1}]\n', "r.json", "r.json:1: has no column 'b'"),
        ('[{"b": 1}, 2]\n', "r.json", "r.json:1: has no object as item 2 of its list"),
        ("[" * 100_000 + "\n", "r.json", "r.json:1: is nested too deeply"),
        ('{"a": 1}\n', "r.ndjson", "r.ndjson:1: has no column 'b'"),
        ("", "r.jsonl", "is empty"),
        ("\n", "r.jsonl", "has no rows"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, text: str, name: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(write(tmp_path, text, name), ["b"])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name in ("none.csv", "none.jsonl"):
        with pytest.raises(InvalidInput, match=f"{name}: .*[nN]o such file"):
            read(tmp_path / name)
    for name in ("latin.csv", "latin.jsonl"):
        (tmp_path / name).write_bytes(b"{}\n\xe9\n")
        with pytest.raises(InvalidInput, match=f"{name}:2: is not UTF-8"):
            read(tmp_path / name)


def test_the_endpoint_s_own_environment_is_enough(tmp_path: Path, parquet: Any, root: Path) -> None:
    """It has DuckDB, and neither numpy nor pytz."""
    write(tmp_path, CSV)
    parquet("SELECT TIMESTAMPTZ '2026-01-02 03:04:05+02' AS z, TIMESTAMP '2026-01-02' AS t, 1.5::DECIMAL(9, 2) AS d")
    code = f"import sys; sys.path.insert(0, {str(root / 'scripts')!r}); from pathlib import Path\n"
    code += "from modelway.data.contract import Contract\nfrom modelway.data.json_rows import rows_of\n"
    code += "for name in sys.argv[1:]: print(len(rows_of(Path(name), name, Contract())))"
    command = [root / "scripts" / "run", "--in", "data", "python", "-I", "-c", code, "rows.csv", "rows.parquet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-2:] == ["2", "1"], done.stderr  # before them: what is installed on first use
