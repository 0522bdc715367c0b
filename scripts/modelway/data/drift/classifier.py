"""A classifier two-sample test: can rows of the reference be told from current ones, by all columns together?

Naive Bayes over the cells: a row's score is the sum over its columns of the logarithm of how much more frequent its cell is
among the current rows. It sees many small shifts that point the same way, and each of them; a change of how columns hang
together, with every column's own distribution as it was, it cannot see. (Lopez-Paz and Oquab 2017, Revisiting classifier
two-sample tests, with this classifier and the area under its ROC curve.)
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import NormalDist

import msgspec

from modelway.data.cells import ColumnCells
from modelway.data.drift.effects import ColumnEffect, Levels
from modelway.data.drift.judging import DriftOutcome, outcome_of
from modelway.distributions import t_quantile

SMOOTHING = 1.0
"""Rows that are added to each cell of both: rare cells are no evidence."""
FEWEST = 10
"""Rows, or clusters, of each data set in each half; with fewer it is inconclusive."""

SampledRow = tuple[str | None, tuple[float | str | None, ...]]


class DomainTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """value, low, high: of the area under the ROC curve, of rows that it did not learn from; 0.5 where nothing can be told.
    weights: how much each column helps, the most helpful first: the mean difference of the two scores."""

    outcome: DriftOutcome
    n: tuple[int, int]
    value: float | None
    low: float | None = None
    high: float | None = None
    margin: float
    """Above 0.5."""
    columns: tuple[tuple[str, float], ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class _Rows:
    """Rows of one data set, or some of them. columns: the cell of each row, column by column. clusters: of each row; empty
    where none is named. halves: 0 or 1."""

    columns: Sequence[Sequence[int]]
    clusters: Sequence[str]
    halves: Sequence[int]

    def of_half(self, half: int) -> _Rows:
        wanted = [one == half for one in self.halves]
        columns = [list(compress(column, wanted)) for column in self.columns]
        return _Rows(columns, list(compress(self.clusters, wanted)), [])

    def units(self, clustered: bool) -> int:
        return len(set(self.clusters)) if clustered else len(self.clusters)

    def scores(self, ratios: Sequence[Sequence[float]]) -> list[float]:
        scores = [0.0] * len(self.clusters)
        for ratio, column in zip(ratios, self.columns, strict=True):
            scores = [score + ratio[cell] for score, cell in zip(scores, column, strict=True)]
        return scores


def domain_test(
    cells: Sequence[ColumnCells],
    reference: Sequence[SampledRow],
    current: Sequence[SampledRow],
    margin: float,
    levels: Levels,
    *,
    clustered: bool,
) -> DomainTest:
    """Each half of the rows is scored by what was learned from the other half; halves are of whole clusters. The interval is
    DeLong's (1988, Biometrics 44:837-845); for clusters of his components summed by cluster (Obuchowski 1997, Biometrics
    53:567-578)."""
    n = len(reference), len(current)
    sides = [
        _Rows(_coded(cells, rows), [cluster or "" for cluster, _ in rows], _halves(rows, clustered))
        for rows in (reference, current)
    ]
    found: list[tuple[float, float, float]] = []
    weights = [0.0] * len(cells)
    for held in (0, 1):
        learned, kept = ([side.of_half(half) for side in sides] for half in (1 - held, held))
        if min(*(part.units(clustered) for part in kept), *(part.units(False) for part in learned)) < FEWEST:
            said = f"fewer than {FEWEST} {'clusters' if clustered else 'rows'} of one of them in a half"
            return DomainTest(outcome="inconclusive", n=n, value=None, margin=margin, detail=said)
        ratios = [
            _log_ratios(column.size + 2, *(part.columns[at] for part in learned)) for at, column in enumerate(cells)
        ]
        for at, ratio in enumerate(ratios):
            means = [sum(map(ratio.__getitem__, part.columns[at])) / len(part.clusters) for part in kept]
            weights[at] += (means[1] - means[0]) / 2
        scores = [part.scores(ratios) for part in kept]
        found.append(_area(scores, [part.clusters for part in kept], clustered))
    area = sum(value for value, _, _ in found) / 2
    error = math.sqrt(sum(variance for _, variance, _ in found)) / 2
    degrees = sum(degrees for _, _, degrees in found)
    low, high = area - _quantile(levels.drift, degrees) * error, area + _quantile(levels.none, degrees) * error
    effect = ColumnEffect(area - 0.5, low - 0.5, high - 0.5)
    order = sorted(zip(cells, weights, strict=True), key=lambda pair: (-pair[1], pair[0].name))
    return DomainTest(
        outcome=outcome_of(effect, margin),
        n=n,
        value=area,
        low=max(low, 0.0),
        high=min(high, 1.0),
        margin=margin,
        columns=tuple((column.name, weight) for column, weight in order[:10] if weight > 0),
    )


def _coded(cells: Sequence[ColumnCells], rows: Sequence[SampledRow]) -> list[list[int]]:
    """Of each column the cell of each value; two more for a text that has no cell, and for what is missing."""
    if not rows:
        return [[] for _ in cells]
    coded = []
    for column, values in zip(cells, zip(*(values for _, values in rows), strict=True), strict=True):
        size, missing, edges = column.size, column.size + 1, column.edges
        if column.kind == "category":
            place = {value: at for at, value in enumerate(column.values)}
            coded.append([missing if value is None else place.get(str(value), size) for value in values])
        else:
            coded.append([missing if value is None else bisect_left(edges, value) for value in values])
    return coded


def _halves(rows: Sequence[SampledRow], clustered: bool) -> list[int]:
    """0 or 1 for each row, or for each cluster: by a checksum of its place or name, since by turns would be by sex where rows
    alternate."""
    return [zlib.crc32((cluster or "" if clustered else str(at)).encode()) & 1 for at, (cluster, _) in enumerate(rows)]


def _log_ratios(size: int, reference: Sequence[int], current: Sequence[int]) -> list[float]:
    seen = [Counter(cells) for cells in (reference, current)]
    counts = [[SMOOTHING + one[cell] for cell in range(size)] for one in seen]
    n, m = map(sum, counts)
    return [math.log((b / m) / (a / n)) for a, b in zip(*counts, strict=True)]


def _area(
    scores: Sequence[Sequence[float]], clusters: Sequence[Sequence[str]], clustered: bool
) -> tuple[float, float, float]:
    """The area under the ROC curve, its variance, and the degrees of freedom of that. Of the reference, and of the current
    rows."""
    placements = _placements(*scores)
    area = sum(placements[1]) / len(placements[1])
    parts = []
    for placed, of in zip(placements, clusters, strict=True):
        n = len(placed)
        if clustered:
            sums: dict[str, float] = {}
            for cluster, value in zip(of, placed, strict=True):
                sums[cluster] = sums.get(cluster, 0.0) + value - area
            many = len(sums)
            parts.append((sum(value * value for value in sums.values()) * many / (many - 1) / (n * n), many - 1))
        else:
            parts.append((sum((value - area) ** 2 for value in placed) / (n - 1) / n, n - 1))
    return area, sum(variance for variance, _ in parts), min(degrees for _, degrees in parts)


def _placements(reference: Sequence[float], current: Sequence[float]) -> tuple[list[float], list[float]]:
    """For each score of the reference the share of current ones that are higher, and for each current one that of the
    reference's that are lower; equal scores count half."""
    n, m = len(reference), len(current)
    old, new = sorted(reference), sorted(current)
    below = [1 - (bisect_left(new, score) + bisect_right(new, score)) / 2 / m for score in reference]
    above = [(bisect_left(old, score) + bisect_right(old, score)) / 2 / n for score in current]
    return below, above


def _quantile(tail: float, degrees: float) -> float:
    return t_quantile(1 - 2 * tail, degrees) if degrees < 1000 else -NormalDist().inv_cdf(tail)
