"""What DuckDB found, as answers (modelway.data.quality.queries)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from modelway.data.quality import queries as asked
from modelway.data.quality.queries import ENDS, FAULTS, PROBABILITIES, SHAPES, TOP, Distribution


def distribution(row: Sequence[Any], total: int) -> Distribution:
    """From n, distinct, the most frequent, smallest and largest values; and, of what has an order, how many are whole, zero
    and negative, and the values that are quantiles."""
    n, distinct, top, low, high, rarest, *more = row
    seen = [top, low, high, [rarest] if rarest else []]
    most, least, largest, fewest = (tuple((one["v"], one["k"]) for one in found or ()) for found in seen)
    if not more:
        return Distribution(n, distinct, most, least, largest, fewest)
    whole, zero, negative, places = more
    steps = sorted((place["u"], place["v"]) for place in places or ())
    quantiles = _quantiles(steps, total)
    return Distribution(n, distinct, most, least, largest, fewest, quantiles, whole, zero, negative)


def _quantiles(steps: Sequence[tuple[int, Any]], n: int) -> Mapping[float, Any] | None:
    """steps: (how many are at most this value, the value), rising."""
    found: dict[float, Any] = {}
    at = 0
    for p in PROBABILITIES:
        rank = max(1, ceil(p * n))
        while at < len(steps) and steps[at][0] < rank:
            at += 1
        if at == len(steps):
            return None
        found[p] = steps[at][1]
    return found


def cells(part: asked.Parted, histogram: Mapping[Any, int], n: int) -> dict[int, int]:
    """Cell -> rows, of n rows. histogram: DuckDB's, by the upper ends of cells (those above them all have a key of its own),
    or by the places of values."""
    counts = dict(histogram)
    if part.values:
        found = {int(place): count for place, count in counts.items()}
    else:
        found = {at: counts.pop(edge, 0) for at, edge in enumerate(part.edges)}
        found[len(part.edges)] = sum(counts.values())
    return {**found, -1: n - sum(found.values())}


def texts_of(rows: Sequence[tuple[Any, ...]]) -> asked.Texts:
    """From a row for each shape, and of digits alone for each number of them."""
    shapes, widths = dict.fromkeys(SHAPES, 0), dict[int, int]()
    faults, n, distinct = dict.fromkeys(FAULTS, 0), 0, 0
    top, low, high = list[tuple[Any, int]](), list[tuple[Any, int]](), list[tuple[Any, int]]()
    for shape, width, count, different, most, smallest, largest, _, _, _, *spelt in rows:
        shapes[SHAPES[shape]] += count
        n, distinct = n + count, distinct + different
        for ends, seen in ((top, most), (low, smallest), (high, largest)):
            ends += [(one["v"], one["k"]) for one in seen]
        faults = {name: faults[name] + more for name, more in zip(FAULTS, spelt, strict=True)}
        if width is not None:
            widths[width] = widths.get(width, 0) + count
    top.sort(key=lambda item: (item[1], item[0]), reverse=True)
    rarest = sorted((row[7]["k"], row[7]["v"]) for row in rows)[:1]
    shortest, longest = min((row[8] for row in rows), default=0), max((row[9] for row in rows), default=0)
    spread = Distribution(
        n,
        distinct,
        tuple(top[:TOP]),
        tuple(sorted(low)[:ENDS]),
        tuple(sorted(high, reverse=True)[:ENDS]),
        tuple((value, count) for count, value in rarest),
        shortest=shortest,
        longest=longest,
    )
    return asked.Texts(n, shapes, faults, dict(sorted(widths.items())), spread)
