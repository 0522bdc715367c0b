"""What is watched of each column: a few numbers of a day, worked out from its cells.

- level, of numbers: the mean of the normal scores of the rows' cells (van der Waerden), in standard deviations of the
  reference. spread: half of their mean square above 1.
- share, of texts and truth values: the angle 2 asin(sqrt(p)) of one value's share (Cohen 1988), so that its noise does not
  depend on p. missing, unseen: the same of the rows without a value, and of those whose value the reference has not: a text
  without a cell, a number in a cell where the reference has none, what is not of the column's kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Literal

from modelway.data.drift.sketch import DataSketch, SketchColumn

ScoreKind = Literal["level", "spread", "share", "missing", "unseen"]
MARGINS: Mapping[ScoreKind, float] = {"level": 0.1, "spread": 0.1, "share": 0.05, "missing": 0.05, "unseen": 0.1}
"""The smallest lasting change that matters. Of angles: 0.05 is 10 to 11.5 %, or 1 to 1.6 %; 0.1 is 0 to 0.25 %."""
WEIGHTS: Mapping[ScoreKind, float] = {"level": 0.4, "spread": 0.2, "share": 0.6, "missing": 0.3, "unseen": 0.1}
"""Of one column's vote."""
MOST_SHARES = 7
LEAST_SHARE = 0.01
"""Of the reference's rows: a text that is rarer is watched together with all others."""
OTHERS = None
"""The place of the texts that have no share of their own."""


@dataclass(frozen=True)
class Score:
    """Of one column. value: the text whose share it is; OTHERS for the rest. margin: in its own unit. weight: those of all
    scores add up to 1 at most."""

    column: str
    of: ScoreKind
    margin: float
    weight: float
    value: str | None = None


@dataclass(frozen=True)
class DayScore:
    """value: None where no row of the day tells it. n: the rows that it is of."""

    value: float | None
    n: int

    @property
    def noise(self) -> float:
        """The variance of a value that is a mean over n rows that are independent."""
        return 1 / max(self.n, 1)


class ColumnScores:
    """The scores of one column, which a day's cells are put into."""

    def __init__(self, reference: SketchColumn, weight: float, moving: bool) -> None:
        """moving: a time, which goes on by itself: only whether it is there is watched."""
        self.name, self.kind = reference.name, reference.cells.kind
        readable = 0 if moving else reference.readable
        self.normal = _normal_scores(reference.counts) if self.kind == "number" and readable else ()
        self.empty = tuple(at for at, count in enumerate(reference.counts) if not count and self.kind == "number")
        self.shares = _shares(reference) if self.kind in ("category", "boolean") and readable else ()
        kinds: list[tuple[ScoreKind, str | None]] = [("missing", None)]
        if not moving and self.kind != "other":
            kinds.append(("unseen", None))
        kinds += [("level", None), ("spread", None)] if self.normal else []
        kinds += [("share", value) for value in self.shares]
        self.scores = tuple(
            Score(self.name, of, MARGINS[of], weight * WEIGHTS[of] / (len(self.shares) if of == "share" else 1), value)
            for of, value in kinds
        )

    def measured(self, column: SketchColumn | None) -> Iterator[DayScore]:
        """In the order of `scores`. column: None where the day's data has it not, which is as if all were missing."""
        if column is None:
            yield from (DayScore(math.pi if score.of == "missing" else None, 1) for score in self.scores)
            return
        rows = column.missing + column.unreadable + column.readable
        n = column.readable
        yield DayScore(angle(column.missing, rows), rows)
        if any(score.of == "unseen" for score in self.scores):
            elsewhere = sum(column.counts[at] for at in self.empty)
            yield DayScore(angle(column.unreadable + column.beyond + elsewhere, rows), rows)
        if self.normal:
            level, square = _moments(self.normal, column.counts)
            yield DayScore(level if n else None, n)
            yield DayScore((square - 1) / 2 if n else None, 2 * n)
        if self.shares:
            counts = _by_text(column)
            named = {value: counts.get(value, 0) for value in self.shares if value is not OTHERS}
            for value in self.shares:
                count = n - sum(named.values()) if value is OTHERS else named[value]
                yield DayScore(angle(count, n), n)


def angle(count: int, n: int) -> float | None:
    """2 asin(sqrt(count / n))."""
    return 2 * math.asin(math.sqrt(count / n)) if n else None


def scores_of(reference: DataSketch) -> tuple[ColumnScores, ...]:
    """Of every column, each with the same vote."""
    weight = 1 / max(1, len(reference.columns))
    return tuple(ColumnScores(column, weight, column.cells.kind == "time") for column in reference.columns)


def day_of(columns: Sequence[ColumnScores], day: DataSketch) -> list[DayScore]:
    found = day.by_name
    return [one for column in columns for one in column.measured(found.get(column.name))]


def _normal_scores(counts: Sequence[int]) -> tuple[float, ...]:
    """Of each cell, by the middle of its ranks in the reference; of mean 0 and variance 1 there."""
    total = sum(counts)
    ends = list(accumulate(counts))
    ranks = [(end - count / 2) / total for end, count in zip(ends, counts, strict=True)]
    half = 0.5 / total
    raw = [NormalDist().inv_cdf(min(max(rank, half), 1 - half)) for rank in ranks]
    mean, square = _moments(raw, counts)
    scale = math.sqrt(max(square - mean * mean, 0.0))
    return tuple((one - mean) / scale for one in raw) if scale > 0 else ()


def _moments(scores: Sequence[float], counts: Sequence[int]) -> tuple[float, float]:
    """The mean, and that of the squares; 0 where there are no rows."""
    n = max(1, sum(counts))
    both = list(zip(scores, counts, strict=True))
    return math.fsum(a * count for a, count in both) / n, math.fsum(a * a * count for a, count in both) / n


def _by_text(column: SketchColumn) -> dict[str, int]:
    if column.cells.kind == "boolean":
        return {"true": column.counts[-1]}
    return dict(zip(column.cells.values, column.counts, strict=True))


def _shares(reference: SketchColumn) -> tuple[str | None, ...]:
    if reference.cells.kind == "boolean":
        return ("true",)
    frequent = sorted(_by_text(reference).items(), key=lambda item: (-item[1], item[0]))
    own = [value for value, count in frequent[:MOST_SHARES] if count >= LEAST_SHARE * reference.readable]
    if not own:
        return ()  # texts of which each row has its own, as identifiers do
    return (*own, OTHERS) if len(own) < len(frequent) or reference.beyond else tuple(own)
