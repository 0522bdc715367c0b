"""The language of rules: what it reads, what it refuses, and that the engine works it out as plain Python does."""

from __future__ import annotations

import math
import operator
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.data import validate
from modelway.data.contract import Column, Contract
from modelway.data.expressions import (
    Arithmetic,
    ColumnRef,
    Combined,
    ComparedValues,
    Constant,
    IsNull,
    Negation,
    OneOf,
    RuleError,
    columns_in,
    parsed,
)
from modelway.data.values import ValueType

COLUMNS: dict[str, ValueType | None] = {
    "a": "number",
    "b": "integer",
    "s": "string",
    "d": "date",
    "t": "timestamp",
    "ok": "boolean",
    "any": None,
    "net price": "number",
    'q"x': "number",
    "größe": "integer",
}
A, B = ColumnRef("a", "number"), ColumnRef("b", "integer")


def test_multiplication_binds_before_addition_and_and_before_or() -> None:
    assert parsed("a = b + 2 * a", COLUMNS) == ComparedValues(
        "=", A, Arithmetic("+", B, Arithmetic("*", Constant(2, "integer"), A))
    )
    ok = ColumnRef("ok", "boolean")
    assert parsed("ok or not ok and a < 1", COLUMNS) == Combined(
        "or", (ok, Combined("and", (Negation(ok), ComparedValues("<", A, Constant(1, "integer")))))
    )
    assert parsed("a - b - 1 = 0", COLUMNS) == ComparedValues(
        "=", Arithmetic("-", Arithmetic("-", A, B), Constant(1, "integer")), Constant(0, "integer")
    )


def test_names_texts_and_words() -> None:
    assert parsed("s IN ('it''s', 'AND')", COLUMNS) == OneOf(
        ColumnRef("s", "string"), (Constant("it's", "string"), Constant("AND", "string"))
    )
    assert [ref.name for ref in columns_in(parsed('"net price" > "q""x" and größe <> 1', COLUMNS))] == [
        "net price",
        'q"x',
        "größe",
    ]
    assert parsed("any is not null", COLUMNS) == Negation(IsNull(ColumnRef("any", None)))
    moment = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert parsed("t < '2026-11-21T09:00+01:00'", COLUMNS) == ComparedValues(
        "<", ColumnRef("t", "timestamp"), Constant(moment, "timestamp")
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has the end at character 1"),
        ("a", "has a value where something true or false must stand"),
        ("a = ", "has the end at character 5"),
        ("a = 1 2", "has '2' at character 7"),
        ("a = 1; DROP TABLE data", "has ';' at character 6, which means nothing in a rule"),
        ("a < b < 1", "has '<' at character 7"),
        ("(a > 1", "has the end at character 7"),
        ("a = s", "compares a number with a string"),
        ("a = '1'", "compares a number with a string"),
        ("d < t", "compares a date with a timestamp"),
        ("t < 'soon'", "compares a timestamp with 'soon'"),
        ("ok < true", "uses < between true and false"),
        ("s + 1 = 2", "calculates with a string"),
        ("any = 1", "compares 'any', which has no type"),
        ("c = 1", "names 'c', which is not listed under columns"),
        ("a in (b)", "has something other than a value after `in`"),
        ("1 is null", "asks whether something that is no column is null"),
        ("a > 1e999", "has a number that is too large"),
        ("s = 'open", 'has "\'" at character 5'),
        ("(" * 60 + "a > 1" + ")" * 60, "has more than 40 brackets"),
        ("a = 1" + " or a = 1" * 200, "has 1805 characters, more than 1000"),
        ("read_csv('/etc/passwd') is null", "names 'read_csv'"),
        ("a = 1 -- ok", "calculates with a boolean"),
    ],
)
def test_what_is_no_rule_is_told(text: str, told: str) -> None:
    with pytest.raises(RuleError) as raised:
        parsed(text, COLUMNS)
    assert told in raised.value.what
    assert raised.value.fix


@given(st.text("ab<>=!()+-*/'\" .,0123456789andornotinisnull\n", max_size=60))
@settings(max_examples=300)
def test_any_text_is_a_rule_or_a_told_mistake(text: str) -> None:
    try:
        parsed(text, COLUMNS)
    except RuleError as error:
        assert error.what and error.fix


NUMBERS = st.integers(-5, 5).map(str) | st.sampled_from(["0.1", "0.2", "0.3", "1e308", "-1e308", "NA", "x", "1e-300"])
VALUES = st.sampled_from(["a", "b", "c", "0", "1", "-2", "0.5", "1e10"])
SUMS = st.recursive(
    VALUES,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=4,
)
COMPARED = st.tuples(SUMS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), SUMS).map(" ".join)
TRUTHS = st.recursive(
    COMPARED | st.sampled_from(["a is null", "b is not null", "c in (1, 2, 0.1)"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        )
        | inner.map(lambda part: f"not ({part})")
    ),
    max_leaves=3,
)


def number(cell: str) -> float | None:
    return None if cell in ("NA", "x") else float(cell)


def worked_out(tree: Any, row: dict[str, str], tolerance: float | None) -> Any:
    """Three-valued, as the docstrings of modelway.data.expressions say."""
    match tree:
        case ColumnRef(name=name):
            return number(row[name])
        case Constant(value=value):
            return value
        case Arithmetic(sign=sign, left=left, right=right):
            sides = [worked_out(side, row, tolerance) for side in (left, right)]
            if None in sides or (sign == "/" and sides[1] == 0):
                return None
            work = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign]
            found = work(float(sides[0]), float(sides[1]))
            return found if math.isfinite(found) else None
        case OneOf(item=item, values=values):
            parts = [worked_out(ComparedValues("=", item, value), row, tolerance) for value in values]
            return True if True in parts else None if None in parts else False
        case IsNull(column=column):
            return row[column.name] == "NA"
        case Negation(part=part):
            inner = worked_out(part, row, tolerance)
            return None if inner is None else not inner
        case Combined(word=word, parts=parts):
            found_ = [worked_out(part, row, tolerance) for part in parts]
            deciding = word == "or"
            return deciding if deciding in found_ else None if None in found_ else not deciding
        case ComparedValues(sign=sign, left=left, right=right):
            first, second = (worked_out(side, row, tolerance) for side in (left, right))
            if first is None or second is None:
                return None
            equal = first == second
            if tree.is_computed or tolerance is not None:
                slack = 1e-9 * max(abs(first), abs(second)) + (tolerance or 0)
                equal = abs(float(first) - float(second)) <= slack
            less = first < second and not equal
            return {
                "=": equal,
                "!=": not equal,
                "<": less,
                "<=": less or equal,
                ">": not less and not equal,
                ">=": not less,
            }[sign]


@settings(max_examples=60, deadline=None)
@given(
    rule=TRUTHS,
    when=st.none() | TRUTHS,
    tolerance=st.sampled_from([None, None, 0.0, 0.5]),
    cells=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=12),
)
def test_the_engine_counts_what_python_counts(
    rule: str, when: str | None, tolerance: float | None, cells: list[tuple[str, str, str]]
) -> None:
    """A row breaks a rule that is false, or that cannot be worked out though each of its values is valid."""
    names = ("a", "b", "c")
    columns = {name: Column(type="number") for name in names}
    item = {"rule": rule, "when": when, "tolerance": tolerance, "may-find-none": True}
    contract = msgspec.convert({"columns": {}, "rules": [item]}, Contract)
    contract = msgspec.structs.replace(contract, columns=columns, null_values=("NA",))
    types: dict[str, ValueType | None] = dict.fromkeys(names, "number")
    tree, condition = parsed(rule, types), parsed(when, types) if when else None
    if not columns_in(tree):
        return
    n = count = 0
    for values in cells:
        row = dict(zip(names, values, strict=True))
        if condition is not None and worked_out(condition, row, tolerance) is not True:
            continue
        found = worked_out(tree, row, tolerance)
        valid = all(number(row[ref.name]) is not None for ref in columns_in(tree))
        broken = found is False or (found is None and valid)
        n, count = n + (broken or found is True), count + broken
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_text("a,b,c\n" + "".join(",".join(values) + "\n" for values in cells))
        report = validate(contract, path, datetime(2026, 11, 21, tzinfo=UTC), memory_mb=128)
    check = report.checks[-1]
    assert (check.n, check.value) == (n, count), (rule, when)
