"""The usual distances between two distributions, from counts in the same cells. They are printed, and decide where a team's
own limit names one: all but the distance of Wasserstein and the two tests grow or shrink with the number of rows alone.

Logarithms are natural. Kullback-Leibler, Jensen-Shannon, PSI and chi-squared take numbers in about ten cells of equal share of
the reference (fewer where values repeat), texts in the ten most frequent ones and all others; to every count 1/2 is added
(Jeffreys), so that an empty cell does not make them infinite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    values lie evenly in their cells."""
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
    lows = [column.low for column in (reference, current) if column.low is not None]
    highs = [column.high for column in (reference, current) if column.high is not None]
    low, high = min(lows), max(highs)
    unit = max(abs(low), abs(high)) or 1.0  # squares of large numbers overflow; the result has no unit
    points = [value / unit for value in (low, *(min(max(edge, low), high) for edge in reference.cells.edges), high)]
    n, m = reference.readable, current.readable
    mean = square = area = before = 0.0
    for at, (left, right) in enumerate(pairwise(points)):
        width, p = right - left, reference.counts[at] / n
        middle = left + width / 2
        mean += p * middle
        after = before + current.counts[at] / m - p
        area += _area(before, after) * width
        before = after
    for at, (left, right) in enumerate(pairwise(points)):
        width, p = right - left, reference.counts[at] / n
        square += p * ((left + width / 2 - mean) ** 2 + width * width / 12)
    deviation = math.sqrt(square)
    return area / deviation if deviation > 0 else None


def _area(before: float, after: float) -> float:
    """Below the absolute value of a line from one height to the other, over a width of 1."""
    if before * after >= 0:
        return abs(before + after) / 2
    return (before * before + after * after) / (2 * (abs(before) + abs(after)))
