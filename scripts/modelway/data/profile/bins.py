"""The bars of a histogram: edges at round numbers, fine where most values are, on a scale by which the column can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10, nextafter

BARS = 24
SKEWED = 40
"""A positive column whose 99th percentile is this many times its median is drawn on a scale of powers of ten."""
MOST_EXPONENT = 308
CLOSE = 1e-6
"""Of a large number: the edges around it are numbers of their own."""
LARGEST_WHOLE = 2.0**52
"""Beyond it, numbers lie further apart than one."""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Bars:
    """edges: rising; bar i is of the values above the i-th and at most the next. Values at or below the first, and above the
    last, are told beside the bars. Where the smallest value would lie on the first edge, this is just below it. logarithmic:
    the edges are powers of ten, and parts of them. whole: values and edges are whole numbers, so that a bar is of those from
    the number after its first edge on."""

    edges: tuple[float, ...]
    logarithmic: bool = False
    whole: bool = False


def bars_of(quantiles: Sequence[Mapping[float, float]], low: float, high: float, whole: bool = False) -> Bars:
    """For data sets with these quantiles, whose smallest and largest values are low and high. whole: all values are."""
    if high <= low:
        half = max(0.5, abs(low) * CLOSE)
        return Bars((low - half, low + half))
    first, median, last = (
        min(one[0.001] for one in quantiles),
        max(one[0.5] for one in quantiles),
        max(one[0.99] for one in quantiles),
    )
    if low > 0 and last > SKEWED * median:
        return Bars(_powers(min(one[0.001] for one in quantiles), max(one[0.999] for one in quantiles)), True)
    last = max(one[0.999] for one in quantiles)
    middle = max(one[0.99] for one in quantiles) - min(one[0.01] for one in quantiles)
    if middle > 0:  # a long tail is cut where it would squeeze the rest
        first = max(low, min(first, low) if first - low < middle else min(one[0.01] for one in quantiles) - middle)
        last = min(high, high if high - last < middle else max(one[0.99] for one in quantiles) + middle)
    if last <= first:
        first, last = low, high
    whole = whole and max(abs(first), abs(last)) < LARGEST_WHOLE
    return Bars(_even(first, last, whole), whole=whole)


def _even(first: float, last: float, whole: bool) -> tuple[float, ...]:
    wanted = max(last / BARS - first / BARS, CLOSE * max(abs(first), abs(last)) / BARS)
    unit = 10.0 ** floor(log10(wanted))
    step = next(unit * one for one in STEPS if unit * one >= wanted * 0.999)
    step = max(1.0, float(ceil(step))) if whole else step
    start = floor(first / step)
    if whole:  # else some bars have more whole numbers than others
        count = floor(last / step) - start + 1
        return tuple((start + at) * step - 1 for at in range(min(count, 3 * BARS) + 1))
    count = max(1, ceil(last / step) - start)
    edges = sorted(
        {round((start + at) * step, 12 - floor(log10(step))) + 0.0 for at in range(min(count, 3 * BARS) + 1)}
    )
    return (nextafter(first, -inf) if edges[0] >= first else edges[0], *edges[1:])


def _powers(first: float, last: float) -> tuple[float, ...]:
    """Powers of ten, and parts of one where there are few."""
    low, high = floor(log10(first)), ceil(log10(last))
    parts = next((one for one in (6, 3, 2) if one * (high - low) <= 2 * BARS), 1)
    powers = -(-(high - low) // (2 * BARS))
    exponents = (low + at / parts for at in range(0, parts * (high - low + powers), powers))
    edges = {float(f"{10.0**exponent:.3g}") for exponent in exponents if exponent < MOST_EXPONENT}
    beyond = 10.0 ** (powers / parts)
    return tuple(sorted(edge for edge in edges if first / beyond <= edge <= last * beyond))


SECOND = 1_000_000
TIMES = tuple(
    SECOND * seconds
    for seconds in (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 91 * 86_400, 365 * 86_400)
)


def bars_of_times(quantiles: Sequence[Mapping[float, float]], low: float, high: float) -> Bars:
    """In microseconds; each bar is a round length of time."""
    first, last = min(one[0.001] for one in quantiles), max(one[0.999] for one in quantiles)
    first, last = (low, high) if high - low < 2 * (last - first) or last <= first else (first, last)
    step = next(
        (one for one in TIMES if (last - first) / one <= 2 * BARS), TIMES[-1] * ceil((last - first) / TIMES[-1] / BARS)
    )
    start = floor(first / step) * step - 1  # a bar is of the moments from a round one on
    return Bars(tuple(float(start + step * at) for at in range(max(1, ceil((last - start) / step)) + 1)), whole=True)
