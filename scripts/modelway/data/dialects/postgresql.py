"""PostgreSQL's words. It has no cast that gives null, so a text is looked at before it is cast."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlglot import exp, parse_one

from modelway.data.dialects import Node, Untranslatable, column_of, from_the_leaves, list_of, texts
from modelway.data.dialects.patterns import as_posix

NAME = "postgres"
WITHOUT = (exp.TryCast, exp.RegexpFullMatch)
pattern = as_posix
SHORT = r"[eE][+-]?0*[0-9]{4,}"
"""An exponent of more than three digits: of no number that a double holds."""
INFINITE = "'NaN', 'Infinity', '-Infinity', 'infinity', '-infinity'"
BLANK = r"E' \t\n\v\f\r'"


def bound(number: int, value: Any) -> Node:
    return _made(f"CAST(${number} AS {_type_of(value)})")


def value(value: Any) -> Any:
    """(A list is of one type.)"""
    return (
        [float(one) for one in value]
        if isinstance(value, list) and any(isinstance(one, float) for one in value)
        else value
    )


def _type_of(value: Any) -> str:
    if isinstance(value, list):
        return f"{_type_of(value[0]) if value else 'text'}[]"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "bigint" if -(1 << 63) <= value < 1 << 63 else "numeric"
    return "double precision" if isinstance(value, float) else "date" if isinstance(value, date) else "text"


def rewritten(node: Node) -> Node:
    match node:
        case exp.Anonymous():
            return _function(node)
        case exp.IsNan():
            return _made(f"CAST({_text(node.this)} AS text) = 'NaN'")
        case exp.Contains():
            return _made(f"strpos({_text(node.this)}, {_text(node.expression)}) > 0")
        case exp.RegexpFullMatch():
            return _made(f"{_text(node.this)} ~ '^(?:{pattern(node.expression.name)})$'")
        case exp.TryCast():
            return _read(node)
        case exp.Cast() if node.to.this == exp.DataType.Type.INT128:  # of a double that is whole: exact
            return _made(f"CAST({_text(node.this)} AS bigint)")
        case exp.Cast() if node.to.this == exp.DataType.Type.TEXT and not isinstance(node.this, exp.Parameter):
            return _as_text(node.this)
        case exp.Log():
            return _made(f"(ln({_text(node.expression)}) / ln(CAST({_text(node.this)} AS double precision)))")
        case exp.Literal(is_string=False) if any(sign in node.this for sign in ".eE"):
            return _made(f"CAST({node.this} AS double precision)")
        case exp.ArrayContains():
            return _made(f"({_text(node.expression)} = ANY({_text(node.this)}))")
        case exp.In():
            return _in_list(node)
        case exp.Bracket() if isinstance(node.this, exp.Transform):
            return _divisor(node.this)
    return node


def _function(node: exp.Anonymous) -> Node:
    name, (of, *_) = str(node.this).lower(), [*node.expressions, None]
    if name == "counted_if":
        return _made(f"count(*) FILTER (WHERE {_text(of)})")
    if name == "isfinite":
        return _made(f"(CAST({_text(of)} AS text) NOT IN ({INFINITE}))")
    if name == "epoch_us":
        if isinstance(of, exp.TryCast):
            return _portable(texts.microseconds_of(column_of(of.this)))
        moment = _text(of)
        whole = f"CAST(extract(epoch FROM {moment}) * 1000000 AS bigint)"
        return _made(f"CASE WHEN isfinite({moment}) THEN {whole} END")
    raise Untranslatable(name)


def _read(node: exp.TryCast) -> Node:
    kind = node.to.this
    if kind == exp.DataType.Type.DATE:
        return _portable(texts.date_of(column_of(node.this)))
    text = _text(node.this)
    number = f"CAST(btrim({text}, {BLANK}) AS numeric)"
    sound = f"{text} ~ '{texts.NUMBER}' AND length({text}) <= 400 AND NOT {text} ~ '{SHORT}'"
    if kind == exp.DataType.Type.DOUBLE:
        read = (
            f"CASE WHEN abs({number}) > 1.7976931348623158e308 THEN CAST('Infinity' AS double precision)"
            f" WHEN abs({number}) < 3e-324 THEN 0 ELSE CAST({number} AS double precision) END"
        )
        return _made(f"CASE WHEN {sound} THEN {read} END")
    if kind == exp.DataType.Type.INT128:
        most = 1 << 127
        read = f"CASE WHEN round({number}) >= -{most} AND round({number}) < {most} THEN round({number}) END"
        return _made(f"CASE WHEN {sound} THEN {read} END")
    return node  # of a time, which epoch_us reads


def _as_text(value: Node) -> Node:
    """As DuckDB writes it: 1.0 and not 1, true, 1000000.0 and not 1e+06."""
    text = f"CAST({_text(value)} AS text)"
    digits = f"CAST(CAST({text} AS numeric) AS text)"
    double = (
        f"CASE WHEN {text} ~ '^-?[0-9]+$' THEN {text} || '.0'"
        f" WHEN {text} ~ '^-?[0-9.]+e[+](0[6-9]|1[0-5])$'"
        f" THEN CASE WHEN {digits} ~ '[.]' THEN {digits} ELSE {digits} || '.0' END"
        f" WHEN {text} IN ('Infinity', '-Infinity', 'NaN') THEN replace(lower({text}), 'infinity', 'inf') ELSE {text} END"
    )
    floats = "'double precision', 'real'"
    return _made(
        f'(CASE WHEN CAST(pg_typeof({_text(value)}) AS text) IN ({floats}) THEN {double} ELSE {text} END) COLLATE "C"'
    )


def _in_list(node: exp.In) -> Node:
    found = list_of(node)
    if found is None:
        return node
    items, kind = found
    listed = f"CAST({_text(items)} AS {kind.sql(NAME)}[])" if kind is not None else _text(items)
    return _made(f"({_text(node.this)} = ANY({listed}))")


def _divisor(node: exp.Transform) -> Node:
    """The one item of a list, changed by a function: a subquery has it once, too."""
    item = node.this.expressions[0]
    name = node.expression.expressions[0].sql(NAME)
    return _made(f"(SELECT {_text(node.expression.this)} FROM (SELECT {_text(item)} AS {name}) AS one)")


def _text(node: Node) -> str:
    return node.sql(NAME)


def _made(text: str) -> Node:
    found: Node = parse_one(text, read=NAME)
    return exp.Paren(this=found)


def _portable(text: str) -> Node:
    def cut(node: Node) -> Node:
        if isinstance(node, exp.IntDiv):  # sqlglot's DIV is of numerics
            return exp.Paren(this=exp.Div(this=node.this, expression=node.expression, typed=True))
        return node

    return exp.Paren(this=from_the_leaves(parse_one(text, read="duckdb"), cut))
