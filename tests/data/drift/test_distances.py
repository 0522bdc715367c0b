"""The usual distances are those of their definitions, and of scipy where it has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from drift_cases import numbers, texts
from modelway.data.drift.distances import distances
from modelway.data.drift.groups import bars
from modelway.data.drift.sketch import SketchColumn
from modelway.data.drift.sketching import SHARES, edges_of

COUNTS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2, max_size=30).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 < sum(b for _, b in pairs)
)


@given(COUNTS)
def test_distances_over_groups_are_scipys(pairs: list[tuple[int, int]]) -> None:
    before, after = numbers([a for a, _ in pairs]), numbers([b for _, b in pairs])
    groups = bars(before, after)
    assert (
        sum(bar.reference for bar in groups) == before.readable and sum(bar.current for bar in groups) == after.readable
    )
    found = distances(before, after)
    p, q = (
        np.array(counts, dtype=float) for counts in zip(*((bar.reference, bar.current) for bar in groups), strict=True)
    )
    smooth_p, smooth_q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (p, q))
    assert found.kl == pytest.approx(stats.entropy(smooth_q, smooth_p), abs=1e-12)
    assert found.psi == pytest.approx(stats.entropy(smooth_q, smooth_p) + stats.entropy(smooth_p, smooth_q), abs=1e-12)
    assert found.js == pytest.approx(jensenshannon(smooth_p, smooth_q, base=2), abs=1e-6)
    filled = (p + q) > 0
    if filled.sum() > 1:
        test = stats.chi2_contingency(np.array([p[filled], q[filled]]), correction=False)
        assert found.chi_squared == pytest.approx(test.statistic, rel=1e-9, abs=1e-9)
        assert found.chi_squared_p == pytest.approx(test.pvalue, rel=1e-6, abs=1e-12)
        assert found.cramers_v == pytest.approx(math.sqrt(test.statistic / (p.sum() + q.sum())), abs=1e-9)


def column(values: np.ndarray, edges: np.ndarray) -> SketchColumn:
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return numbers(list(counts), list(edges), float(values.min()), float(values.max()))


def test_a_few_rows_far_out_are_far_and_do_not_change_the_references_deviation() -> None:
    """One in 200 at 1000, where nothing was beyond 4: in its cell, the half of the way to it is told."""
    draw = np.random.default_rng(6)
    one, other = draw.normal(size=20_000), draw.normal(size=20_000)
    other[:100] = 1000
    edges = np.array(edges_of([float(np.quantile(one, share)) for share in SHARES]))
    exact = stats.wasserstein_distance(one, other) / one.std()
    found = distances(column(one, edges), column(other, edges)).wasserstein
    assert found is not None and 0.5 * exact < found < exact
    back = distances(column(other, edges), column(one, edges)).wasserstein
    assert back is not None and back < 0.1  # of a deviation of 70


def test_distances_of_numbers_are_those_of_the_values_as_far_as_the_cells_are_fine() -> None:
    draw = np.random.default_rng(2)
    one, other = draw.normal(0, 1, 20_000), draw.normal(0.3, 1.2, 15_000)
    edges = np.unique(np.quantile(one, [0.001, 0.01, *np.arange(1, 100) / 100, 0.999]))

    found = distances(column(one, edges), column(other, edges))
    exact = stats.ks_2samp(one, other, method="asymp")
    assert found.ks == pytest.approx(exact.statistic, abs=0.005)
    assert found.wasserstein == pytest.approx(stats.wasserstein_distance(one, other) / one.std(), rel=0.03)


def test_kolmogorovs_p_value_is_scipys() -> None:
    draw = np.random.default_rng(4)
    for n, m in ((400, 300), (5000, 100)):
        one, other = draw.integers(0, 30, n), draw.integers(0, 30, m)
        counts = [list(np.bincount(values, minlength=30)) for values in (one, other)]
        found = distances(numbers(counts[0], list(range(29)), 0, 29), numbers(counts[1], list(range(29)), 0, 29))
        assert found.ks == pytest.approx(stats.ks_2samp(one, other).statistic)
        wanted = stats.kstwobign.sf(found.ks * math.sqrt(n * m / (n + m)))
        assert found.ks_p == pytest.approx(wanted, abs=1e-9)


def test_texts_have_no_order_and_no_unit() -> None:
    found = distances(texts([50, 30, 20]), texts([20, 30, 50]))
    assert (found.ks, found.ks_p, found.wasserstein) == (None, None, None)
    assert found.cramers_v == pytest.approx(
        math.sqrt(stats.chi2_contingency([[50, 30, 20], [20, 30, 50]]).statistic / 200)
    )


def test_equal_data_is_at_no_distance_and_empty_cells_are_not_infinitely_far() -> None:
    same = distances(numbers([5, 5, 0]), numbers([5, 5, 0]))
    assert (same.psi, same.kl, same.js, same.ks, same.wasserstein) == (0, 0, 0, 0, 0)
    apart = distances(numbers([10, 0]), numbers([0, 10]))
    assert math.isfinite(apart.psi) and math.isfinite(apart.kl) and 0.5 < apart.js < 1 and apart.ks == 1


@pytest.mark.parametrize("unit", [1.7e308, 1.0, 5e-300])
def test_the_wasserstein_distance_has_no_unit(unit: float) -> None:
    """Nor does the square of a number that nearly overflows stop it."""
    found = distances(numbers([5, 5], [0.0], -unit, unit), numbers([1, 9], [0.0], -unit, unit))
    assert found.wasserstein == pytest.approx(0.4 / math.sqrt(1 / 3)) and found.ks == pytest.approx(0.4)


def test_of_one_value_alone_there_is_no_wasserstein_distance() -> None:
    assert distances(numbers([5], [], 3, 3), numbers([5], [], 3, 3)).wasserstein is None
    edges = [math.nextafter(3.0, 0), 3.0]
    alone, others = numbers([0, 9, 0], edges, 3, 3), numbers([3, 3, 3], edges, 1, 5)
    assert distances(alone, others).wasserstein is None
    assert distances(others, alone).wasserstein == pytest.approx(2 / 3 / math.sqrt(8 / 9), rel=0.05)


def test_a_value_that_many_rows_share_has_a_group_of_its_own_and_ten_groups_are_about_equal() -> None:
    spike = numbers([5, 5, 400, 5, 5, 5], [-1.0, math.nextafter(0.0, -1), 0.0, 1.0, 2.0])
    shown = [(bar.label, bar.reference) for bar in bars(spike, spike)]
    assert shown == [("below 0", 10), ("0", 400), ("above 0", 15)]
    even = bars(numbers([10] * 40), numbers([10] * 40))
    assert len(even) == 10 and {bar.reference for bar in even} == {40}
    assert [bar.label for bar in bars(texts([9, 5]), texts([1, 0]))] == ["t0", "t1"]
