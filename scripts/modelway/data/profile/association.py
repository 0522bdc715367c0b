"""How strongly two columns go together, from the counts of their cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import atanh, fsum, sqrt, tanh

from modelway.distributions import normal_quantile

Z = normal_quantile(0.95)
Cells = Mapping[tuple[int, int], int]
"""(cell of the one, cell of the other) -> rows; cell -1 is of missing values."""


def rank_correlation(cells: Cells) -> tuple[int, float, float, float] | None:
    """(n, Spearman's rank correlation, the ends of its 95 % interval), rows in the same cell having the same rank. The
    interval is Fisher's, with the variance of Bonett and Wright (2000, Psychometrika 65:23-28): (1 + r^2 / 2) / (n - 3).
    None where a column does not vary."""
    there = _present(cells)
    n = sum(there.values())
    if n < 4:
        return None
    ranks = [_middle_ranks(_margin(there, side)) for side in (0, 1)]
    middle = (n + 1) / 2
    pairs = [(ranks[0][a] - middle, ranks[1][b] - middle, count) for (a, b), count in sorted(there.items())]
    spread = fsum(x * x * count for x, _, count in pairs) * fsum(y * y * count for _, y, count in pairs)
    if spread == 0:
        return None
    r = max(-1.0, min(1.0, fsum(x * y * count for x, y, count in pairs) / sqrt(spread)))
    if abs(r) == 1:
        return n, r, r, r
    error = Z * sqrt((1 + r * r / 2) / (n - 3))
    return n, r, tanh(atanh(r) - error), tanh(atanh(r) + error)


def cramers_v(cells: Cells) -> tuple[int, float] | None:
    """(n, Cramer's V with Bergsma's correction of its bias (2013, Journal of the Korean Statistical Society 42:323-328,
    equations 2 to 4)): 0 where nothing goes together, 1 where one tells the other."""
    there = _present(cells)
    n = sum(there.values())
    rows, columns = _margin(there, 0), _margin(there, 1)
    if n < 2 or len(rows) < 2 or len(columns) < 2:
        return None
    # chi2 / n = sum of n_ab^2 / (n_a n_b) - 1
    phi = fsum(count * count / (rows[a] * columns[b]) for (a, b), count in sorted(there.items())) - 1
    r, c = len(rows), len(columns)
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return (n, min(1.0, sqrt(phi / least))) if least > 0 else None


def _present(cells: Cells) -> dict[tuple[int, int], int]:
    return {key: count for key, count in cells.items() if -1 not in key}


def _margin(cells: Cells, side: int) -> Counter[int]:
    counts: Counter[int] = Counter()
    for key, count in sorted(cells.items()):
        counts[key[side]] += count
    return counts


def _middle_ranks(counts: Mapping[int, int]) -> dict[int, float]:
    ranks, before = {}, 0
    for cell in sorted(counts):
        ranks[cell] = before + (counts[cell] + 1) / 2
        before += counts[cell]
    return ranks
