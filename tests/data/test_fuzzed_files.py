"""Whatever the bytes of a file are: what is read is what an independent reader finds, or it is one line with exit code 2.
Never a traceback, a hang, or the end of the process."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from data.contracts import contracts
from data.reading_apart import ReaderApart
from modelway.data.dialect import NULL_VALUES
from sampled import QUICK

MANY = 40 if QUICK else 400
FUZZ = settings(
    max_examples=MANY, deadline=None, derandomize=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderApart]:
    apart = ReaderApart()
    yield apart
    apart.close()


@st.composite
def damaged(draw: Any, sound: bytes, most: int = 4) -> bytes:
    """Some bytes changed, left out, put in, repeated, or cut off at the end."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([1, 1, 2, 4, 8, 64]))
        match draw(st.sampled_from("xxxdirc")):
            case "x":
                new = draw(
                    st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b'"'])
                )
                data[at : at + len(new)] = new
            case "d":
                del data[at : at + length]
            case "i":
                data[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "r":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 20))
            case "c":
                del data[at:]
    return bytes(data)


CELLS = st.sampled_from(["", "1", "a", "NA", "x y", "é", 'q"q', "l\nl", "a,b", "l\r\nl"]) | st.text(max_size=5)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@st.composite
def csv_bytes(draw: Any) -> bytes:
    kind = draw(st.sampled_from(["any", "signs", "sound", "damaged"]))
    if kind == "any":
        return bytes(draw(st.binary(max_size=60)))
    if kind == "signs":
        return "".join(
            draw(st.lists(st.sampled_from(list('aab,,""\n\n\r1é ') + ["\r\n", "\ufeff", "\0"]), max_size=40))
        ).encode()
    text = io.StringIO(newline="")
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    csv.writer(text, quoting=quoting, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))).writerows(draw(TABLES))
    sound = text.getvalue().encode(errors="replace")
    return sound if kind == "sound" else draw(damaged(sound))


def plain_csv(data: bytes) -> tuple[list[str], list[list[str]]] | None:
    """As Python's csv reads it; None where it is no table by the words of docs/data-contracts.md."""
    try:
        text = data.decode("utf-8-sig")
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    header, rows = (records[0], [row for row in records[1:] if row]) if records else ([], [])
    if not header or len(set(header)) < len(header) or any("\n" in name or "\r" in name for name in header):
        return None
    if "\0" in text or any(len(row) != len(header) for row in rows):
        return None
    return header, rows


def may_be_refused(data: bytes) -> bool:
    """What Python reads and we refuse on purpose: several kinds of line ends, and what begins as Parquet does."""
    return data.startswith(b"PAR1") or len(set(re.findall(rb"\r\n|\n|\r", re.sub(rb'"[^"]*"', b"", data)))) > 1


def has_a_quote_after_blanks(header: list[str]) -> bool:
    """In a name: DuckDB takes it for the beginning of a cell, and so it is refused where it does not end one."""
    return any(re.match(' +"', name) for name in header)


def is_parted_by_another_sign(data: bytes) -> bool:
    """Whether it gives all whole lines the same number of cells, more than one: a single column is refused then."""
    text = data.decode("utf-8-sig")
    lines = text[: text.rfind("\n") + 1]
    records = (csv.reader(io.StringIO(lines, newline=""), delimiter=sign) for sign in ";\t|")
    widths = ({len(row) for row in rows if row} for rows in records)
    return any(len(found) == 1 and found != {1} for found in widths)


@FUZZ
@given(data=csv_bytes())
@example(data=b"a,b\n1,2\n")
@example(data=b'a,b\n1,"2\n')
@example(data=b"\xef\xbb\xbfa,b\r\n1,\r\n")
@example(data=b"\t\n")
@example(data=b' "\r\na')
def test_csv_is_what_python_reads(data: bytes, reader: ReaderApart, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    found, plain = reader.read("rows", path), plain_csv(data)
    if "code" in found:
        assert found["code"] == 2 and found["line"].startswith("rows.csv") and ". Fix: " in found["line"]
        alone = plain is not None and len(plain[0]) == 1
        on_purpose = may_be_refused(data) or (alone and is_parted_by_another_sign(data))
        assert plain is None or on_purpose or has_a_quote_after_blanks(plain[0]), found
        return
    assert plain is not None, found
    header, rows = plain
    assume(not may_be_refused(data))  # DuckDB takes the last line of "a\r\n\r " for a missing value
    expected = [[None if row[at] in NULL_VALUES else row[at] for row in rows] for at in range(len(header))]
    assert (found["names"], found["values"]) == (header, expected)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(width=32)
    | st.text(max_size=6)
    | st.sampled_from([2**63, 2**127, "é"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
)
OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "A", "b c", "", "/~"]), VALUES, max_size=4), min_size=1, max_size=5
)


@st.composite
def json_bytes(draw: Any) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(["any", "signs", "sound", "damaged"]))
    name = draw(st.sampled_from(["rows.jsonl", "rows.json"]))
    if kind == "any":
        return name, draw(st.binary(max_size=60))
    if kind == "signs":
        return name, "".join(draw(st.lists(st.sampled_from([*'{}[]:,"1e-\\ \n', '"a"', "NaN"]), max_size=30))).encode()
    rows = draw(OBJECTS)
    ascii_only = draw(st.booleans())
    texts = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    text = f"[{', '.join(texts)}]" if name == "rows.json" else "\n".join(texts)
    sound = text.encode(errors="replace")
    return name, sound if kind == "sound" else draw(damaged(sound))


def plain_json(data: bytes) -> list[dict[str, Any]] | None:
    """As Python's json reads it; None where it is no table."""
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip(" \t\r\n").startswith("["):
            rows = json.loads(text, object_pairs_hook=_once)
        else:
            rows = [json.loads(line, object_pairs_hook=_once) for line in text.split("\n") if line.strip()]
        json.dumps(rows, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) and any(rows) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


@FUZZ
@given(named=json_bytes())
@example(named=("rows.jsonl", b'{"a": 1}\n{"b": "x"}'))
@example(named=("rows.jsonl", b'{"a": 1} {"a": 2}'))
@example(named=("rows.json", b'[{"a": 1},]'))
def test_json_is_what_python_reads(named: tuple[str, bytes], reader: ReaderApart, tmp_path: Path) -> None:
    name, data = named
    path = tmp_path / name
    path.write_bytes(data)
    found, plain = reader.read("rows", path), plain_json(data)
    if "code" in found:
        assert found["code"] == 2 and found["line"].startswith("rows.json") and ". Fix: " in found["line"]
        assert plain is None, found
        return
    assert plain is not None, found
    assert found["rows"] == len(plain)
    assert found["names"] == list(dict.fromkeys(key for row in plain for key in row))
    for key, values in zip(found["names"], found["values"], strict=True):
        _same(values, [row.get(key) for row in plain])


def _same(found: list[Any], plain: list[Any]) -> None:
    kinds = {type(value) for value in plain if value is not None}
    if kinds <= {str} or kinds == {bool} or (kinds == {int} and all(abs(value or 0) < 2**127 for value in plain)):
        assert found == plain
    elif kinds <= {int, float}:
        assert [_number(value) for value in found] == [_number(value) for value in plain]
    else:
        assert [value is None for value in found] == [value is None for value in plain]


def _number(value: Any) -> Any:
    number = None if value is None else float(value)
    return None if number is None or number != number else number


PARQUET = {
    "plain": "SELECT range AS a, (range * 7919)::VARCHAR AS b, range / 7 AS c FROM range(300)",
    "kinds": (
        "SELECT range::HUGEINT AS h, DATE '2026-01-01' + range::INTEGER AS d, TIMESTAMP '2026-01-01' AS t, range % 2 = 0 AS f,"
        " if(range % 3 = 0, NULL, 'x' || range % 5) AS s, 1.25::DECIMAL(18, 3) AS m, uuid() AS u FROM range(100)"
    ),
    "nested": "SELECT [range, NULL] AS l, {'x': range, 'y': 'z'} AS o, MAP {'k': range} AS m FROM range(50)",
    "none": "SELECT 1 AS a, 'x' AS b LIMIT 0",
}


@pytest.fixture(scope="module")
def parquet_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder, found = tmp_path_factory.mktemp("parquet"), []
    for name, query in PARQUET.items():
        for codec in ("snappy", "zstd", "uncompressed"):
            path = folder / f"{name}-{codec}.parquet"
            duckdb.sql(query).write_parquet(str(path), compression=codec)
            found.append(path.read_bytes())
    return found


@FUZZ
@given(data=st.data())
def test_damaged_parquet_ends_nothing(
    data: Any, parquet_files: list[bytes], reader: ReaderApart, tmp_path: Path
) -> None:
    """Values may have changed unseen; but it is read, or it is one line."""
    path = tmp_path / "rows.parquet"
    sound = data.draw(st.sampled_from(parquet_files))
    if data.draw(st.booleans()):  # most of what can go wrong is in the footer
        begin = len(sound) - int.from_bytes(sound[-8:-4], "little") - 8
        path.write_bytes(sound[:begin] + data.draw(damaged(sound[begin:])))
    else:
        path.write_bytes(data.draw(damaged(sound)))
    found = reader.read("rows", path)
    if "code" in found:
        assert found["code"] in (2, 4) and ". Fix: " in found["line"], found
    else:
        assert {len(values) for values in found["values"]} <= {found["rows"]}


@st.composite
def contract_bytes(draw: Any) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(["any", "sound", "damaged", "damaged"]))
    name = draw(st.sampled_from(["contract.yml", "contract.json", "schema.json"]))
    if kind == "any":
        return name, draw(st.binary(max_size=80))
    made = draw(contracts())
    types = {column: asked.get("type") or "string" for column, asked in made["columns"].items()}
    forms = [
        made,
        {"columns": list(types), "dtypes": dict.fromkeys(types, "int64"), "max_null_percentage": 5},
        {"type": "object", "properties": {key: {"type": "string"} for key in types}, "required": list(types)},
        {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": "i",
            "version": "1",
            "status": "s",
            "schema": [
                {"name": "t", "properties": [{"name": key, "logicalType": kind} for key, kind in types.items()]}
            ],
        },
    ]
    sound = json.dumps(draw(st.sampled_from(forms)), ensure_ascii=draw(st.booleans())).encode()  # which is YAML, too
    return name, sound if kind == "sound" else draw(damaged(sound))


@FUZZ
@given(named=contract_bytes())
def test_a_contract_is_read_or_told(named: tuple[str, bytes], reader: ReaderApart, tmp_path: Path) -> None:
    name, data = named
    path = tmp_path / name
    path.write_bytes(data)
    found = reader.read("contract", path)
    assert "digest" in found or (
        found["code"] == 2 and found["line"].startswith(name) and ". Fix: " in found["line"]
    ), found


@pytest.fixture(scope="module")
def sketch_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    import detect_drift

    folder = tmp_path_factory.mktemp("sketch")
    (folder / "rows.csv").write_text(
        "a,b,day\n" + "".join(f"{at % 17},{'xyz'[at % 3]},{at % 5}\n" for at in range(400))
    )
    given = ["--reference", "rows.csv", "--current", "rows.csv", "--reference-sketch", "s.json"]
    assert detect_drift.main(["--working-directory", str(folder), *given, "--cluster", "day"]) in (0, 3)
    return (folder / "s.json").read_bytes()


@FUZZ
@given(data=st.data())
def test_a_sketch_is_read_or_told(data: Any, sketch_bytes: bytes, reader: ReaderApart, tmp_path: Path) -> None:
    path = tmp_path / "sketch.json"
    path.write_bytes(data.draw(damaged(sketch_bytes) | st.binary(max_size=40)))
    found = reader.read("sketch", path)
    assert "rows" in found or (found["code"] == 2 and found["line"].startswith("sketch.json: ")), found
