"""The usual distances between two distributions, from counts in the same cells. They are printed, and decide where a team's
own limit names one: all but the distance of Wasserstein and the two tests grow or shrink with the number of rows alone.

Logarithms are natural. Kullback-Leibler, Jensen-Shannon, PSI and chi-squared take numbers in about ten cells of equal share of
the reference (fewer where values repeat), texts in the ten most frequent ones and all others; to every count 1/2 is added
(Jeffreys), so that an empty cell does not make them infinite.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import msgspec

from modelway.data.drift.groups import bars, counts_of
from modelway.data.drift.sketch import SketchColumn
from modelway.distributions import chi_squared_above, kolmogorov_above


class Distances(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """None where one does not apply: a text has no order and no unit."""

    psi: float
    """Population stability index, sum (q - p) ln(q / p): symmetric Kullback-Leibler (Jeffreys 1946). About
    (groups - 1) (1/n + 1/m) where nothing has changed."""
    kl: float
    """Kullback-Leibler, sum q ln(q / p), of the current rows from the reference, in nats."""
    js: float
    """Jensen-Shannon: the square root of the divergence with logarithms of base 2, from 0 to 1 (Lin 1991; Endres and
    Schindelin 2003), as scipy.spatial.distance.jensenshannon has it with base=2."""
    wasserstein: float | None
    """The first Wasserstein distance, the area between the two distribution functions, in the reference's standard deviations;
    values lie evenly in their cells, in the outermost up to the column's own smallest and largest."""
    ks: float | None
    """Kolmogorov-Smirnov, over the edges of the cells."""
    ks_p: float | None
    """Kolmogorov's asymptotic p-value of it."""
    chi_squared: float
    """Pearson's, of the two rows of counts."""
    chi_squared_p: float
    cramers_v: float
    """sqrt(chi_squared / (n + m)), from 0 to 1."""


LIMITED = ("psi", "kl", "js", "wasserstein", "ks", "cramers_v")
"""Those that a limit may be set for."""


def distances(reference: SketchColumn, current: SketchColumn) -> Distances:
    """Both hold readable values, in the same cells."""
    p_counts, q_counts = counts_of(bars(reference, current))
    p, q = _smoothed(p_counts), _smoothed(q_counts)
    pairs = list(zip(p, q, strict=True))
    kl = _kl(q, p)
    middle = [(a + b) / 2 for a, b in pairs]
    js = (_kl(p, middle) + _kl(q, middle)) / 2 / math.log(2)
    chi, freedom = _chi_squared(p_counts, q_counts)
    numeric = reference.cells.kind != "category"
    ks = _ks(reference, current) if numeric else None
    n, m = reference.readable, current.readable
    return Distances(
        psi=sum((b - a) * math.log(b / a) for a, b in pairs),
        kl=kl,
        js=math.sqrt(max(js, 0.0)),
        wasserstein=_wasserstein(reference, current) if numeric else None,
        ks=ks,
        ks_p=kolmogorov_above(ks * math.sqrt(n * m / (n + m))) if ks is not None else None,
        chi_squared=chi,
        chi_squared_p=chi_squared_above(chi, freedom) if freedom else 1.0,
        cramers_v=math.sqrt(chi / (n + m)),
    )


def _smoothed(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]


def _kl(q: Sequence[float], p: Sequence[float]) -> float:
    return sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))


def _chi_squared(p: Sequence[int], q: Sequence[int]) -> tuple[float, int]:
    """The statistic and its degrees of freedom, over the cells that hold anything."""
    n, m = sum(p), sum(q)
    cells = [(a, b) for a, b in zip(p, q, strict=True) if a + b]
    chi = sum((a * m - b * n) ** 2 / (a + b) for a, b in cells) / (n * m)
    return chi, len(cells) - 1


def _ks(reference: SketchColumn, current: SketchColumn) -> float:
    n, m = reference.readable, current.readable
    both = zip(accumulate(reference.counts), accumulate(current.counts), strict=True)
    return max(abs(b / m - a / n) for a, b in both)


def _wasserstein(reference: SketchColumn, current: SketchColumn) -> float | None:
    """None where the reference holds one value alone."""
    one, other = _function(reference), _function(current)
    if reference.low == reference.high:
        return None
    points = sorted({*one.values, *other.values})
    unit = max(abs(points[0]), abs(points[-1]))  # squares of large numbers overflow; the result has no unit
    area = 0.0
    for left, right in pairwise(points):
        area += _area(other.at(left) - one.at(left), other.at(right) - one.at(right)) * _width(left, right, unit)
    cells = [
        (high - low, (left / unit + right / unit) / 2, _width(left, right, unit))
        for (left, right), (low, high) in zip(pairwise(one.values), pairwise(one.shares), strict=True)
    ]
    mean = sum(share * middle for share, middle, _ in cells)
    square = sum(share * ((middle - mean) ** 2 + width * width / 12) for share, middle, width in cells)
    return area / math.sqrt(square) if square > 0 else None


def _width(left: float, right: float, unit: float) -> float:
    width = right - left
    return width / unit if math.isfinite(width) else right / unit - left / unit


@dataclass(frozen=True)
class _Function:
    """A distribution function: at each of the rising values the share of rows at or below it, with a line between two."""

    values: Sequence[float]
    shares: Sequence[float]

    def at(self, value: float) -> float:
        place = bisect_left(self.values, value)
        if place == len(self.values):
            return 1.0
        if self.values[place] == value:
            return self.shares[place]
        if place == 0:
            return 0.0
        left, right = self.values[place - 1], self.values[place]
        along = _width(left, value, 1.0 + abs(right)) / _width(left, right, 1.0 + abs(right))
        return self.shares[place - 1] + along * (self.shares[place] - self.shares[place - 1])


def _function(column: SketchColumn) -> _Function:
    """Rows lie evenly in their cells, in the outermost between the edge and the column's own end: what one data set has far
    out is not where the other's are."""
    assert column.low is not None and column.high is not None
    values, shares = [math.nextafter(column.low, -math.inf)], [0.0]
    ends = (*(min(max(edge, column.low), column.high) for edge in column.cells.edges), column.high)
    for end, upto in zip(ends, accumulate(column.counts), strict=True):
        if end == values[-1]:
            shares[-1] = upto / column.readable
        else:
            values.append(end)
            shares.append(upto / column.readable)
    return _Function(values, shares)


def _area(before: float, after: float) -> float:
    """Below the absolute value of a line from one height to the other, over a width of 1."""
    if before * after >= 0:
        return abs(before + after) / 2
    return (before * before + after * after) / (2 * (abs(before) + abs(after)))
