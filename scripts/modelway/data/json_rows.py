"""The rows of a file as JSON objects, for who sends them to a model: CSV and Parquet by the contract, or JSON lines."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from modelway.config.document import suggestion
from modelway.data import json_text
from modelway.data.contract import Contract
from modelway.data.queries import DType, Wanted
from modelway.data.rows import OpenedRows, open_rows
from modelway.data.sources import find_source
from modelway.data.values import ValueType
from modelway.errors import InvalidInput

LINES = (".json", ".jsonl", ".ndjson")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
"""As JSON writes one; 007 is text."""
TRUTH = {"true": True, "false": False}
DTYPES: dict[ValueType, DType] = {"string": "object", "integer": "int128", "number": "float64", "boolean": "bool"}
ENOUGH = "give CSV or Parquet, or one JSON object a line (*.jsonl)"


def rows_of(path: Path, name: str, contract: Contract, columns: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Each row an object of these columns (None: all), in their order; a missing value is null.

    A value is of its column's type in the contract. Where that has none, a column of CSV is of numbers or truth values where
    all of it is, as JSON writes numbers, and else of text; one of Parquet is as it is stored, times as ISO 8601.
    InvalidInput: no rows, a column that is not there, a value that is not of its type or that JSON cannot hold.
    """
    rows = _of_lines(path, name, columns) if path.suffix.lower() in LINES else _of_table(path, name, contract, columns)
    if not rows:
        raise InvalidInput("has no rows", where=name, fix=ENOUGH)
    return rows


def _of_table(path: Path, name: str, contract: Contract, columns: Collection[str] | None) -> list[dict[str, Any]]:
    with open_rows(path, name, contract, columns) as opened:
        names = tuple(dict.fromkeys(opened.names if columns is None else columns))
        wanted = {column: _wanted(opened, column) for column in names}
        found = opened.lists(wanted)
        guessed = {column for column in names if opened.is_csv and wanted[column].type is None}
    values = [
        _guessed(found[column]) if column in guessed else _as_json(found[column], column, name) for column in names
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _wanted(opened: OpenedRows, name: str) -> Wanted:
    stored = opened.as_stored(name)
    return msgspec.structs.replace(stored, dtype=DTYPES.get(stored.type)) if stored.type else stored


def _guessed(texts: list[str | None]) -> list[Any]:
    """A column of CSV that nobody gave a type."""
    there = [text for text in texts if text is not None]
    if all(text.lower() in TRUTH for text in there):
        return [None if text is None else TRUTH[text.lower()] for text in texts]
    if all(NUMBER.fullmatch(text) and math.isfinite(float(text)) for text in there):
        return [None if text is None else json.loads(text) for text in texts]
    return list(texts)


def _as_json(values: list[Any], column: str, name: str) -> list[Any]:
    try:
        return [_plain(value) for value in values]
    except ValueError as error:
        raise InvalidInput(
            f"column {column[:100]!r} holds {error}, which JSON cannot", where=name, fix="leave the column out"
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, float | Decimal):
        number = float(value)
        if math.isinf(number):
            raise ValueError("an infinite number")
        return None if math.isnan(number) else number
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise ValueError(f"a value of the kind {type(value).__name__}")


def _of_lines(path: Path, name: str, columns: Collection[str] | None) -> list[dict[str, Any]]:
    if path.is_file():
        find_source(path, name)  # refuses what only stands in the data's place
    try:
        if fault := json_text.find_fault(path):
            raise InvalidInput(fault.what, where=f"{name}:{fault.line}", fix=fault.fix)
        text = path.read_text(encoding="utf-8-sig")
        listed = json_text.is_list(path)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=name, fix=ENOUGH) from None
    rows: list[dict[str, Any]] = []
    for number, part in enumerate([text] if listed else text.split("\n"), 1):
        if not part.strip():
            continue
        try:
            found = json.loads(part, parse_constant=_no_constant)
        except ValueError as error:
            raise InvalidInput(f"holds {error}, which JSON cannot", where=f"{name}:{number}", fix=ENOUGH) from None
        for row in found if listed else [found]:
            absent = next((column for column in columns or () if column not in row), None)
            if absent is not None:
                fix = suggestion(absent, row)
                raise InvalidInput(f"has no column {absent[:100]!r}", where=f"{name}:{number}", fix=fix)
            rows.append(row if columns is None else {column: row[column] for column in columns})
    return rows


def _no_constant(name: str) -> float:
    raise ValueError(name)
