"""What an engine can be asked about a table. A check is made of queries (modelway.data.kinds) and means the same in
every engine; an engine (modelway.data.engines) only counts.

msgspec makes these classes in a tenth of the time that dataclasses take, and every step that reads data makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from modelway.data.rule_queries import (
    Broken,
    Descending,
    GroupsOutside,
    Returned,
    RowQuery,
    TableQuery,
    Unreferenced,
)
from modelway.data.values import Bound, Stored, ValueType


class StoredColumn(msgspec.Struct, frozen=True):
    """A column of the data. `physical` is its type in the file's own words."""

    name: str
    stored: Stored
    physical: str


class Missing(msgspec.Struct, frozen=True):
    """Rows without a value in the column: null, and NaN in a column that is stored as floating point."""

    column: str


class Malformed(msgspec.Struct, frozen=True):
    """Values that are there and cannot be read as the type."""

    column: str
    type: ValueType


class Outside(msgspec.Struct, frozen=True):
    """Values of the type that are below `low` or above `high`."""

    column: str
    type: ValueType
    low: Bound | None
    high: Bound | None


class NotAllowed(msgspec.Struct, frozen=True):
    """Values of the type that are none of `allowed`."""

    column: str
    type: ValueType
    allowed: tuple[Bound, ...]


class Repeated(msgspec.Struct, frozen=True):
    """Rows whose values in these columns an earlier row has too. Null equals null; with `of_present`, rows in which one of
    them is null are not looked at."""

    columns: tuple[str, ...]
    of_present: bool = False


class Newest(msgspec.Struct, frozen=True):
    """The latest value of a column of type date or timestamp."""

    column: str
    type: ValueType


ValueQuery = Missing | Malformed | Outside | NotAllowed | Newest | RowQuery
"""What one column's values answer, row by row."""

Query = ValueQuery | Repeated | TableQuery


def columns_of(query: Query) -> tuple[str, ...] | None:
    """The columns whose values an answer may show; None where that may be any."""
    if isinstance(query, Returned):
        return None
    if isinstance(query, Descending):
        return (query.column, *query.by)
    return query.columns if isinstance(query, Repeated | Broken | GroupsOutside | Unreferenced) else (query.column,)


class Sighting(msgspec.Struct, frozen=True):
    """One violating value, as text (cut, not escaped), and where it was: the file (empty where there is one) and the
    row in it, counted from 1 without the header."""

    value: str
    row: int | None = None
    file: str = ""


class Answer(msgspec.Struct, frozen=True):
    """n: the rows or values looked at. count: how many of them are what was asked for. newest: for Newest, in UTC. number:
    for Returned, its one value; None where that is null or not finite."""

    n: int
    count: int = 0
    newest: datetime | None = None
    number: float | None = None
    examples: tuple[Sighting, ...] = ()


DType = Literal["bool", "int32", "int64", "int128", "float32", "float64", "object", "datetime64[ns]"]
"""How values are handed over, by numpy's names: `object` is text, and int128 is for Python alone. datetime64 has no time
zone, so a value that has one does not fit; nor does a number that is too large."""


class Wanted(msgspec.Struct, frozen=True):
    """How a column's values are to be read. type: what each must be; None: anything. dtype: what it becomes; None: as it is
    stored. asked: who wants it so, for a message: `long, which the model's signature asks for`."""

    type: ValueType | None = None
    dtype: DType | None = None
    nullable: bool = True
    asked: str = ""


class Wrong(msgspec.Struct, frozen=True):
    """The first value that is not as wanted. value: as text; None where one is missing that must be there. where: the file,
    and the line or row in it."""

    column: str
    value: str | None
    where: str


class Table(Protocol):
    """Opened data. Whatever cannot be read is InvalidInput with the file's name and the fix."""

    @property
    def columns(self) -> tuple[StoredColumn, ...]: ...

    def answers(self, queries: Sequence[Query], examples: int) -> tuple[int, tuple[Answer, ...]]:
        """The number of rows, and one answer for each query, with at most `examples` violating values each: the
        first ones, in the order of files and rows. Columns are named as in `columns`."""


class PlacedRow(msgspec.Struct, frozen=True):
    """A row of the data. file, row: as in a Sighting. cells: each value as text, as `Table.columns` has them; None where it is
    missing."""

    file: str
    row: int
    cells: tuple[str | None, ...]


@runtime_checkable
class PlacedTable(Table, Protocol):
    """A table that finds its violating rows again. A place is a row's number in the order of files and rows, from 1."""

    def places(self, queries: Sequence[Query], most: int) -> tuple[tuple[int, ...], ...]:
        """For each query the places of its first `most` violating rows; of what has none (groups, SQL), nothing."""

    def rows_at(self, places: Sequence[int]) -> list[PlacedRow]:
        """The rows at these places, in their order."""


class RowTable(Table, Protocol):
    """A table whose rows can be handed over, beside what is counted."""

    def keep(self, names: Sequence[str]) -> None:
        """Read the files now, once: all that is asked of these columns afterwards is answered without them."""

    def first_wrong(self, wanted: Mapping[str, Wanted]) -> Wrong | None: ...

    def arrays(self, wanted: Mapping[str, Wanted]) -> dict[str, Any]:
        """Each column as a masked numpy array; means something only where nothing is wrong."""

    def lists(self, wanted: Mapping[str, Wanted]) -> dict[str, list[Any]]:
        """Each column as Python's values, a missing one None; needs no numpy."""
