"""The plain schema.json that many teams have: `columns`, `dtypes` by pandas' names, `max_null_percentage`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from modelway.config.document import Document, Where, check, convert, suggestion
from modelway.config.keys import Name
from modelway.data.forms import ReadContract, Written
from modelway.data.kinds.nulls import Percent
from modelway.data.values import ValueType
from modelway.errors import InvalidInput

TYPES = {
    "integer": r"u?int(8|16|32|64)|U?Int(8|16|32|64)",
    "number": r"float(16|32|64)|Float(32|64)",
    "string": r"object|string|str|category",
    "boolean": r"bool|boolean",
    "timestamp": r"datetime64(\[(s|ms|us|ns)(, *[\w/+:-]+)?\])?",
}
KNOWN = (
    "bool",
    "boolean",
    "category",
    "datetime64[ns]",
    "float32",
    "float64",
    "int32",
    "int64",
    "Int64",
    "object",
    "str",
    "string",
)
DTYPES: dict[ValueType, str] = {
    "integer": "int64",
    "number": "float64",
    "string": "object",
    "boolean": "bool",
    "date": "datetime64[ns]",
    "timestamp": "datetime64[ns]",
}
"""How each type is written."""
KEPT = ("type", "nullable", "max_null_percent", "description")
"""Keys of a column that a schema.json says, or that ask nothing."""
HOLDS_NO_NULL = re.compile(r"u?int(8|16|32|64)|bool")
"""Columns of these dtypes cannot hold a missing value in pandas."""


class SchemaJson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's three keys."""

    columns: tuple[Name, ...]
    dtypes: dict[str, str] = {}
    max_null_percentage: Any = None
    """From 0 to 100: a number for every column, or a mapping from column to number."""


def is_it(value: Mapping[str, Any]) -> bool:
    """Told from a contract of our own by its list of columns, or by the keys that only it has."""
    return isinstance(value.get("columns"), list) or "dtypes" in value or "max_null_percentage" in value


def read(document: Document, part: str) -> ReadContract:
    """A dtype that cannot hold a missing value in pandas means `nullable: false`, unless max_null_percentage names the
    column itself.
    """
    if part:
        raise InvalidInput("has one table only", where=document.name, fix=f"leave out #{part}")
    schema = convert(document, SchemaJson)
    by_column = schema.max_null_percentage if isinstance(schema.max_null_percentage, dict) else {}
    if schema.max_null_percentage is not None:
        percent_type = dict[str, Percent] if isinstance(schema.max_null_percentage, dict) else Percent
        check(document, inspect.type_info(percent_type), schema.max_null_percentage, ("max_null_percentage",))
    for key, named in (("dtypes", schema.dtypes), ("max_null_percentage", by_column)):
        for column in named:
            if column not in schema.columns:
                raise InvalidInput(
                    f"the column {column!r} is not listed under columns",
                    where=document.at((key, column)),
                    fix=suggestion(column, schema.columns),
                )
    columns: dict[str, dict[str, Any]] = {}
    lines = {where: line for where, line in document.lines.items() if len(where) < 2}
    for index, column in enumerate(schema.columns):
        if column in columns:
            raise InvalidInput(
                f"the column {column!r} is listed twice", where=document.at(("columns", index)), fix="remove one"
            )
        asked = columns[column] = {}
        place: Where = ("columns", index)
        if dtype := schema.dtypes.get(column):
            place = ("dtypes", column)
            asked["type"] = _type_of(document, place, dtype)
        percent = by_column.get(column, None if by_column else schema.max_null_percentage)
        if column not in by_column and HOLDS_NO_NULL.fullmatch(dtype or ""):
            asked["nullable"] = False
        elif percent is not None:
            asked["max-null-percent"] = percent
        lines[("columns", column)] = document.lines.get(place, 1)
    return ReadContract(Document(document.name, {"columns": columns}, lines))


def write(contract: Any, name: str) -> Written:
    """Columns, their dtypes, and how many of their values may be missing. (A dtype that holds no missing value, and a column
    that may have some, go together where its percentage says so.)"""
    dtypes = {column: DTYPES[asked.type] for column, asked in contract.columns.items() if asked.type}
    percent: dict[str, float] = {}
    lost = []
    for column, asked in contract.columns.items():
        if not asked.nullable:
            percent |= {} if HOLDS_NO_NULL.fullmatch(dtypes.get(column, "")) else {column: 0}
        elif asked.max_null_percent is not None or HOLDS_NO_NULL.fullmatch(dtypes.get(column, "")):
            percent[column] = 100 if asked.max_null_percent is None else asked.max_null_percent
        if asked.type == "date":
            lost.append(f"column {column!r}: date, which is read as timestamp")
        more = [key for key in asked.__struct_fields__ if key not in KEPT and getattr(asked, key)]
        lost += [f"column {column!r}: {key.replace('_', '-')}" for key in more]
    value: dict[str, Any] = {"columns": list(contract.columns), "dtypes": dtypes}
    if percent:
        value["max_null_percentage"] = percent
    return Written(value, (*lost, *table_keys_of(contract)))


def table_keys_of(contract: Any) -> list[str]:
    """The keys at the top of a contract that say something, beside its columns."""
    plain = type(contract)()
    names = (key for key in contract.__struct_fields__ if key != "columns")
    return [key.replace("_", "-") for key in names if getattr(contract, key) != getattr(plain, key)]


def _type_of(document: Document, where: Where, dtype: str) -> str:
    for kind, pattern in TYPES.items():
        if re.fullmatch(pattern, dtype):
            return kind
    raise InvalidInput(f"unknown dtype {dtype!r}", where=document.at(where), fix=suggestion(dtype, KNOWN))
