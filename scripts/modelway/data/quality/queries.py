"""What a check of quality asks of a table beside `modelway.data.queries`, and what it is told. An engine only counts: every
figure is exact, but for `Crossed` of many rows, and the same whatever the number of threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from modelway.data.queries import Answer, Query, StoredColumn
from modelway.data.values import ValueType

A = TypeVar("A")

Value = str | int | float | bool
"""One value of a column; dates and times as microseconds since 1970-01-01 UTC."""

SHAPES = (
    *("whole", "zero-led", "decimal", "thousands", "decimal-comma", "with-unit", "truth", "date", "timestamp"),
    *("slashed-date", "dotted-date", "missing-word", "infinite", "blank", "words"),
)
"""How a text is written, each the first that fits: 12; 007; 1.5 or 1e3; 1,234.5; 1,5; 12 kg or 5 %; yes; 2026-11-21;
2026-11-21T08:30; 21/11/2026; 21.11.2026; n/a or ?; inf; blanks alone; anything else."""

FAULTS = ("replacement", "mojibake", "control", "blanks", "decomposed", "mixed-scripts")
"""What can be wrong with the letters of a text: U+FFFD, which stands for a byte that was lost; UTF-8 that was read as Latin-1
or Windows-1252; control characters; blanks around it; letters and accents apart (not NFC); letters of two scripts in one
word."""

GRID = 40
PROBABILITIES = tuple(sorted({*(at / GRID for at in range(1, GRID)), 0.001, 0.01, 0.0625, 0.9375, 0.99, 0.999}))
"""Of the quantiles that every distribution has."""

TOP, ENDS = 100, 10
ROWS_CROSSED = 500_000
"""Of more rows, what goes with what is told by about so many of them, always the same ones: spread evenly, so that no order
that repeats itself falls in with them. A share is within 0.15 points then (95 %)."""


class Question(Generic[A]):
    """A question whose answer is an A."""


@dataclass(frozen=True)
class CountedRows(Question[Answer]):
    """A query that every engine answers, with its examples."""

    query: Query


@dataclass(frozen=True)
class Distribution:
    """n: values looked at. distinct: different ones. top: the most frequent with their counts, ties the largest value first.
    low, high: the smallest and the largest different values with their counts, from the end inwards. rarest: the least
    frequent value with its count, ties the smallest value. quantiles: by probability, each a value that is there (the
    smallest with at least this share at or below it); of numbers and times.
    whole, zero, negative: of numbers. shortest, longest: characters, of text."""

    n: int
    distinct: int
    top: tuple[tuple[Value, int], ...] = ()
    low: tuple[tuple[Value, int], ...] = ()
    high: tuple[tuple[Value, int], ...] = ()
    rarest: tuple[tuple[Value, int], ...] = ()
    quantiles: Mapping[float, Any] | None = None
    whole: int = 0
    zero: int = 0
    negative: int = 0
    shortest: int = 0
    longest: int = 0


@dataclass(frozen=True)
class Spread(Question[Distribution]):
    """How the values of a column lie. n: how many are of the type, or, of a part of them, how many these are; None of a part:
    not known. without: values that are left out. above, up_to: only values above the one and at most the other."""

    column: str
    type: ValueType
    n: int | None
    without: tuple[Value, ...] = ()
    above: Value | None = None
    up_to: Value | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is about every value of the column."""
        return not self.without and self.above is None and self.up_to is None


@dataclass(frozen=True)
class Texts:
    """shapes, faults: name -> rows. widths: number of digits -> rows, of those that are digits alone."""

    n: int
    shapes: Mapping[str, int]
    faults: Mapping[str, int]
    widths: Mapping[int, int]
    distribution: Distribution


@dataclass(frozen=True)
class Writing(Question[Texts]):
    """How the texts of a column are written."""

    column: str


@dataclass(frozen=True)
class Variants(Question[Answer]):
    """Rows whose text differs from a more frequent one of the column in case, in blanks or in the form of its accents alone;
    each example is a pair of such texts."""

    column: str


@dataclass(frozen=True)
class WrittenForm(Question[Answer]):
    """The first rows whose text has one of these shapes or faults; of a column of text."""

    column: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class NarrowDigits(Question[Answer]):
    """Rows whose text is digits alone, and fewer of them than `width`."""

    column: str
    width: int


@dataclass(frozen=True)
class EmptyRows(Question[Answer]):
    """Rows in which every one of these columns is missing."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class RepeatedRows(Question[Answer]):
    """Rows that are equal to an earlier one in all of these columns; null equals null. An example names the earlier row."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Rising(Question[int]):
    """How many values are larger than the one in the row before."""

    column: str
    type: ValueType


@dataclass(frozen=True)
class Parted:
    """The values of a column in cells. edges: cell i has the values above i of them (a value on an edge is below it). values:
    cell i + 1 has the value i, and cell 0 all others. One of the two. A missing value, and one that is not of the type, is in
    cell -1."""

    column: str
    type: ValueType
    edges: tuple[float, ...] = ()
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Crossed(Question[Mapping[tuple[int, int, int], int]]):
    """(cell of the one, cell of the other, the row's half) -> rows, of ROWS_CROSSED. The half of a row is the parity of the
    ones in its number, in binary, counted from 1 (the sequence of Thue and Morse): no order that repeats itself falls in with
    it. other: None: its cell is 0."""

    one: Parted
    other: Parted | None


class Answers:
    """What was told, by what was asked."""

    def __init__(self) -> None:
        self._told: dict[Question[Any], Any] = {}

    def add(self, question: Question[A], answer: A) -> None:
        self._told[question] = answer

    def __contains__(self, question: object) -> bool:
        return question in self._told

    def __getitem__(self, question: Question[A]) -> A:
        return cast(A, self._told[question])


class QualityTable(Protocol):
    """Opened data. Whatever cannot be read is InvalidInput with the file's name and the fix."""

    @property
    def columns(self) -> tuple[StoredColumn, ...]: ...

    @property
    def rows(self) -> int: ...

    def settle(self, types: Mapping[str, ValueType]) -> None:
        """These columns will be asked for as values of these types: an engine may convert them once. No question's answer
        depends on it."""

    def write_parts(self, groups: Sequence[Sequence[str]], file: Path) -> None:
        """A row for each row, with a hash of each group of columns, for `count_near` of the same engine. Numbers count with
        three digits, texts without case and blanks around them."""

    def tell(self, questions: Sequence[Question[Any]], examples: int) -> Answers:
        """Every question's answer, with at most so many examples each: the first ones, in the order of files and rows."""
