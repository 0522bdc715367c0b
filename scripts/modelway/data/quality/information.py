"""How much one column says of the label, learnt on one half of the rows and scored on the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, log, sqrt

from modelway.distributions import normal_quantile

Z = normal_quantile(0.95)
MISSING = -1
"""The cell of rows without a value."""
RARE = 20
"""Rows of a cell: one with fewer is taken for what all such cells are together, else the reference of a refund, which only the
rows of one class have, and each its own, would tell nothing."""

Crossing = Mapping[tuple[int, int, int], int]
"""(cell of the column, cell of the label, half) -> rows."""


@dataclass(frozen=True)
class Told:
    """n: rows that have a label. percent: of the label's entropy, what the column tells: 0 nothing, 100 all; below 0 where
    what was learnt on one half misleads on the other. low, high: its 95 % interval."""

    n: int
    percent: float
    low: float
    high: float


def told(crossing: Crossing) -> Told | None:
    """The share of the label's entropy that the column's cells explain, out of sample: the shares of classes in each cell are
    learnt on the even rows and scored by their logarithm on the odd ones, and the other way round. A name that each row has of
    its own tells nothing so, however well it would do on the rows that it was learnt from; that a row has a rare value at all
    may tell much. None where the label has one class.

    The percentage is a ratio of two means over rows, information gained and information of the label; its interval is the
    delta method's (Cochran, Sampling Techniques, 1977, section 6.4).
    """
    counts = {key: count for key, count in crossing.items() if key[1] != MISSING}
    n = sum(counts.values())
    classes = sorted({label for _, label, _ in counts})
    if len(classes) < 2:
        return None
    gains: Counter[tuple[float, float]] = Counter()
    for half in (0, 1):
        prior = _shares(Counter(), {label: 1 / len(classes) for label in classes})
        learnt: dict[int, Counter[int]] = defaultdict(Counter)
        whole: Counter[int] = Counter()
        for (cell, label, of), count in counts.items():
            if of != half:
                learnt[cell][label] += count
                whole[label] += count
        prior = _shares(whole, prior)
        rare = {cell for cell, seen in learnt.items() if cell != MISSING and seen.total() < RARE}
        of_rare = _shares(sum((learnt[cell] for cell in rare), Counter[int]()), prior)
        by_cell = {cell: _shares(seen, of_rare if cell in rare else prior) for cell, seen in learnt.items()}
        for (cell, label, of), count in counts.items():
            if of == half:
                before = -log(prior[label])
                shares = by_cell.get(cell, prior if cell == MISSING else of_rare)
                gains[before + log(shares[label]), before] += count
    gain = fsum(one * count for (one, _), count in gains.items()) / n
    entropy = fsum(before * count for (_, before), count in gains.items()) / n
    ratio = gain / entropy
    squares = fsum(count * (one - ratio * before) ** 2 for (one, before), count in gains.items()) / n
    error = Z * sqrt(squares / n) / entropy
    return Told(n, 100 * ratio, 100 * (ratio - error), 100 * min(1.0, ratio + error))


def most_mixed(crossing: Crossing) -> tuple[int, int] | None:
    """(the cell whose rows are least told apart by it, how many rows with a label it has): where finer cells would tell
    more."""
    by_cell: dict[int, Counter[int]] = defaultdict(Counter)
    for (cell, label, _), count in crossing.items():
        if cell != MISSING and label != MISSING:
            by_cell[cell][label] += count
    left = {cell: _entropy(seen) for cell, seen in by_cell.items()}
    if not left:
        return None
    cell = max(left, key=lambda one: (left[one], -one))
    return (cell, sum(by_cell[cell].values())) if left[cell] > 0 else None


def _entropy(counts: Counter[int]) -> float:
    n = sum(counts.values())
    return -fsum(count * log(count / n) for count in counts.values() if count)


def _shares(counts: Counter[int], prior: Mapping[int, float]) -> dict[int, float]:
    """The shares of classes, drawn towards the prior by the weight of one row."""
    n = sum(counts.values())
    return {label: (counts[label] + share) / (n + 1) for label, share in prior.items()}
