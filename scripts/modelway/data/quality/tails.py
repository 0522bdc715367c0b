"""Where the tails of a column's values end, for skewed and heavy-tailed columns too: the fences of the kind `outliers`.

Each tail is fitted by itself. The distance of a quantile from the median, at z = the normal quantile of the same
probability, is taken to be A (e^(g z) - 1) / g e^(h z^2 / 2): Tukey's g-and-h distribution (Exploratory Data Analysis, 1977;
Hoaglin, in Exploring Data Tables, Trends, and Shapes, 1985, chapter 11), which has the normal (g = h = 0) and the log-normal
(h = 0) as members. g follows from the quantiles at 1/4 and 1/16 of the tail, or from those at 1/16 and 1/100 where it is
smaller so (a body with a long shoulder); A from that at 1/16; h from that at 1/100. So up to a hundredth of the values may
be wrong before they move a fence. The fence is where a tail of this shape would have `EXPECTED` of all n values beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, log
from statistics import NormalDist

EXPECTED = 0.001
"""Values of sound data beyond a fence, of the whole column."""
QUARTER, SIXTEENTH, HUNDREDTH = 0.25, 0.0625, 0.01
Z_QUARTER, Z_SIXTEENTH, Z_HUNDREDTH = (NormalDist().inv_cdf(1 - p) for p in (QUARTER, SIXTEENTH, HUNDREDTH))
MOST_G, MOST_H = 8.0, 0.3
LEAST_VALUES, LEAST_DISTINCT = 100, 20
"""With fewer, quantiles say too little of a tail: then only what stands far apart is an outlier."""
FAR = 5
"""A gap that is this many times as long as all of the range on its other side."""

Ends = Sequence[tuple[float, int]]
"""Different values with their counts, from the end inwards."""


@dataclass(frozen=True)
class Fences:
    """Values below low and above high are outliers; None where there is no telling."""

    low: float | None
    high: float | None


def fence(distances: Mapping[float, float], n: int) -> float | None:
    """How far from the median a tail of n values reaches. distances: of the quantiles at QUARTER, SIXTEENTH and HUNDREDTH from
    the median, by the share beyond them. None where half of a tail is one value."""
    quarter, sixteenth, hundredth = (distances[p] for p in (QUARTER, SIXTEENTH, HUNDREDTH))
    if quarter <= 0 or sixteenth <= 0:
        return None
    g = min(
        _skewness(sixteenth / quarter, Z_QUARTER, Z_SIXTEENTH),
        _skewness(hundredth / sixteenth, Z_SIXTEENTH, Z_HUNDREDTH),
    )
    scale = sixteenth / _stretched(g, Z_SIXTEENTH)
    beyond = hundredth / (scale * _stretched(g, Z_HUNDREDTH))
    h = min(max(2 * log(beyond) / (Z_HUNDREDTH**2 - Z_SIXTEENTH**2), 0.0), MOST_H)
    z = -NormalDist().inv_cdf(EXPECTED / n)
    return scale * _stretched(g, z) * exp(h * (z**2 - Z_SIXTEENTH**2) / 2)


def far_apart(ends: Ends, other_end: float) -> int:
    """How many of the outermost different values a gap cuts off that is FAR longer than all that lies between it and the other
    end: 9999 among ages."""
    values = [value for value, _ in ends]
    cut = 0
    for at in range(1, len(values)):
        inner = abs(values[at] - other_end)
        if inner > 0 and abs(values[at - 1] - values[at]) > FAR * inner:
            cut = at
    return cut


def _stretched(g: float, z: float) -> float:
    return expm1(g * z) / g if g else z


def _skewness(ratio: float, near: float, far: float) -> float:
    """g, from the ratio of the distances at the normal quantiles far and near; 0 where the tail is no longer than the normal
    distribution's."""
    low, high = 0.0, MOST_G
    if ratio <= far / near:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        if _stretched(middle, far) / _stretched(middle, near) < ratio:
            low = middle
        else:
            high = middle
    return low
