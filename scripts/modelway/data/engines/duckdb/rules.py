"""DuckDB's words for a rule between columns (modelway.data.expressions)."""

from __future__ import annotations

from collections.abc import Mapping

from modelway.data.engines.duckdb.sql import FLOATS, Reading, Statement, as_bound
from modelway.data.expressions import (
    Arithmetic,
    ColumnRef,
    Combined,
    ComparedValues,
    Constant,
    Expression,
    IsNull,
    Negation,
    OneOf,
    columns_in,
)
from modelway.data.rule_queries import Broken
from modelway.data.values import NUMERIC, ValueType

DIVISOR = "list_transform([{}], lambda d: CASE WHEN d <> 0 AND isfinite(d) THEN d END)[1]"
"""A calculated divisor, written once: `nullif` is a CASE of DuckDB's that has it twice, and nested ones grow without end."""


def broken(query: Broken, readings: Mapping[str, Reading], statement: Statement) -> str:
    """The condition under which a row breaks the rule."""
    words = _Words(readings, statement, query.tolerance)
    rule = words.truth(query.rule)
    valid = " AND ".join(readings[ref.name].valid_name for ref in columns_in(query.rule) if ref.type) or "true"
    return f"{_when(query, words)}(({rule}) IS FALSE OR (({rule}) IS NULL AND {valid}))"


def decided(query: Broken, readings: Mapping[str, Reading], statement: Statement) -> str:
    """The condition under which a row is looked at."""
    words = _Words(readings, statement, query.tolerance)
    return f"{_when(query, words)}({words.truth(query.rule)}) IS TRUE OR {broken(query, readings, statement)}"


def shown(query: Broken, readings: Mapping[str, Reading], statement: Statement, cut: int) -> str:
    """The row's values that the rule names: `net=1, tax=null`."""
    parts = []
    for name in query.columns:
        read = readings[name]
        value = f"CASE WHEN {read.present_name} THEN left({read.column}::VARCHAR, {cut:d}) ELSE 'null' END"
        parts.append(f"{statement.bind(f'{name[:cut]}=')} || {value}")
    return f"concat_ws(', ', {', '.join(parts)})"


def _when(query: Broken, words: _Words) -> str:
    return f"({words.truth(query.when)}) IS TRUE AND " if query.when is not None else ""


class _Words:
    def __init__(self, readings: Mapping[str, Reading], statement: Statement, tolerance: float | None) -> None:
        self._readings, self._statement, self._tolerance = readings, statement, tolerance

    def truth(self, expression: Expression) -> str:
        match expression:
            case Combined(word=word, parts=parts):
                return f" {word.upper()} ".join(f"({self.truth(part)})" for part in parts)
            case Negation(part=part):
                return f"NOT ({self.truth(part)})"
            case IsNull(column=column):
                return f"NOT {self._readings[column.name].present_name}"
            case OneOf(item=item, values=values):
                return " OR ".join(f"({self._compared(ComparedValues('=', item, value))})" for value in values)
            case ComparedValues():
                return self._compared(expression)
            case _:
                return self._value(expression)

    def _compared(self, found: ComparedValues) -> str:
        left, right = found.left, found.right
        if not self._is_numeric(left):
            return f"({self._value(left)}) {found.sign} ({self._value(right)})"
        if not found.is_computed and self._tolerance is None:
            if self._is_whole(left) and self._is_whole(right):
                return f"{self._value(left)} {found.sign} {self._value(right)}"
            return f"{self._double(left, right)} {found.sign} {self._double(right, left)}"
        first, second = self._finite(left, right), self._finite(right, left)
        slack = f"{Broken.ROUNDING!r} * greatest(abs({first}), abs({second}))"
        if self._tolerance is not None:
            slack += f" + {self._statement.bind(float(self._tolerance))}"
        return {
            "=": f"abs({first} - {second}) <= {slack}",
            "!=": f"abs({first} - {second}) > {slack}",
            "<=": f"{first} - {second} <= {slack}",
            ">": f"{first} - {second} > {slack}",
            ">=": f"{second} - {first} <= {slack}",
            "<": f"{second} - {first} > {slack}",
        }[found.sign]

    def _value(self, found: Expression) -> str:
        match found:
            case ColumnRef(name=name):
                read = self._readings[name]
                return f"CASE WHEN {read.valid_name} THEN {read.value_name} END"
            case Constant(value=value):
                return self._statement.bind(as_bound(value))
            case _:
                return f"({self.truth(found)})"

    def _finite(self, found: Expression, beside: Expression) -> str:
        """Infinity and NaN, which stay what they are until here, are unknown."""
        value = self._double(found, beside)
        return f"(CASE WHEN isfinite({value}) THEN {value} END)" if isinstance(found, Arithmetic) else value

    def _double(self, found: Expression, beside: Expression) -> str:
        if isinstance(found, Arithmetic):
            left, right = self._double(found.left, found.right), self._double(found.right, found.left)
            if found.sign == "/":
                right = DIVISOR.format(right) if isinstance(found.right, Arithmetic) else f"nullif({right}, 0)"
            return f"({left} {found.sign} {right})"
        if isinstance(found, Constant) and isinstance(beside, ColumnRef):
            single = self._readings[beside.name].physical == "FLOAT"  # else 0.1 would be above 0.1
            return f"{'CAST(' * single}{self._value(found)}{' AS FLOAT)' * single}::DOUBLE"
        return f"({self._value(found)})::DOUBLE"

    def _is_numeric(self, found: Expression) -> bool:
        return isinstance(found, Arithmetic) or _kind(found) in NUMERIC

    def _is_whole(self, found: Expression) -> bool:
        """Whether it is a whole number of DuckDB's too, which is compared without rounding."""
        if isinstance(found, ColumnRef):
            physical = self._readings[found.name].physical
            return found.type == "integer" and physical not in FLOATS and not physical.startswith("DECIMAL")
        return isinstance(found, Constant) and isinstance(found.value, int)


def _kind(found: Expression) -> ValueType:
    return found.type or "string" if isinstance(found, ColumnRef | Constant) else "boolean"
