"""The effects that decide, each with an interval: how much of a column lies elsewhere, and how much more of it is missing.

Two errors are held, and each end of an interval holds one of them. `low` is above the true effect with a chance of at most
`Levels.drift`, the share of the error rate that falls to this one of all comparisons (Bonferroni): no drift is claimed of
any column by chance. `high` is below it with a chance of at most `Levels.none`, the whole error rate: that no column has
drifted is claimed only where every upper end lies within its margin, and such a claim needs no correction (Berger 1982,
Technometrics 24:295-300, the intersection-union test).

Rows are taken as independent, or, where a cluster is named, clusters are: then the variance of each share is that of a ratio
of sums over clusters (Cochran 1977, Sampling Techniques, equation 6.13), with Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

from modelway.data.drift.sketch import SketchColumn, Sums
from modelway.distributions import clopper_pearson, t_quantile

ENOUGH_FOR_A_CELL = 20
"""Rows of the reference: a text with fewer is compared together with other rare ones."""
NOISE_SHARE = 1 / 3
"""Of the margin: how much of the distance between texts may be noise, where it is to be shown that it is large: what is rarer
is taken together."""


@dataclass(frozen=True)
class Levels:
    """drift: the chance of each false claim of drift. none: that of a false claim that there is none."""

    drift: float
    none: float


@dataclass(frozen=True)
class ColumnEffect:
    """value: the effect as it was seen, at least 0. low, high: its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ObservedShare:
    """hits of n rows. variance: of the share. degrees: of freedom of that; infinite for independent rows."""

    hits: int
    n: int
    variance: float
    degrees: float = math.inf

    @property
    def share(self) -> float:
        return self.hits / self.n


def observed(hits: int, n: int, sums: Sums | None = None, squares: int = 0, clusters: int = 0) -> ObservedShare:
    """sums, squares (of n over clusters), clusters: where rows come in clusters. Their variance is never taken for less than
    that of independent rows: a share of 0 has none in its clusters, and is not certain."""
    smooth = (hits + 1) / (n + 2)
    variance = smooth * (1 - smooth) / n
    if sums is None:
        return ObservedShare(hits, n, variance)
    share = hits / n
    spread = sums.squares - 2 * share * sums.products + share * share * squares
    between = max(spread, 0.0) / (n * n) * clusters / max(clusters - 1, 1)
    return ObservedShare(hits, n, max(variance, between), max(clusters - 1, 1))


def moved(
    reference: SketchColumn, current: SketchColumn, clusters: tuple[int, int], levels: Levels, margin: float
) -> ColumnEffect:
    """How much of the readable values lies elsewhere, as a share of the rows from 0 to 1. For numbers the Kolmogorov-Smirnov
    distance over the edges, the largest difference between the shares of rows up to an edge; for texts the total variation,
    the largest difference between the shares of any set of texts. Both columns hold readable values."""
    pairs = _shares(reference, current, clusters)
    if reference.cells.kind == "category":
        return _texts_moved(reference, current, pairs, levels, margin)
    return _numbers_moved(pairs[:-1], levels)


Pair = tuple[ObservedShare, ObservedShare]


def _shares(reference: SketchColumn, current: SketchColumn, clusters: tuple[int, int]) -> list[Pair]:
    """Of every cell; for numbers, of all up to its upper edge."""

    def of(column: SketchColumn, many: int) -> list[ObservedShare]:
        counts: Iterable[int] = column.counts if column.cells.kind == "category" else accumulate(column.counts)
        n, sums = column.readable, column.sums
        if sums is None:
            return [observed(count, n) for count in counts]
        return [observed(count, n, own, sums.readable, many) for count, own in zip(counts, sums.shares, strict=True)]

    return list(zip(of(reference, clusters[0]), of(current, clusters[1]), strict=True))


def _numbers_moved(pairs: Sequence[Pair], levels: Levels) -> ColumnEffect:
    """low: below the distance by Smirnov's bound of it, sqrt(2 ln(2 / level)) standard errors of the edge that is known least;
    of independent rows that error is at most sqrt(1/n + 1/m) / 2. For clusters it is wider by Student's t over the normal
    quantile. high: each edge by itself, since that all of them lie within the margin is again a claim of every single one."""
    value = max(abs(_difference(pair)) for pair in pairs)
    ((first, second), *_) = pairs
    worst, wider = math.sqrt(1 / first.n + 1 / second.n) / 2, 1.0
    if not math.isinf(first.degrees):
        least_known = max(pairs, key=_error)
        worst, degrees = _error(least_known), _degrees(least_known)
        wider = _t(levels.drift / 2, degrees) / _t(levels.drift / 2, math.inf)
    low = value - math.sqrt(2 * math.log(2 / levels.drift)) * worst * wider
    high = max(abs(_difference(pair)) + _t(levels.none, _degrees(pair)) * _error(pair) for pair in pairs)
    return ColumnEffect(value, max(low, 0.0), min(high, 1.0))


def _texts_moved(
    reference: SketchColumn, current: SketchColumn, pairs: Sequence[Pair], levels: Levels, margin: float
) -> ColumnEffect:
    """The distance between observed shares is above the true one by noise, on average by at most half the sum of the standard
    errors, and it moves by 1/n at most with one row, so that it is within sqrt(ln(1 / level) / 2 * (1/n + 1/m)) of its mean
    (McDiarmid 1989, On the method of bounded differences). low: of the most frequent texts and all others together, less both.
    high: of all texts, and this bound, and what may have moved among those that have no cell."""
    chosen = _told_apart(reference, pairs, margin * NOISE_SHARE)
    n, m = reference.readable, current.readable
    frequent, errors, ups = _distance([pairs[at] for at in chosen], n, m)
    value, _, _ = _distance(pairs, n, m)
    degrees = min((_degrees(pairs[at]) for at in chosen), default=math.inf)
    if math.isinf(degrees):
        spread = math.sqrt((1 / n + 1 / m) / 2)
        off, none = (spread * math.sqrt(-math.log(level)) for level in (levels.drift, levels.none))
    else:  # of a sum of shares nothing is known but that its error is at most the sum of theirs
        error = min(ups, sum(errors) - ups) or max(errors)
        off, none = _t(levels.drift, degrees) * error, _t(levels.none, degrees) * error
    unlisted_share = max(expected_unlisted(reference, 0).share, unlisted(current, 0).share)
    low = frequent - sum(errors) / 2 - off
    return ColumnEffect(value, max(low, 0.0), min(value + none + unlisted_share, 1.0))


def _distance(pairs: Sequence[Pair], n: int, m: int) -> tuple[float, list[float], float]:
    """The total variation over these texts and all others together; the standard error of each difference; and the sum of
    those of the shares that rose."""
    rest = [1 - sum(pair[side].share for pair in pairs) for side in (0, 1)]
    differences = [*map(_difference, pairs), rest[1] - rest[0]]
    errors = [*map(_error, pairs), _error_of_rest(pairs, (rest[0], rest[1]), n, m)]
    ups = sum(error for error, difference in zip(errors, differences, strict=True) if difference > 0)
    return sum(map(abs, differences)) / 2, errors, ups


def _told_apart(reference: SketchColumn, pairs: Sequence[Pair], noise: float) -> list[int]:
    """The most frequent texts, as many of them as their noise allows."""
    by_count = sorted(range(len(pairs)), key=lambda at: (-reference.counts[at], at))
    chosen: list[int] = []
    spent = 0.0
    for at in by_count:
        spent += _error(pairs[at]) / 2
        if reference.counts[at] < ENOUGH_FOR_A_CELL or (spent > noise and chosen):
            break
        chosen.append(at)
    return chosen


def _error_of_rest(chosen: Sequence[Pair], rest: tuple[float, float], n: int, m: int) -> float:
    """Of the share of what is left beside these; where rows come in clusters, at most the sum of their errors."""
    if chosen and not math.isinf(_degrees(chosen[0])):
        return sum(map(_error, chosen))
    return math.sqrt(max(rest[0] * (1 - rest[0]), 0.0) / n + max(rest[1] * (1 - rest[1]), 0.0) / m)


def rose(reference: ObservedShare, current: ObservedShare, levels: Levels) -> tuple[ColumnEffect, float]:
    """The difference of two shares as Cohen's h = 2 asin(sqrt(q)) - 2 asin(sqrt(p)), without its sign; and h itself. Its
    standard error is the same for rare and frequent things, so that one margin serves all: h = 0.2 is 0 % against 1 %, 1 %
    against 4 %, 10 % against 17 %, 50 % against 60 % (Cohen 1988, Statistical Power Analysis, chapter 6; the counts with
    Anscombe's 3/8, 1948, Biometrika 35:246-254)."""
    (angle_p, error_p), (angle_q, error_q) = _angle(reference), _angle(current)
    h, error = angle_q - angle_p, math.hypot(error_p, error_q)
    degrees = min(reference.degrees, current.degrees)
    low = abs(h) - _t(levels.drift / 2, degrees) * error
    high = abs(h) + _t(levels.none, degrees) * error
    for one, other in ((reference, current), (current, reference)):  # near 0 the normal approximation is too sure
        high = max(high, _angle_of(_at_most(one, levels.none)) - _angle_of(other.share))
    return ColumnEffect(abs(h), max(low, 0.0), min(high, math.pi)), h


def rose_only(reference: ObservedShare, current: ObservedShare, levels: Levels) -> ColumnEffect:
    """The same of a thing of which there may be less: what is not above the reference's share is 0."""
    effect, h = rose(reference, current, levels)
    return effect if h >= 0 else ColumnEffect(0.0, 0.0, max(effect.high + 2 * h, 0.0))


def _angle(seen: ObservedShare) -> tuple[float, float]:
    """The angle of a share, and its standard error."""
    share = (seen.hits + 0.375) / (seen.n + 0.75)
    return _angle_of(share), math.sqrt(_design_effect(seen) / (seen.n + 0.5))


def _angle_of(share: float) -> float:
    return 2 * math.asin(math.sqrt(share))


def _design_effect(seen: ObservedShare) -> float:
    """How many times as many rows would say as much, because they come in clusters."""
    smooth = (seen.hits + 1) / (seen.n + 2)
    return max(seen.variance / (smooth * (1 - smooth) / seen.n), 1.0)


def _at_most(seen: ObservedShare, level: float) -> float:
    """Clopper and Pearson's upper limit, by the effective number of rows."""
    effect = _design_effect(seen)
    return clopper_pearson(seen.hits / effect, seen.n / effect, 1 - 2 * level)[1]


def missing(column: SketchColumn, rows: int, clusters: int) -> ObservedShare:
    sums = column.sums
    return observed(column.missing, rows, sums.missing if sums else None, sums.rows if sums else 0, clusters)


def unreadable(column: SketchColumn, rows: int, clusters: int) -> ObservedShare:
    sums = column.sums
    return observed(column.unreadable, rows, sums.unreadable if sums else None, sums.rows if sums else 0, clusters)


def unlisted(column: SketchColumn, clusters: int) -> ObservedShare:
    """The texts that have no cell, among the readable."""
    sums = column.sums
    return observed(
        column.beyond, column.readable, sums.beyond if sums else None, sums.readable if sums else 0, clusters
    )


def expected_unlisted(column: SketchColumn, clusters: int) -> ObservedShare:
    """What share of other rows of the same population has a text that has no cell: Good and Turing's estimate of the mass of
    what was seen fewer than `least` times, the rows of what was seen at most `least` times (Good 1953, Biometrika 40:237-264;
    with least = 1, the rows whose text was seen once). It comes in lumps of `least` rows, and what it estimates varies too
    (Esty 1983, Annals of Statistics 11:905-912): the variance is taken for 1 + least times that of a share."""
    seen = unlisted(column, clusters)
    n = column.readable
    hits = column.beyond + column.borderline
    smooth = (hits + 1) / (n + 2)
    variance = smooth * (1 - smooth) / n * ((1 + column.cells.least) if column.borderline else 1)
    return ObservedShare(hits, n, max(variance, seen.variance), seen.degrees)


def _difference(pair: Pair) -> float:
    return pair[1].share - pair[0].share


def _error(pair: Pair) -> float:
    return math.sqrt(pair[0].variance + pair[1].variance)


def _degrees(pair: Pair) -> float:
    """Welch and Satterthwaite's."""
    if math.isinf(pair[0].degrees):
        return math.inf
    total = pair[0].variance + pair[1].variance
    parts = (item.variance**2 / item.degrees for item in pair)
    return max(total**2 / (sum(parts) or 1.0), 1.0)


def _t(tail: float, degrees: float) -> float:
    """The quantile that is exceeded with a chance of `tail`, on one side."""
    if math.isinf(degrees):
        return -NormalDist().inv_cdf(tail)
    return t_quantile(1 - 2 * tail, degrees)
