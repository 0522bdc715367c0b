"""What is asked where a model's predictions meet the labels that came later: joined by an identifier, or beside each other.

All of it is whole numbers, so that the same rows give the same answers whatever their order and the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelway.config.label_meaning import LabelMeaning
from modelway.data.dialect import CsvDialect
from modelway.data.queries import StoredColumn
from modelway.data.sources import Source

MOST_CLASSES = 1000
"""Of which the rows are told one by one."""


@dataclass(frozen=True)
class LabelSource:
    """Labels in data of their own. id: the column that both have."""

    source: Source
    dialect: CsvDialect
    id: str


@dataclass(frozen=True)
class LabelledRows:
    """The columns to join. time: of the prediction. label, arrived: the label, and when it came; columns of `labels` where
    that is given, else of the rows themselves. A class is a text, in which 1, 1.0, "1", true and "True" are one. numbers: both
    are numbers, and no classes. meaning: of the labels; a value that it says nothing of stays as it is."""

    time: str
    prediction: str
    label: str
    arrived: str | None = None
    labels: LabelSource | None = None
    numbers: bool = False
    meaning: LabelMeaning | None = None


@dataclass(frozen=True)
class JoinedRows:
    """rows: without those that repeat. repeated: rows whose identifier an earlier one has (by time, then by the prediction),
    which are left out. without_id, without_time, without_prediction: rows that lack it, or whose time cannot be read; they
    are in no day. labels: different identifiers with a label. again: labels that say once more what another one says.
    conflicting: labels' identifiers with two different labels; first_conflict: the least of them, as text. unknown:
    identifiers of labels that no row has. without_arrival: labels with no readable time of arrival, where that is asked for.
    scored: every prediction is a number from 0 to 1, or any one where numbers are asked for. worst: the least prediction, as
    text, that is none; None where scored. worst_label: the same of labels, where numbers are asked for. classes: rows by
    label, of at most MOST_CLASSES labels, the most frequent first; none of numbers. predicted: rows by predicted class; empty
    where scored."""

    rows: int
    repeated: int
    without_id: int
    without_time: int
    without_prediction: int
    labels: int
    again: int
    conflicting: int
    first_conflict: str | None
    unknown: int
    without_arrival: int
    scored: bool
    worst: str | None
    classes: Mapping[str, int]
    predicted: Mapping[str, int]
    worst_label: str | None = None


@dataclass(frozen=True)
class DayArrivals:
    """Of the predictions of one day since 1970, in UTC: how many there are, and how many of their labels came on each day. A
    label whose arrival nobody asked about came on the day of the prediction."""

    rows: int
    labels: Mapping[int, int]


@dataclass(frozen=True)
class DayOutcomes:
    """Of the predictions of one day whose label had come. hits: they were right. positives, negatives: by label. wins: twice
    the number of pairs of a positive and a negative in which the positive has the higher score, a tie counting half (Mann and
    Whitney). wins_of_positives, wins_of_negatives: the sum of the squares of twice each row's own number of them: what
    DeLong's variance is made of. Without scores the last five are 0, but for the counts by label where there is a positive
    class."""

    labels: int
    hits: int
    positives: int = 0
    negatives: int = 0
    wins: int = 0
    wins_of_positives: int = 0
    wins_of_negatives: int = 0


@dataclass(frozen=True)
class DayErrors:
    """Of the numbers that were predicted on one day and whose label had come. Of the errors e, prediction less label: the sums
    of their sizes, squares and fourth powers. Of c, the labels less the mean of the day's: of squares and fourth powers; and
    mixed: of e² c². The same to the last bit in whatever order the rows come."""

    labels: int
    sizes: float
    squares: float
    fourths: float
    spread: float
    spread_fourths: float
    mixed: float


@dataclass(frozen=True)
class Deciding:
    """positive: the class that a score speaks of; None: predictions are classes. threshold: a score at or above it is that
    class. scored: predictions are scores."""

    positive: str | None
    threshold: float
    scored: bool


@dataclass(frozen=True)
class BinCounts:
    """Of one day and one bin of the score: all predictions, those whose label had come, and the positive among them."""

    rows: int
    labels: int
    positives: int


def together(ones: Sequence[BinCounts]) -> BinCounts:
    """The rows of all of them."""
    return BinCounts(sum(one.rows for one in ones), sum(one.labels for one in ones), sum(one.positives for one in ones))


class LabelTable(Protocol):
    """Rows whose labels can be joined. Whatever cannot be read is InvalidInput with the file's name and the fix."""

    @property
    def columns(self) -> tuple[StoredColumn, ...]: ...

    def join(self, asked: LabelledRows) -> JoinedRows:
        """Once, before all else."""

    def arrivals(self) -> dict[int, DayArrivals]:
        """By day since 1970."""

    def outcomes(
        self, cutoffs: Mapping[int, int], deciding: Deciding, *, together: bool = False
    ) -> dict[int, DayOutcomes]:
        """Of these days, by the labels that had come by the end of the day that each has as its cutoff. A day without such
        labels is left out. together: all of them as one day, the first."""

    def errors(self, cutoffs: Mapping[int, int]) -> dict[int, DayErrors]:
        """The same of numbers."""

    def edges(self, days: Sequence[int], bins: int) -> tuple[float, ...]:
        """The scores, rising and each once, at equal shares of the predictions of these days: at most bins - 1."""

    def bins(
        self, cutoffs: Mapping[int, int | None], edges: Sequence[float], positive: str
    ) -> dict[tuple[int, int], BinCounts]:
        """By day and bin of the score, which has its upper edge in it. A day without a cutoff has no labels."""
