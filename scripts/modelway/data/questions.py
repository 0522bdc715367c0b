"""What an engine can be asked about a table. A check is made of questions (modelway.data.checks) and means the same in
every engine; an engine (modelway.data.engines) only counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from modelway.data.contract import ValueType

Bound = str | int | float | date | datetime
"""A limit or an allowed value; a datetime is in UTC."""

Stored = Literal["text", "integer", "number", "boolean", "date", "timestamp", "other"]
"""How a column's values are kept: `text` is read value by value, `other` can be read as no type."""


@dataclass(frozen=True)
class StoredColumn:
    """A column of the data. `physical` is its type in the file's own words."""

    name: str
    stored: Stored
    physical: str


@dataclass(frozen=True)
class Missing:
    """Rows without a value in the column: null, and NaN in a column that is stored as floating point."""

    column: str


@dataclass(frozen=True)
class Malformed:
    """Values that are there and cannot be read as the type."""

    column: str
    type: ValueType


@dataclass(frozen=True)
class Outside:
    """Values of the type that are below `low` or above `high`."""

    column: str
    type: ValueType
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True)
class NotAllowed:
    """Values of the type that are none of `allowed`."""

    column: str
    type: ValueType
    allowed: tuple[Bound, ...]


@dataclass(frozen=True)
class Repeated:
    """Rows whose values in these columns an earlier row has too; null equals null."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Newest:
    """The latest value of a column of type date or timestamp."""

    column: str
    type: ValueType


ValueQuestion = Missing | Malformed | Outside | NotAllowed | Newest
"""What one column's values answer, row by row."""

Question = ValueQuestion | Repeated


@dataclass(frozen=True)
class Sighting:
    """One violating value, as text (cut, not escaped), and where it was: the file (empty where there is one) and the
    row in it, counted from 1 without the header."""

    value: str
    row: int | None = None
    file: str = ""


@dataclass(frozen=True)
class Answer:
    """n: the rows or values looked at. count: how many of them are what was asked for. newest: for Newest, in UTC."""

    n: int
    count: int = 0
    newest: datetime | None = None
    examples: tuple[Sighting, ...] = ()


class Table(Protocol):
    """Opened data. Whatever cannot be read is InvalidInput with the file's name and the fix."""

    @property
    def columns(self) -> tuple[StoredColumn, ...]: ...

    def answers(self, questions: Sequence[Question], examples: int) -> tuple[int, tuple[Answer, ...]]:
        """The number of rows, and one answer for each question, with at most `examples` violating values each: the
        first ones, in the order of files and rows. Columns are named as in `columns`."""
