"""The data contract: what a file of rows must look like, read from modelway's own YAML or from a plain schema.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from modelway.config import strict_yaml
from modelway.config.keys import Count, Name, Positive, Scalar, Section
from modelway.config.strict_yaml import Document, Where, described
from modelway.data.dialect import NULL_VALUES, Dialect, Encoding
from modelway.data.json_document import read_json
from modelway.data.schema_json import Percent, from_schema_json, is_schema_json
from modelway.errors import InvalidInput
from modelway.records import digest_of_json

ValueType = Literal["string", "integer", "number", "boolean", "date", "timestamp"]

ORDERED: tuple[ValueType, ...] = ("integer", "number", "date", "timestamp")
"""The types that a range makes sense for."""


class Rows(Section, frozen=True):
    """How many rows there must be; zero rows never pass, whatever stands here."""

    at_least: Count = 1
    at_most: Count | None = None


class Freshness(Section, frozen=True):
    """How old the newest row may be."""

    column: Name
    """A column of type timestamp or date. Times without a zone, and dates, are taken as UTC."""
    at_most_hours: Positive


class Column(Section, frozen=True):
    """One column that must be there, and what its values must be."""

    type: ValueType | None = None
    nullable: bool = True
    max_null_percent: Percent | None = None
    """Of all rows. At 100 the column may be empty; otherwise a check that finds no value to look at fails."""
    range: tuple[Scalar | None, ...] = ()
    """[lowest, highest], both allowed; null leaves a side open. Dates and times as ISO 8601 text."""
    allowed: tuple[Scalar, ...] = ()


class Contract(Section, frozen=True):
    """The whole of a contract."""

    rows: Rows = Rows()
    freshness: Freshness | None = None
    unique: tuple[tuple[Name, ...], ...] = ()
    """Each a list of columns that together name a row; null counts as a value."""
    unlisted_columns: Literal["allow", "refuse"] = "allow"
    null_values: tuple[str, ...] = NULL_VALUES
    """The cells of a CSV file, quoted or not, that mean a missing value."""
    delimiter: Name = ","
    """Of a CSV file."""
    quote: str = '"'
    """Of a CSV file; empty where no cell is quoted."""
    encoding: Encoding = "utf-8"
    """Of a CSV file."""
    columns: dict[str, Column] = {}  # noqa: RUF012 - msgspec copies it

    @property
    def dialect(self) -> Dialect:
        return Dialect(self.delimiter, self.quote, self.null_values, self.encoding)

    @property
    def digest(self) -> str:
        """Over what it asks for, so that comments and the order of keys do not matter."""
        return digest_of_json(msgspec.to_builtins(self))


def load_contract(path: Path, name: str = "") -> Contract:
    """The contract in a file. InvalidInput with file, line, key and fix for anything that is not a sound one: an
    unknown key, a limit that does not fit its column's type, a contract that asks for nothing."""
    name = name or str(path)
    document = read_json(path, name) if path.suffix.lower() == ".json" else strict_yaml.read(path, name)
    if is_schema_json(document.value):
        document = from_schema_json(document)
    contract = strict_yaml.convert(document, Contract)
    _must_ask_something(document)
    for column, asked in contract.columns.items():
        _column_is_sound(document, column, asked)
    for index, key in enumerate(contract.unique):
        if not key or len(set(key)) < len(key):
            raise InvalidInput(
                "is not a list of different columns", where=document.at(("unique", index)), fix="name each column once"
            )
    if contract.rows.at_most is not None and contract.rows.at_most < contract.rows.at_least:
        raise InvalidInput("is below at-least", where=document.at(("rows", "at-most")), fix="swap them")
    _dialect_is_sound(document, contract)
    if contract.freshness and contract.columns.get(contract.freshness.column, Column()).type not in (
        "date",
        "timestamp",
    ):
        raise InvalidInput(
            f"the column {contract.freshness.column!r} is not listed under columns with the type timestamp or date",
            where=document.at(("freshness", "column")),
            fix=f"add `{contract.freshness.column}: {{type: timestamp}}` under columns",
        )
    return contract


def parsed_bound(kind: ValueType, value: Any) -> Any:
    """A limit or an allowed value as Python has it: datetime in UTC for a timestamp, date, float, int, bool or str.

    ValueError, with what it should have been, where it does not fit the type.
    """
    if kind == "string":
        if isinstance(value, str):
            return value
        raise ValueError("text, in quotes where YAML would take it for something else")
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        raise ValueError("true or false")
    if kind == "date":
        try:
            return date.fromisoformat(value)
        except (ValueError, TypeError):
            raise ValueError("a date such as 2026-11-21") from None
    if kind == "timestamp":
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise ValueError("a time such as 2026-11-21T08:30:00Z") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise ValueError("a number")
    if isinstance(value, float) and value == int(value):
        value = int(value)
    if kind == "integer" and not isinstance(value, int):
        raise ValueError("a whole number")
    return value if abs(value) < 1 << 63 else float(value)


def _must_ask_something(document: Document) -> None:
    """`delimiter: ";"` alone is no contract; nor is a list that is there and empty, which would check nothing."""
    asking = ("rows", "freshness", "unique", "unlisted-columns", "columns")
    given = document.value if isinstance(document.value, Mapping) else {}
    if not any(given.get(key) for key in asking):
        raise InvalidInput(
            "the contract asks for nothing", where=document.name, fix="list what must hold under `columns:`"
        )
    if not given.get("columns", True) or not given.get("unique", True):
        key = "columns" if not given.get("columns", True) else "unique"
        raise InvalidInput(
            "is empty, and would check nothing", where=document.at((key,)), fix="fill it, or leave the key out"
        )
    if given.get("unlisted-columns") == "refuse" and not given.get("columns"):
        raise InvalidInput(
            "refuses every column", where=document.at(("unlisted-columns",)), fix="list the columns under `columns:`"
        )


def _dialect_is_sound(document: Document, contract: Contract) -> None:
    if not _is_one_sign(contract.delimiter) or contract.delimiter == '"':
        raise InvalidInput(
            "cannot part the cells of a CSV file",
            where=document.at(("delimiter",)),
            fix='use one character such as "," or ";"',
        )
    if contract.quote and (not _is_one_sign(contract.quote) or contract.quote == contract.delimiter):
        raise InvalidInput(
            "cannot quote the cells of a CSV file",
            where=document.at(("quote",)),
            fix="use one character other than the delimiter, or nothing where no cell is quoted",
        )


def _is_one_sign(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in "\r\n\0"


def _column_is_sound(document: Document, column: str, asked: Column) -> None:
    where: Where = ("columns", column)
    given = document.value["columns"][column]
    for key in ("range", "allowed"):
        if key not in given:
            continue
        if not given[key]:
            raise InvalidInput(
                "is empty", where=document.at((*where, key)), fix="give the values, or leave the key out"
            )
        if asked.type is None:
            raise InvalidInput(
                "needs the column's type",
                where=document.at((*where, key)),
                fix=f"add `type:`, one of {', '.join(get_args(ValueType))}",
            )
    if asked.type is not None:
        for key, values in (("range", asked.range), ("allowed", asked.allowed)):
            for index, value in enumerate(values):
                if value is not None:
                    _fits(document, (*where, key, index), asked.type, value)
    if asked.range:
        _range_is_sound(document, (*where, "range"), asked)
    if not asked.nullable and asked.max_null_percent:
        raise InvalidInput(
            "allows nulls that `nullable: false` forbids",
            where=document.at((*where, "max-null-percent")),
            fix="keep one of the two",
        )


def _range_is_sound(document: Document, where: Where, asked: Column) -> None:
    if asked.type not in ORDERED:
        raise InvalidInput(
            f"does not go with the type {asked.type}",
            where=document.at(where),
            fix=f"use it with {', '.join(ORDERED)}, or use `allowed:`",
        )
    if len(asked.range) != 2 or all(bound is None for bound in asked.range):
        raise InvalidInput("is not [lowest, highest]", where=document.at(where), fix="give both, null for an open side")
    low, high = (None if bound is None else parsed_bound(asked.type, bound) for bound in asked.range)
    if low is not None and high is not None and low > high:
        raise InvalidInput("has its lowest value above its highest", where=document.at(where), fix="swap them")


def _fits(document: Document, where: Where, kind: ValueType, value: Scalar) -> None:
    try:
        parsed_bound(kind, value)
    except ValueError as wanted:
        raise InvalidInput(
            f"is {described(value)}, not {wanted}",
            where=document.at(where),
            fix=f"the column's type is {kind}: give {wanted}",
        ) from None
