"""How often values fall into cells: what an engine is asked where the distribution of a column matters, not single values.

A number, a time and a truth value have cells between edges, each with its upper edge in it; a text has a cell for each value
of a list. What is missing and what cannot be read is counted apart. All of it is whole numbers, so that the counts of two
sets of rows are those of both together by addition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from modelway.data.queries import StoredColumn
from modelway.data.values import ValueType

CellKind = Literal["number", "boolean", "time", "category", "other"]
"""`other` is stored as nothing that can be read (a list, bytes): only missing values are counted."""

READ_AS: Mapping[CellKind, ValueType | None] = {
    "number": "number",
    "boolean": "boolean",
    "time": "timestamp",
    "category": "string",
    "other": None,
}
LONGEST_VALUE = 200
"""Characters. A longer text is counted as its first hundred and its MD5 (`…` between them)."""


class ColumnCells(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The cells of one column."""

    name: str
    kind: CellKind
    edges: tuple[float, ...] = ()
    """Upper edges, rising: cell i holds edges[i-1] < x <= edges[i], the last one what is above all. A truth value is 0 or 1, a
    time the microseconds since 1970 in UTC."""
    values: tuple[str, ...] = ()
    """The texts that have a cell."""
    least: int = 1
    """In the rows that the list was made of, each value has so many rows or more, and every other value fewer."""

    @property
    def size(self) -> int:
        """How many cells."""
        return len(self.values) if self.kind == "category" else len(self.edges) + 1


@dataclass(frozen=True)
class CellCounts:
    """The rows of one group in the cells of one column. missing: null, and NaN of floating point. unreadable: there, and not
    of the column's kind; infinity is none. beyond: texts that have no cell. low, high: the least and the greatest number."""

    missing: int
    unreadable: int
    counts: tuple[int, ...]
    beyond: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Grouping:
    """By what rows are counted apart. group: a column whose values name groups. time, width_us: windows of that many
    microseconds since 1970 instead. cluster: a column whose values mark rows that belong together. None: by nothing."""

    group: str | None = None
    time: str | None = None
    width_us: int = 0
    cluster: str | None = None


Key = tuple[str | None, str | None]
"""The group and the cluster, as text; a window is named by the microseconds of its beginning."""


@dataclass(frozen=True)
class GroupCounts:
    rows: int
    columns: dict[str, CellCounts]


@dataclass(frozen=True)
class Frequent:
    """values: the most frequent texts, by falling frequency and then by their characters, none of them as rare as any that is
    left out. least: the rows of the rarest that could be listed; 1 where all are."""

    values: tuple[str, ...]
    least: int


class CellTable(Protocol):
    """A table whose cells can be counted. `kinds`: how each of the columns asked for is read."""

    @property
    def columns(self) -> tuple[StoredColumn, ...]: ...

    def hold(self) -> None:
        """Make what is asked next cheap, where the data would be parsed anew each time."""

    def inferred(self, names: Sequence[str]) -> dict[str, CellKind]:
        """Of columns of text that nobody gave a type: boolean where all values are true or false, number where all are as JSON
        writes one, else category; category too where there is none."""

    def quantiles(
        self, kinds: Mapping[str, CellKind], shares: Sequence[float], rows: int
    ) -> dict[str, tuple[float, ...]]:
        """For each column of numbers: the values at these shares (rising) of a sample of about so many rows, taken evenly by
        position; empty where it holds none. The same files give the same values."""

    def frequent(self, name: str, most: int) -> Frequent:
        """Of a column of text, over all rows: at most so many values."""

    def counted(self, cells: Sequence[ColumnCells], by: Grouping) -> dict[Key, GroupCounts]:
        """Every row in its cells, exactly."""

    def sampled(
        self, cells: Sequence[ColumnCells], rows: int, cluster: str | None
    ) -> list[tuple[str | None, tuple[float | str | None, ...]]]:
        """About so many rows, taken evenly by position and in its order: the cluster, and each column's value as its cells
        take it; None where it is missing or cannot be read."""
