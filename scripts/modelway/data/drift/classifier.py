"""A classifier two-sample test: can rows of the reference be told from current ones, by all columns together?

Naive Bayes over the cells: a row's score is the sum over its columns of the logarithm of how much more frequent its cell is
among the current rows. It sees many small shifts that point the same way, and each of them; a change of how columns hang
together, with every column's own distribution as it was, it cannot see. (Lopez-Paz and Oquab 2017, Revisiting classifier
two-sample tests, with this classifier and the area under its ROC curve.)
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
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
class _Scored:
    """A row that was not learned from. cluster: empty where none is named."""

    score: float
    cluster: str


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
    coded = [_coded(cells, rows) for rows in (reference, current)]
    halves = [_halves(rows, clustered) for rows in (reference, current)]
    found: list[tuple[float, float, float]] = []
    weights = [0.0] * len(cells)
    for held in (0, 1):
        learned = [
            [row for row, half in zip(*both, strict=True) if half != held] for both in zip(coded, halves, strict=True)
        ]
        kept = [
            [(row, source[0] or "") for row, source, half in zip(rows, sources, split, strict=True) if half == held]
            for rows, sources, split in zip(coded, (reference, current), halves, strict=True)
        ]
        units = [len({cluster for _, cluster in part}) if clustered else len(part) for part in kept]
        if min(*units, *map(len, learned)) < FEWEST:
            said = f"fewer than {FEWEST} {'clusters' if clustered else 'rows'} of one of them in a half"
            return DomainTest(outcome="inconclusive", n=n, value=None, margin=margin, detail=said)
        ratios = [
            _log_ratios(column.size + 2, [row[at] for row in learned[0]], [row[at] for row in learned[1]])
            for at, column in enumerate(cells)
        ]
        scored = [[_Scored(sum(r[c] for r, c in zip(ratios, row, strict=True)), k) for row, k in part] for part in kept]
        for at, ratio in enumerate(ratios):
            means = [sum(ratio[row[at]] for row, _ in part) / len(part) for part in kept]
            weights[at] += (means[1] - means[0]) / 2
        found.append(_area(scored[0], scored[1], clustered))
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
    """The cell of each value; two more for a text that has no cell, and for what is missing."""
    if not rows:
        return []
    coded = []
    for column, values in zip(cells, zip(*(values for _, values in rows), strict=True), strict=True):
        size, missing, edges = column.size, column.size + 1, column.edges
        if column.kind == "category":
            place = {value: at for at, value in enumerate(column.values)}
            coded.append([missing if value is None else place.get(str(value), size) for value in values])
        else:
            coded.append([missing if value is None else bisect_left(edges, value) for value in values])
    return [list(row) for row in zip(*coded, strict=True)]


def _halves(rows: Sequence[SampledRow], clustered: bool) -> list[int]:
    """0 or 1 for each row, or for each cluster: by a checksum of its place or name, since by turns would be by sex where rows
    alternate."""
    return [zlib.crc32((cluster or "" if clustered else str(at)).encode()) & 1 for at, (cluster, _) in enumerate(rows)]


def _log_ratios(size: int, reference: Sequence[int], current: Sequence[int]) -> list[float]:
    counts = [[SMOOTHING] * size, [SMOOTHING] * size]
    for side, cells in enumerate((reference, current)):
        for cell in cells:
            counts[side][cell] += 1
    n, m = map(sum, counts)
    return [math.log((b / m) / (a / n)) for a, b in zip(*counts, strict=True)]


def _area(reference: Sequence[_Scored], current: Sequence[_Scored], clustered: bool) -> tuple[float, float, float]:
    """The area under the ROC curve, its variance, and the degrees of freedom of that."""
    below, above = _placements(reference, current)
    area = sum(above) / len(above)
    parts = []
    for rows, placed in ((reference, below), (current, above)):
        n = len(rows)
        if clustered:
            sums: dict[str, float] = {}
            for row, value in zip(rows, placed, strict=True):
                sums[row.cluster] = sums.get(row.cluster, 0.0) + value - area
            many = len(sums)
            parts.append((sum(value * value for value in sums.values()) * many / (many - 1) / (n * n), many - 1))
        else:
            parts.append((sum((value - area) ** 2 for value in placed) / (n - 1) / n, n - 1))
    return area, sum(variance for variance, _ in parts), min(degrees for _, degrees in parts)


def _placements(reference: Sequence[_Scored], current: Sequence[_Scored]) -> tuple[list[float], list[float]]:
    """For each row of the reference the share of current rows with a higher score, and for each current row that of the
    reference's with a lower one; equal scores count half."""
    scores = sorted(
        [(row.score, 0, at) for at, row in enumerate(reference)]
        + [(row.score, 1, at) for at, row in enumerate(current)]
    )
    n, m = len(reference), len(current)
    below, above = [0.0] * n, [0.0] * m
    seen = [0, 0]
    for _, tied in groupby(scores, key=lambda item: item[0]):
        group = list(tied)
        here = [sum(side == wanted for _, side, _ in group) for wanted in (0, 1)]
        for _, side, at in group:
            if side:
                above[at] = (seen[0] + here[0] / 2) / n
            else:
                below[at] = 1 - (seen[1] + here[1] / 2) / m
        seen = [seen[0] + here[0], seen[1] + here[1]]
    return below, above


def _quantile(tail: float, degrees: float) -> float:
    return t_quantile(1 - 2 * tail, degrees) if degrees < 1000 else -NormalDist().inv_cdf(tail)
