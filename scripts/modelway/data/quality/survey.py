"""What is known of every column before any check: how it is written, of what type it is, how its values lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from modelway.data.quality.kind import ColumnFacts, TableFacts
from modelway.data.quality.queries import CountedRows, QualityTable, Spread, Texts, Writing
from modelway.data.queries import Malformed, Missing, StoredColumn
from modelway.data.values import READABLE, ValueType

MOSTLY = 0.9
"""A column of text of which this share is numbers (or times, or truth values) is one of numbers; the others are told by the
kind `mixed`."""

DOUBLE_DIGITS, INTEGER_DIGITS = 15, 38

TYPE_OF_STORED: Mapping[str, ValueType] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
NUMBERS = ("whole", "decimal")
TIMES = ("date", "timestamp")


def survey(
    table: QualityTable, name: str, types: Mapping[str, ValueType], wanted: Collection[str] | None = None
) -> TableFacts:
    """types: what a contract says of columns. wanted: the columns; None: all."""
    stored = [column for column in table.columns if wanted is None or column.name in wanted]
    if table.rows == 0:
        nothing = {column.name: ColumnFacts(column, types.get(column.name), 0, 0, 0, None, None) for column in stored}
        return TableFacts(name, 0, nothing)
    writings = {column.name: Writing(column.name) for column in stored if column.stored == "text"}
    written = table.tell(list(writings.values()), 0)
    texts = {name: written[question] for name, question in writings.items()}
    read = {column.name: _type(column, types.get(column.name), texts.get(column.name)) for column in stored}
    gone = {column.name: CountedRows(Missing(column.name)) for column in stored}
    wrong = {name: CountedRows(Malformed(name, kind)) for name, kind in read.items() if kind}
    told = table.tell([*gone.values(), *wrong.values()], 0)
    table.settle({name: kind for name, kind in read.items() if kind})
    columns = {}
    for column in stored:
        missing, kind = told[gone[column.name]].count, read[column.name]
        n = table.rows - missing - (told[wrong[column.name]].count if kind else 0)
        text = texts.get(column.name)
        values = text.distribution if text and kind == "string" and n else None
        columns[column.name] = ColumnFacts(column, kind, table.rows, missing, n if kind else 0, text, values)
    spreads = {
        name: Spread(name, facts.type, facts.n)
        for name, facts in columns.items()
        if facts.type not in (None, "string") and facts.n
    }
    lie = table.tell(list(spreads.values()), 0)
    columns |= {name: replace(columns[name], values=lie[question]) for name, question in spreads.items()}
    return TableFacts(name, table.rows, columns)


def _number(texts: Texts) -> ValueType:
    """Double precision where it tells all whole numbers apart."""
    longest = max(texts.widths, default=0)
    if longest <= DOUBLE_DIGITS or texts.shapes["decimal"]:
        return "number"
    return "integer" if longest <= INTEGER_DIGITS else "string"


def _type(column: StoredColumn, asked: ValueType | None, texts: Texts | None) -> ValueType | None:
    if asked and column.stored in READABLE[asked]:
        return asked
    if texts is None:
        return TYPE_OF_STORED.get(column.stored)
    shapes, n = texts.shapes, texts.n
    if n == 0 or shapes["zero-led"]:  # 007 is a code
        return "string"
    if sum(shapes[name] for name in NUMBERS) >= MOSTLY * n:
        return _number(texts)
    if shapes["date"] >= MOSTLY * n:
        return "date"
    if sum(shapes[name] for name in TIMES) >= MOSTLY * n:
        return "timestamp"
    return "boolean" if {"true", "false"} >= {str(value).lower() for value, _ in texts.distribution.top} else "string"
