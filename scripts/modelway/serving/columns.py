"""Named columns of plain types, which is what most signatures have: values checked, and cast as the signature asks.

pyfunc would refuse an int in a double's column, and cast a batch by what else is in it. Here every value is cast by the
signature alone, so a row means the same by itself and among others.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelway.serving.messages import Refusal
from modelway.serving.payload import ABSENT, JsonTable, shown

Cast = Callable[[Any], Any]
"""One value that is not null, as Python has it; TypeError or ValueError where it is not of the type."""

LARGEST_FLOAT = 3.4028234663852886e38
NULLABLE = frozenset({"float", "double", "string", "datetime", "binary"})
"""Where null is a value. pyfunc refuses it in whole numbers, and makes objects of booleans with one, which a model takes
that has seen some: then the signature calls the column optional."""


@dataclass(frozen=True, slots=True)
class SignatureColumn:
    """kind: MLflow's name of the type (mlflow.types.DataType)."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Cast values, one list a column, in the signature's order. shape: what tables must share to be put together: the
    columns that are there, and which booleans hold nulls (pandas has another type for these)."""

    columns: tuple[SignatureColumn, ...]
    values: tuple[list[Any], ...]
    rows: int
    shape: tuple[object, ...]


def read_signature(inputs: Sequence[Mapping[str, Any]]) -> tuple[SignatureColumn, ...] | None:
    """The columns of a signature's inputs as MLmodel has them; None where they are anything but named columns of plain
    types."""
    columns = [
        SignatureColumn(str(item.get("name")), str(item.get("type")), bool(item.get("required", True)))
        for item in inputs
    ]
    plain = all("name" in item and isinstance(item.get("type"), str) for item in inputs)
    known = plain and all(column.kind in CASTS for column in columns)
    unique = len({column.name for column in columns}) == len(columns)
    return tuple(columns) if columns and known and unique else None


def check(table: JsonTable, columns: tuple[SignatureColumn, ...], *, strict: bool) -> CheckedRows:
    """The table cast by the signature. strict: a column that the signature does not have is refused, not left out."""
    there = table.columns
    kept: list[SignatureColumn] = []
    values: list[list[Any]] = []
    nulls: list[bool] = []
    for column in columns:
        given = there.get(column.name)
        if given is None:
            if column.required:
                raise Refusal(400, f"column {shown(column.name)} is missing", column.name)
            continue
        cast = _cast(given, column)
        kept.append(column)
        values.append(cast)
        if column.kind == "boolean":
            nulls.append(None in cast)
    if strict and len(kept) < len(there):
        _refuse_unknown(table, columns)
    return CheckedRows(tuple(kept), tuple(values), table.rows, (*(column.name for column in kept), *nulls))


def takes_null(column: SignatureColumn) -> bool:
    return column.kind in NULLABLE or (column.kind == "boolean" and not column.required)


def _cast(given: list[Any], column: SignatureColumn) -> list[Any]:
    cast, name, nullable = CASTS[column.kind], column.name, takes_null(column)
    done: list[Any] = []
    for number, value in enumerate(given):
        if value is ABSENT:
            if column.required:
                raise Refusal(400, f"row {number}: column {shown(name)} is missing", name)
            value = None
        if value is None and nullable:
            done.append(None)
            continue
        try:
            done.append(cast(value))
        except (TypeError, ValueError, OverflowError):
            error = f"row {number}: {shown(value)} is no {column.kind}, which column {shown(name)} asks for"
            raise Refusal(400, error, name) from None
    return done


def _refuse_unknown(table: JsonTable, columns: tuple[SignatureColumn, ...]) -> None:
    known = {column.name for column in columns}
    unknown = next((name for name in table.columns if name not in known), None)
    if unknown is not None:
        raise Refusal(400, f"the model has no column {shown(unknown)}", unknown)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(bits: int) -> Cast:
    limit = 1 << (bits - 1)

    def cast(value: Any) -> int:
        if type(value) is float and value.is_integer():  # some writers of JSON know only floats
            value = int(value)
        if type(value) is not int or not -limit <= value < limit:
            raise TypeError
        return int(value)

    return cast


def _number(largest: float) -> Cast:
    def cast(value: Any) -> float:
        if type(value) is int:
            value = float(value)
        if type(value) is not float or not math.isfinite(value) or abs(value) > largest:
            raise TypeError
        return value

    return cast


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if not value.isascii():
        value.encode("utf-8")  # half of a surrogate pair is JSON, and no text
    return value


def _moment(value: Any) -> datetime:
    """ISO 8601 without a time zone, which is what pyfunc takes."""
    if type(value) is not str:
        raise TypeError
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is not None or not 1678 <= moment.year <= 2261:  # what fits in 64 bits of nanoseconds
        raise ValueError
    return moment


def _bytes(value: Any) -> bytes:
    if type(value) is not str:
        raise TypeError
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError from None


CASTS: dict[str, Cast] = {
    "boolean": _boolean,
    "integer": _whole(32),
    "long": _whole(64),
    "float": _number(LARGEST_FLOAT),
    "double": _number(math.inf),
    "string": _text,
    "datetime": _moment,
    "binary": _bytes,
}


EMPTY: dict[str, Any] = {
    "boolean": False,
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "",
    "datetime": datetime(1970, 1, 1),  # noqa: DTZ001  as pyfunc takes it
    "binary": b"",
}
"""A value of each type that says nothing."""


def together(tables: Sequence[CheckedRows]) -> CheckedRows:
    """Tables of one shape, one below the other."""
    if len(tables) == 1:
        return tables[0]
    values = tuple([value for table in tables for value in table.values[at]] for at in range(len(tables[0].values)))
    return CheckedRows(tables[0].columns, values, sum(table.rows for table in tables), tables[0].shape)
