"""What a profile asks of a table beside `modelway.data.quality.queries`. Every figure but those of `Joint` is exact, and all
are the same whatever the number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelway.data.quality.queries import Parted, Question
from modelway.data.values import ValueType


@dataclass(frozen=True)
class Celled(Question[Mapping[int, int]]):
    """Cell -> rows."""

    part: Parted


@dataclass(frozen=True)
class Moments(Question[tuple[int, int]]):
    """The sums of w and of w squared over the values of a column of numbers, w being the whole number nearest to
    (value - centre) * scale. Sums of whole numbers are the same in any order."""

    column: str
    type: ValueType
    centre: float
    scale: float


@dataclass(frozen=True)
class MissingTogether(Question[Mapping[tuple[str, ...], int]]):
    """Which of these columns (62 at most) are missing in the same rows -> rows; the most frequent sets first, `most` of them,
    without that of no column."""

    columns: tuple[str, ...]
    most: int


@dataclass(frozen=True)
class FirstRows(Question[tuple[tuple[str | None, ...], ...]]):
    """The first rows: a text for each of these columns, cut; None where it is missing."""

    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Joint(Question[tuple[int, Mapping[tuple[str, str], Mapping[tuple[int, int], int]]]]):
    """Of each pair of columns: (cell of the one, cell of the other) -> rows, over all rows or about `most` of them, spread
    evenly (ROWS_CROSSED at most); and how many rows these are."""

    parts: tuple[Parted, ...]
    most: int
