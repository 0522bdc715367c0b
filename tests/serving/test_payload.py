"""Whatever bytes arrive become rows, or a refusal that names the field: never another error, never another value."""

from __future__ import annotations

import json
import math
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.serving import columns, payload
from modelway.serving.batching import BatchedRequest, take
from modelway.serving.columns import SignatureColumn
from modelway.serving.messages import Refusal

COLUMNS = tuple(SignatureColumn(kind, kind, kind != "boolean") for kind in columns.CASTS)
VALUES = {
    "boolean": st.booleans() | st.none(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False) | st.none() | st.integers(-1000, 1000),
    "double": st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.integers(-1000, 1000),
    "string": st.text() | st.none(),
    "datetime": st.sampled_from(["2026-11-21", "2026-11-21T08:00:00.123"]) | st.none(),
    "binary": st.sampled_from(["", "aGk="]) | st.none(),
}
ROWS = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=4)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*columns.CASTS, "rows", "?"]), inner),
    max_leaves=12,
)


def read(body: bytes) -> columns.CheckedRows:
    return columns.check(payload.table(payload.predict_rows(payload.document(body), 10_000)), COLUMNS, strict=True)


def read_mlflow(body: bytes) -> columns.CheckedRows:
    asked = payload.document(body)
    return columns.check(payload.invocations_table(asked, payload.chosen_format(asked), 10_000), COLUMNS, strict=False)


def refused(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(body)
    return caught.value


@given(st.binary() | st.text().map(str.encode) | ANY.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_rows_or_a_refusal(body: bytes) -> None:
    for reader in (read, read_mlflow):
        try:
            reader(body)
        except Refusal as refusal:
            assert 400 <= refusal.status < 500
            answer = refusal.answer()
            assert b"\n" not in answer.body and json.loads(answer.body)["error"]


@given(st.dictionaries(st.sampled_from(payload.FORMATS), ANY, min_size=1, max_size=1))
def test_any_value_in_mlflows_formats_is_rows_or_a_refusal(asked: dict[str, Any]) -> None:
    try:
        read_mlflow(json.dumps(asked).encode())
    except Refusal as refusal:
        assert refusal.status == 400


@given(ROWS)
def test_every_format_says_the_same(rows: list[dict[str, Any]]) -> None:
    by_column = {name: [row[name] for row in rows] for name in VALUES}
    split = {
        "columns": list(VALUES),
        "data": [[row[name] for name in VALUES] for row in rows],
        "index": list(range(len(rows))),
    }
    asked = read(json.dumps({"rows": rows}).encode())
    for body in ({"dataframe_records": rows}, {"instances": rows}, {"inputs": by_column}, {"dataframe_split": split}):
        assert read_mlflow(json.dumps(body).encode()) == asked
    for row, name in ((row, name) for row in range(len(rows)) for name in ("integer", "long", "double", "string")):
        value = asked.values[list(VALUES).index(name)][row]
        assert value == rows[row][name] and (
            value is None or type(value) is {"double": float, "string": str}.get(name, int)
        )


@given(ROWS)
def test_rows_together_are_the_rows_one_by_one(rows: list[dict[str, Any]]) -> None:
    alone = [read(json.dumps(row).encode()) for row in rows]
    assert columns.together(alone).values == read(json.dumps({"rows": rows}).encode()).values


GOOD = {
    "boolean": True,
    "integer": 1,
    "long": 1,
    "float": 1.0,
    "double": 1.0,
    "string": "a",
    "datetime": None,
    "binary": None,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boolean", 1),
        ("boolean", "true"),
        ("integer", 2**31),
        ("integer", True),
        ("integer", 1.5),
        ("integer", None),
        ("long", -(2**63) - 1),
        ("long", "1"),
        ("long", 1e300),
        ("float", 1e39),
        ("double", "1"),
        ("double", True),
        ("double", 10**400),
        ("double", [1.0]),
        ("string", 1),
        ("string", "\ud800"),
        ("datetime", "2026-11-21T08:00:00Z"),
        ("datetime", "yesterday"),
        ("datetime", "0001-01-01"),
        ("datetime", 5),
        ("binary", "no base64!"),
    ],
)
def test_a_value_of_another_type_names_its_field(field: str, value: Any) -> None:
    refusal = refused(json.dumps({"rows": [GOOD, GOOD | {field: value}]}).encode())
    assert (refusal.status, refusal.field) == (400, field) and "row 1" in refusal.error


def test_a_number_beyond_the_largest_is_no_infinity() -> None:
    body = json.dumps(GOOD).replace('"double": 1.0', '"double": 1e999').encode()
    assert refused(body).field == "double"


@pytest.mark.parametrize(
    ("body", "says", "field"),
    [
        (b"", "not JSON", ""),
        (b"\xff", "not UTF-8", ""),
        (b'{"double": NaN}', "NaN is not JSON", ""),
        (b'{"double": -Infinity}', "-Infinity is not JSON", ""),
        (b'{"double": 1, "double": 2}', "twice", "double"),
        (b"[" * 100_000, "nested too deep", ""),
        (b"1" * 10_000, "too long", ""),
        (b"[]", "rows", ""),
        (b'{"rows": [1]}', "rows[0]", "rows"),
        (b'{"rows": [], "more": 1}', "more", "more"),
    ],
)
def test_a_body_that_is_no_rows_says_why(body: bytes, says: str, field: str) -> None:
    refusal = refused(body)
    assert says in refusal.error and refusal.field == field


def test_missing_and_unknown_columns_are_named() -> None:
    less = {name: value for name, value in GOOD.items() if name != "long"}
    assert refused(json.dumps(less).encode()).field == "long"
    some = refused(json.dumps({"rows": [GOOD, less]}).encode())
    assert some.field == "long" and "row 1" in some.error
    assert refused(json.dumps(GOOD | {"?": 1}).encode()).field == "?"
    assert refused(json.dumps({"rows": [GOOD, GOOD | {"?": 1}]}).encode()).field == "?"
    assert read_mlflow(json.dumps({"instances": [GOOD | {"?": 1}]}).encode()) == read(json.dumps(GOOD).encode())


def test_an_optional_column_may_be_missing_and_is_then_another_shape() -> None:
    less = {name: value for name, value in GOOD.items() if name != "boolean"}
    without, whole = read(json.dumps(less).encode()), read(json.dumps(GOOD).encode())
    null = read(json.dumps(GOOD | {"boolean": None}).encode())
    assert len({without.shape, whole.shape, null.shape}) == 3 and len(without.columns) == len(COLUMNS) - 1


@pytest.mark.parametrize(
    "inputs",
    [
        [{"type": "double"}],
        [{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}],
        [{"name": "x", "type": "array", "items": {"type": "double"}}],
        [{"name": "x", "type": "double"}, {"name": "x", "type": "double"}],
        [],
    ],
)
def test_another_signature_is_left_to_mlflow(inputs: list[dict[str, Any]]) -> None:
    assert columns.read_signature(inputs) is None


def test_null_in_a_number_is_missing_and_nothing_else() -> None:
    assert read(json.dumps(GOOD | {"double": None, "float": None}).encode()).values[4] == [None]
    assert math.isfinite(read(json.dumps(GOOD).encode()).values[4][0])


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["a", "b", None])), max_size=12), st.integers(1, 20))
def test_every_job_is_taken_once_and_only_with_its_like(asked: list[tuple[int, str | None]], most: int) -> None:
    jobs = [BatchedRequest(number, rows, shape, lambda *_: None) for number, (rows, shape) in enumerate(asked)]
    held, taken = deque(jobs), []
    while held:
        longest_waiting = held[0]
        batch = take(held, most)
        assert batch[0] is longest_waiting
        assert len({job.shape for job in batch}) == 1
        assert len(batch) == 1 or (sum(job.rows for job in batch) <= most and batch[0].shape is not None)
        taken += batch
    assert sorted(job.data for job in taken) == list(range(len(jobs)))
