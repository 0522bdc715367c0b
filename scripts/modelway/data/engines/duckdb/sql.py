"""DuckDB's words for reading a value as a type, and for what violates a check."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from modelway.data.queries import (
    DType,
    Malformed,
    Missing,
    NotAllowed,
    Outside,
    StoredColumn,
    ValueQuery,
    Wanted,
)
from modelway.data.rule_queries import Lacking, Mismatched, WrongLength
from modelway.data.values import Bound, Stored, ValueType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FILE, ROW = "modelway_file", "modelway_row"
GOLDEN = 2_654_435_769
"""The golden ratio's fraction, of 2^32."""

INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
FLOATS = ("FLOAT", "DOUBLE")
TIMESTAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")

LOCAL_TIME = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?)?"
ISO_8601 = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"

SQL_TYPES: Mapping[DType, str] = {
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "int128": "HUGEINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "object": "VARCHAR",
    "datetime64[ns]": "TIMESTAMP_NS",
}

_PLACES = itertools.count()
T = TypeVar("T")


def in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Some at a time, in their order."""
    return (items[at : at + size] for at in range(0, len(items), size))


@dataclass
class Statement:
    """SQL that grows, with the values bound in it."""

    text: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    def add(self, text: str) -> Statement:
        self.text += text
        return self

    def bind(self, value: Any) -> str:
        """The place holder of a value, for use in the text; unlike any other, since statements are joined."""
        name = f"p{next(_PLACES)}"
        self.parameters[name] = value
        return f"${name}"

    def then(self, other: Statement) -> Statement:
        self.parameters |= other.parameters
        return self.add(other.text)

    def copied_to(self, file: Path) -> Statement:
        """What it selects becomes a Parquet file."""
        statement = Statement("COPY (").then(self)
        return statement.add(f") TO {statement.bind(str(file))} (FORMAT parquet)")


@dataclass(frozen=True)
class Reading:
    """How one column is read as one type: three expressions over it, and their names in the projection.

    present: there is a value. valid: it is of the type (false, never null, where it is not). value: as the type;
    means something only where valid.
    """

    column: str
    present: str
    valid: str
    value: str
    physical: str

    @property
    def present_name(self) -> str:
        return f"{self.column}_present"

    @property
    def valid_name(self) -> str:
        return f"{self.column}_valid"

    @property
    def value_name(self) -> str:
        return f"{self.column}_value"

    @property
    def read(self) -> str:
        """Of the innermost selection: DuckDB reads a value anew for each expression that names it within an AND."""
        return f"{self.column}, {self.value} AS {self.value_name}"

    @property
    def projection(self) -> str:
        """Over `read`."""
        valid = self.valid if self.value == self.column else self.valid.replace(self.value, self.value_name)
        return (
            f"{self.column}, {self.present} AS {self.present_name},"
            f" coalesce({self.present} AND {valid}, false) AS {self.valid_name}, {self.value_name}"
        )

    def looked_at(self, query: ValueQuery) -> str:
        """The count of the rows that the query is about."""
        if isinstance(query, Missing | Lacking):
            return "count(*)"
        return f"counted_if({self.present_name if isinstance(query, Malformed) else self.valid_name})"

    def shown(self, query: ValueQuery, cut: int) -> str:
        text = f"left({self.column}::VARCHAR, {cut:d})"
        if isinstance(query, Lacking):
            return f"CASE WHEN {self.present_name} THEN {text} ELSE 'null' END"
        return "'null'" if isinstance(query, Missing) else text


def evenly(place: str, most: int, of: int) -> str:
    """The condition that takes about `most` of so many places, always the same ones: those whose multiple of the golden ratio
    has a small enough fraction. No other sequence lies as evenly, and none that repeats itself falls in with it: every
    hundredth row would be of the same hour wherever rows come in a fixed order (Knuth, The Art of Computer Programming 3,
    1998, section 6.4). place: whole numbers."""
    if most >= of:
        return "true"
    return f"((({place})::BIGINT & {(1 << 31) - 1}) * {GOLDEN}) & {(1 << 32) - 1} < {(most << 32) // of}"


def stored_as(physical: str) -> Stored:
    """DuckDB's type in the engine-neutral word."""
    if physical in INTEGERS:
        return "integer"
    if physical in FLOATS or physical.startswith("DECIMAL"):
        return "number"
    if physical in TIMESTAMPS:
        return "timestamp"
    words: Mapping[str, Stored] = {"VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date"}
    return words.get(physical, "other")


def reading(position: int, column: StoredColumn, kind: ValueType | None) -> Reading:
    name = f"c{position}"
    present = f"{name} IS NOT NULL"
    if column.physical in FLOATS:
        present = f"({present} AND NOT isnan({name}))"
    valid, value = _as_type(name, column, kind) if kind else ("true", name)
    return Reading(name, present, valid, value, column.physical)


def _as_type(name: str, column: StoredColumn, kind: ValueType) -> tuple[str, str]:
    """(valid, value). What DuckDB would cast and other readers would not take for the type is not valid: 1_000, 0x10,
    +-1, inf, 1.5 as the whole number 2, 2013/1/1."""
    if column.stored == "text":
        return _text_as_type(name, kind)
    if kind == "timestamp":
        return f"epoch_us({name}) IS NOT NULL", f"epoch_us({name})"
    if kind == "date":
        return f"isfinite({name})", name
    if column.physical in FLOATS:
        return f"isfinite({name})" + (f" AND {name} = trunc({name})" if kind == "integer" else ""), name
    if kind == "integer" and column.stored == "number":
        return f"{name} = trunc({name})", name
    return "true", name


def _text_as_type(name: str, kind: ValueType) -> tuple[str, str]:
    number = f"TRY_CAST({name} AS DOUBLE)"
    plain_number = f"isfinite({number}) AND NOT contains({name}, '_') AND NOT contains({name}, '+-')"
    whole = f"TRY_CAST({name} AS HUGEINT)"
    day = f"TRY_CAST({name} AS DATE)"
    moment = f"epoch_us(TRY_CAST({name} AS TIMESTAMPTZ))"
    return {
        "string": ("true", name),
        "number": (plain_number, number),
        "integer": (f"{plain_number} AND {number} = trunc({number}) AND {whole} IS NOT NULL", whole),
        "boolean": (f"lower({name}) IN ('true', 'false')", f"lower({name}) = 'true'"),
        "date": (f"length({name}) = 10 AND {day}::VARCHAR = {name}", day),
        "timestamp": (f"regexp_full_match({name}, '{ISO_8601}') AND {moment} IS NOT NULL", moment),
    }[kind]


def handed_over(column: StoredColumn, read: Reading, wanted: Wanted) -> tuple[str, str]:
    """(value, wrong): the value as wanted, null where there is none, and the condition under which it is not as wanted."""
    name, valid, value = read.column, read.valid, read.column
    if wanted.dtype is None and column.physical == "TIMESTAMP WITH TIME ZONE":
        value = f"replace(({name} AT TIME ZONE 'UTC')::VARCHAR, ' ', 'T') || 'Z'"  # else DuckDB asks for pytz
    if wanted.dtype is not None:
        source = name if wanted.dtype == "datetime64[ns]" else read.value
        value = f"TRY_CAST({source} AS {SQL_TYPES[wanted.dtype]})"
        valid += f" AND {value} IS NOT NULL"
        if wanted.dtype == "float32":
            valid += f" AND isfinite({value})"
        if wanted.dtype == "datetime64[ns]":
            valid += f" AND year({value}) BETWEEN 1678 AND 2261"  # the years that 64 bits hold whole
            if column.stored == "text":
                valid += f" AND regexp_full_match({name}, '{LOCAL_TIME}')"
    wrong = f"{read.present} AND NOT coalesce({valid}, false)"
    if not wanted.nullable:
        wrong = f"NOT {read.present} OR {wrong}"
    return f"CASE WHEN {read.present} THEN {value} END", wrong


def violation(query: ValueQuery, read: Reading, statement: Statement) -> str:
    """The condition under which a row is counted; limits are bound in the statement."""
    if isinstance(query, Missing):
        return f"NOT {read.present_name}"
    if isinstance(query, Lacking):
        texts = statement.bind(list(query.texts))
        return f"(NOT {read.present_name} OR list_contains({texts}::VARCHAR[], {read.column}::VARCHAR))"
    if isinstance(query, Malformed):
        return f"{read.present_name} AND NOT {read.valid_name}"
    if isinstance(query, Outside):
        sides = [
            f"{read.value_name} {sign} {limit(bound, read.physical, statement)}"
            for sign, bound in (("<", query.low), (">", query.high))
            if bound is not None
        ]
        return f"{read.valid_name} AND ({' OR '.join(sides)})"
    if isinstance(query, NotAllowed):
        allowed = statement.bind([as_bound(value) for value in query.allowed])
        one = _rounded("unnest", read.physical)
        return (
            f"{read.valid_name} AND {read.value_name} NOT IN (SELECT {one} FROM (SELECT unnest({allowed}) AS unnest))"
        )
    if isinstance(query, Mismatched):
        return f"{read.valid_name} AND NOT regexp_matches({read.value_name}, {statement.bind(query.pattern)})"
    if isinstance(query, WrongLength):
        sides = [
            f"length({read.value_name}) {sign} {bound:d}"
            for sign, bound in (("<", query.low), (">", query.high))
            if bound is not None
        ]
        return f"{read.valid_name} AND ({' OR '.join(sides)})"
    raise TypeError(f"{query} has no violating rows")


def limit(bound: Bound, physical: str, statement: Statement) -> str:
    """What the values of a column that is stored so are compared with."""
    return _rounded(statement.bind(as_bound(bound)), physical)


def as_bound(bound: Bound) -> Any:
    """As `Reading.value` has it: microseconds for a time."""
    return (bound - EPOCH) // timedelta(microseconds=1) if isinstance(bound, datetime) else bound


def _rounded(value: str, physical: str) -> str:
    """To single precision where the column is that, or 0.1 would be above 0.1."""
    return f"CAST({value} AS FLOAT)" if physical == "FLOAT" else value
