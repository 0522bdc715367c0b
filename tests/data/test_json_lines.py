"""JSON lines are a table: what each key holds, and what is no table in one line with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from modelway.data.contract import Contract
from modelway.data.rows import open_rows
from modelway.data.sources import digest_of_data


def read(path: Path, name: str = "rows") -> dict[str, list[Any]]:
    with open_rows(path, name, Contract()) as rows:
        return rows.lists({column: rows.as_stored(column) for column in rows.names})


def test_every_key_is_a_column_and_what_is_absent_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"b": "x", "a": 1}\n\n{"a": null, "A": true, "c/~": 1.5}\r\n')
    assert read(path) == {"b": ["x", None], "a": [1, None], "A": [None, True], "c/~": [None, 1.5]}


def test_a_list_a_mark_and_gzip_are_read_alike(tmp_path: Path) -> None:
    lines = '{"a": 1}\n{"a": 2}\n'
    (tmp_path / "1.json").write_text('[{"a": 1},\n {"a": 2}]')
    (tmp_path / "2.ndjson").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    (tmp_path / "3.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    assert [read(path) for path in sorted(tmp_path.iterdir())] == [{"a": [1, 2]}] * 3


def test_kinds_are_those_of_the_values(judge: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1, "t": "1", "m": 1, "o": {"q": 1}}\n{"n": 2.0, "t": "y", "m": "y", "o": null}\n')
    report = judge("columns: {n: {type: integer}, t: {type: integer}, m: {type: string}, o: {type: string}}", path)
    found = {check.name: (check.outcome, check.n, check.value) for check in report.report.checks[2:]}
    assert found["n is a whole number"] == ("pass", 2, 0)
    assert found["t is a whole number"] == ("fail", 2, 1)
    assert report.failing == ["t is a whole number", "m is text", "o is text"]


def test_no_digit_is_lost(judge: Any, tmp_path: Path) -> None:
    """Beyond 64 bits a number would be rounded, and two ids would be one."""
    path = tmp_path / "rows.jsonl"
    ids = [12345678901234567890123, 12345678901234567890124, 10**60, 10**60 + 1]
    path.write_text("".join(f'{{"id": {number}}}\n' for number in ids))
    assert judge("unique: [[id]]", path).failing == []
    path.write_text("".join(f'{{"id": {number}}}\n' for number in [*ids, ids[-1]]))
    assert judge("unique: [[id]]", path)["id unique"].value == 1


def test_infinity_and_nan_are_no_numbers_within_a_range(judge: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1.5}\n{"a": NaN}\n{"a": 1e400}\n{"a": -Infinity}\n')
    report = judge("columns: {a: {type: number, nullable: false}}", path)
    assert (report["a has no nulls"].value, report["a is a number"].value) == (1, 2)


def test_examples_name_row_and_file(judge: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "1.jsonl").write_text('{"a": 1}\n')
    (folder / "2.jsonl").write_text('{"a": 2}\n{"a": 30}\n')
    (folder / "about.json").write_text('{"licence": "open"}')  # a folder's .json is about its data
    [example] = judge("columns: {a: {type: integer, range: [0, 9]}}", folder)["a in range"].examples
    assert (example.value, example.row, example.file) == ("30", 2, "2.jsonl")


def test_pictures_beside_lines_that_tell_of_them_are_data_too(tmp_path: Path) -> None:
    """As in a folder of images with a metadata.jsonl: the digest is of what a model is trained on."""
    (tmp_path / "metadata.jsonl").write_text('{"file": "1.png"}\n')
    (tmp_path / "readme.md").write_text("x")
    alone = digest_of_data(tmp_path)
    (tmp_path / "readme.md").write_text("y")
    assert digest_of_data(tmp_path) == alone
    (tmp_path / "1.png").write_bytes(b"a")
    first = digest_of_data(tmp_path)
    (tmp_path / "1.png").write_bytes(b"b")
    assert len({alone, first, digest_of_data(tmp_path)}) == 3


VALUES = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text()
KEYS = some.text(min_size=1, max_size=5)


@given(rows=some.lists(some.dictionaries(KEYS, VALUES, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_python_writes_is_read_back(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Each value, where its column is of one kind; of several kinds the text of it."""
    path = tmp_path / "rows.jsonl"
    try:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        json.dumps(rows, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # half a character is refused; see above
    found = read(path)
    assert list(found) == list(dict.fromkeys(key for row in rows for key in row))
    for key, values in found.items():
        asked = [row.get(key) for row in rows]
        kinds = {type(value) for value in asked if value is not None}
        if len(kinds) == 1 and kinds <= {bool, str, float}:
            assert values == asked
        if kinds == {int} and all(value is None or abs(value) < 1 << 126 for value in asked):
            assert values == asked
        assert [value is None for value in values] == [value is None for value in asked]


def test_many_keys_are_read_in_little_memory(judge: Any, tmp_path: Path) -> None:
    """600 columns, more than are written down at once; a key that only some objects have is missing in the others."""
    rows = [{f"k{at}": at for at in range(600)} | ({"late": row} if row % 2 else {}) for row in range(300)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held = "{k599: {type: integer, range: [0, 9]}, late: {type: integer, nullable: false}}"
    found = judge(f"columns: {held}\nunique: [[k1]]\n", tmp_path / "rows.jsonl")
    assert {name: found[name].value for name in found.failing} == {
        "k599 in range": 300,
        "late has no nulls": 150,
        "k1 unique": 299,
    }


def test_many_keys_of_every_kind_are_read_as_few_are(tmp_path: Path) -> None:
    """Of more keys than are written down at once, in files of several parts: the same values, and every digit."""
    big = 2**100 + 1
    kinds = [big, 2**64 - 1, -(2**63), 1.5, "007", True, None, 10**60 + 1, [1], 2**63]
    few = [{f"k{at}": value for at, value in enumerate(kinds)}, {"k0": None, "k3": 2}, {"k1": 1}]
    many = [
        row | {f"x{at}": at for at in range(1000)} | {f"y{key}": value for key, value in row.items()} for row in few
    ]
    for name, rows in (("few", few), ("many", many)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected, found = read(tmp_path / "few.jsonl"), read(tmp_path / "many.jsonl")
    assert {key: found[key] for key in expected} == expected
    assert {key: found[f"y{key}"] for key in expected} == expected
    assert found["x999"] == [999] * 3
    assert expected["k0"] == [big, None, None] and expected["k7"][0] == str(10**60 + 1) and expected["k9"][0] == 2**63


def test_rows_of_many_keys_are_named_by_file_and_number(judge: Any, tmp_path: Path) -> None:
    """Also in folders that are a column, and of what compares rows."""
    folder = tmp_path / "data"
    for at, values in enumerate(([1, 2], [3, 99, 2])):
        (folder / f"part={at}").mkdir(parents=True)
        rows = ({"a": value} | {f"x{key}": key for key in range(900)} for value in values)
        (folder / f"part={at}" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = "columns: {a: {type: integer, range: [0, 9]}, part: {allowed: ['0'], type: string}}"
    contract = f"increasing: [{{column: a}}]\nunique: [[a]]\n{asked}"
    report = judge(contract, folder)
    shown = {
        check.name: [(seen.value, seen.file, seen.row) for seen in check.examples] for check in report.report.checks
    }
    assert shown["a in range"] == [("99", "part=1/rows.jsonl", 2)]
    assert [place[1:] for place in shown["a increasing"]] == [("part=1/rows.jsonl", 3)]
    assert report["a unique"].value == 1 and report["part among allowed"].value == 3
