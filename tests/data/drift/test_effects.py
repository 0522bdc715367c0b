"""The effects that decide: their intervals hold the promised error rates, whatever the number of rows."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from drift_cases import numbers, texts
from modelway.data.cells import CellCounts, ColumnCells, GroupCounts
from modelway.data.drift.effects import Levels, expected_unlisted, moved, observed, rose, unlisted
from modelway.data.drift.sketch import Shape, SketchColumn, sketch_of

CELLS = 40
NORMAL = NormalDist()
EDGES = [NORMAL.inv_cdf(at / CELLS) for at in range(1, CELLS)]
LEVEL = 0.05
LEVELS = Levels(drift=LEVEL, none=LEVEL)
MARGIN = 0.15
WORLDS = 400
ALLOWED = LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / WORLDS)
"""Of WORLDS draws, where the true rate is LEVEL: exceeded with a chance of 1 in 700."""


def shifted(by: float) -> np.ndarray:
    """The cells of a normal distribution that is shifted by so many standard deviations."""
    return np.diff([0.0, *(NORMAL.cdf(edge - by) for edge in EDGES), 1.0])


def distance(shares: np.ndarray) -> float:
    return float(np.abs(np.cumsum(shares - shifted(0))).max())


def at_the_margin() -> np.ndarray:
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if distance(shifted(middle)) < MARGIN else (low, middle)
    return shifted(low)


@pytest.mark.parametrize(("n", "m"), [(200, 200), (1000, 1000), (100_000, 1000), (10_000, 10_000)])
def test_numbers_exactly_at_the_margin_are_neither_drift_nor_none(n: int, m: int) -> None:
    draw = np.random.default_rng(n + m)
    there = at_the_margin()
    effects = [
        moved(numbers(draw.multinomial(n, shifted(0))), numbers(draw.multinomial(m, there)), (0, 0), LEVELS, MARGIN)
        for _ in range(WORLDS)
    ]
    assert sum(effect.low > MARGIN for effect in effects) / WORLDS <= ALLOWED
    assert sum(effect.high < MARGIN for effect in effects) / WORLDS <= ALLOWED
    assert all(effect.low <= effect.value <= effect.high for effect in effects)


@pytest.mark.parametrize(("many", "n", "m"), [(3, 1000, 1000), (20, 10_000, 1000), (100, 10_000, 10_000)])
def test_texts_exactly_at_the_margin_are_neither_drift_nor_none(many: int, n: int, m: int) -> None:
    draw = np.random.default_rng(many)
    before = draw.dirichlet(np.full(many, 3.0))
    up = np.arange(many) % 2 == 0
    after = np.where(up, before * (1 + MARGIN / before[up].sum()), before * (1 - MARGIN / before[~up].sum()))
    assert np.abs(after - before).sum() / 2 == pytest.approx(MARGIN)
    effects = [
        moved(texts(draw.multinomial(n, before)), texts(draw.multinomial(m, after)), (0, 0), LEVELS, MARGIN)
        for _ in range(WORLDS)
    ]
    assert sum(effect.low > MARGIN for effect in effects) / WORLDS <= ALLOWED
    assert sum(effect.high < MARGIN for effect in effects) / WORLDS <= ALLOWED


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize(("n", "m"), [(200, 200), (1000, 1000), (100_000, 1000)])
def test_shares_exactly_at_the_margin_are_neither_drift_nor_none(share: float, n: int, m: int) -> None:
    draw = np.random.default_rng(7)
    margin = 0.2
    after = math.sin(math.asin(math.sqrt(share)) + margin / 2) ** 2
    effects = [
        rose(observed(int(draw.binomial(n, share)), n), observed(int(draw.binomial(m, after)), m), LEVELS)[0]
        for _ in range(WORLDS)
    ]
    assert sum(effect.low > margin for effect in effects) / WORLDS <= ALLOWED
    assert sum(effect.high < margin for effect in effects) / WORLDS <= ALLOWED


def in_clusters(draw: np.random.Generator, clusters: int, by: float, wobble: float) -> SketchColumn:
    """Each cluster has a level of its own; all of them together are normal."""
    groups = []
    for _ in range(clusters):
        level = by + wobble * draw.normal()
        values = level + math.sqrt(1 - wobble**2) * draw.normal(size=int(150 * draw.uniform(0.7, 1.3)))
        counts = np.bincount(np.searchsorted(EDGES, values), minlength=CELLS)
        groups.append(GroupCounts(len(values), {"x": CellCounts(0, 0, tuple(map(int, counts)), low=-9.0, high=9.0)}))
    cells = ColumnCells(name="x", kind="number", edges=tuple(EDGES))
    return sketch_of([cells], groups, Shape(), own=False, clustered=True).columns[0]


def test_rows_of_clusters_are_known_less_well_and_the_interval_says_so() -> None:
    """Two sets of 20 clusters of one population: as independent rows they would be found different most of the time."""
    draw = np.random.default_rng(3)
    drift = as_rows = missed = 0
    for _ in range(120):
        one, other = in_clusters(draw, 20, 0.0, 0.5), in_clusters(draw, 20, 0.0, 0.5)
        effect = moved(one, other, (20, 20), LEVELS, MARGIN)
        drift += effect.low > 0
        rows = moved(numbers(one.counts, EDGES), numbers(other.counts, EDGES), (0, 0), LEVELS, MARGIN)
        as_rows += rows.low > 0
        far = moved(one, in_clusters(draw, 20, 2.0, 0.5), (20, 20), LEVELS, MARGIN)
        missed += far.low <= MARGIN
    assert drift <= 120 * ALLOWED
    assert as_rows > 60
    assert missed == 0


def test_a_text_that_nobody_has_seen_is_expected_as_often_as_texts_are_rare() -> None:
    """Good and Turing: of many texts, half of the rows have one that the other half has not, and nothing has changed."""
    draw = np.random.default_rng(1)
    for values in (50, 3000, 20_000):
        weights = draw.dirichlet(np.full(values, 0.5))
        before, after = (draw.multinomial(5000, weights) for _ in range(2))
        order = np.argsort(-before, kind="stable")
        least = 1 + int(before[order[1000]]) if values > 1000 and before[order[1000]] > 0 else 1
        listed = before >= least
        cells = ColumnCells(name="x", kind="category", values=tuple(map(str, np.flatnonzero(listed))), least=least)

        def column(
            counts: np.ndarray, own: bool, listed: np.ndarray = listed, cells: ColumnCells = cells
        ) -> SketchColumn:
            counted = CellCounts(0, 0, tuple(map(int, counts[listed])), beyond=int(counts[~listed].sum()))
            return sketch_of([cells], [GroupCounts(5000, {"x": counted})], Shape(), own=own, clustered=False).columns[0]

        expected, seen = expected_unlisted(column(before, True), 0), unlisted(column(after, False), 0)
        effect, _ = rose(expected, seen, Levels(0.001, 0.01))
        assert effect.low == 0 and effect.high < 0.2, values
        assert expected.share == pytest.approx(seen.share, abs=0.03)


def test_many_texts_of_few_rows_are_noise_and_not_drift() -> None:
    """Of 300 texts and 1,000 rows the observed distance of equal populations is twice the margin."""
    draw = np.random.default_rng(6)
    shares = draw.dirichlet(np.full(300, 5.0))
    for _ in range(20):
        effect = moved(
            texts(draw.multinomial(1000, shares)), texts(draw.multinomial(1000, shares)), (0, 0), LEVELS, MARGIN
        )
        assert effect.low == 0.0 and effect.value > MARGIN and effect.high > MARGIN


def test_one_row_says_nothing() -> None:
    effect = moved(numbers([1, 0]), numbers([0, 1]), (0, 0), LEVELS, MARGIN)
    assert (effect.low, effect.value, effect.high) == (0.0, 1.0, 1.0)
    assert rose(observed(0, 1), observed(1, 1), LEVELS)[0].low == 0.0
