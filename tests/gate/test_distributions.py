"""The distribution functions are scipy's, which no environment that judges has to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from modelway.distributions import (
    beta_cdf,
    chi_squared_above,
    clopper_pearson,
    kolmogorov_above,
    normal_quantile,
    order_ranks,
    poisson_interval,
    t_quantile,
    wilson,
)


@given(st.floats(0, 1 - 1e-9) | st.just(1.0), st.floats(0.5, 1e5), st.floats(0.5, 1e5))
def test_the_beta_distribution_is_scipys(x: float, a: float, b: float) -> None:
    """(Nearer to 1 scipy loses digits: with a = b = 1/2, where it is an arc sine, it is off by 3e-9.)"""
    assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-10)


@given(st.integers(0, 5000))
def test_the_interval_of_a_poisson_count_is_scipys(count: int) -> None:
    low, high = poisson_interval(count, 0.95)
    assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0, abs=1e-9)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * count + 2) / 2)


@given(st.integers(0, 500), st.integers(1, 500))
def test_clopper_and_pearson_are_scipys(hits: int, more: int) -> None:
    n = hits + more
    low = stats.beta.ppf(0.025, hits, more + 1) if hits else 0.0  # binomtest's own interval is right to 1e-9 alone
    high = stats.beta.ppf(0.975, hits + 1, more)
    assert clopper_pearson(hits, n, 0.95) == pytest.approx((low, high), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("n", [1, 5, 20, 100, 368, 369, 1000, 54_321])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_ranks_are_the_narrowest_that_the_binomial_allows(n: int, share: float) -> None:
    low, high = order_ranks(n, share, 0.95)
    binomial = stats.binom(n, share)
    assert low == 0 or binomial.cdf(low - 1) <= 0.025 < binomial.cdf(low)
    assert high == n + 1 or binomial.sf(high - 1) <= 0.025 < binomial.sf(high - 2)
    assert (high == n + 1) == (binomial.sf(n - 1) > 0.025)


def test_students_quantile() -> None:
    for degrees in (1, 1.5, 2, 10, 19, 100, 57_049, 1e9):
        for confidence in (0.8, 0.95, 0.999):
            wanted = stats.t.ppf(0.5 + confidence / 2, degrees)
            assert t_quantile(confidence, degrees) == pytest.approx(wanted, rel=1e-10)
            assert normal_quantile(confidence) == pytest.approx(stats.norm.ppf(0.5 + confidence / 2), rel=1e-14)


def test_wilson_as_published() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    for hits, n, expected in ((81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611))):
        assert wilson(hits, n, normal_quantile(0.95)) == pytest.approx(expected, abs=5e-5)


@given(st.floats(1e-6, 5000), st.integers(1, 2000))
def test_chi_squared_is_scipys(value: float, degrees: int) -> None:
    assert chi_squared_above(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9, abs=1e-12)


@given(st.floats(0, 10))
def test_kolmogorovs_distribution_is_scipys(value: float) -> None:
    assert kolmogorov_above(value) == pytest.approx(stats.kstwobign.sf(value), rel=1e-9, abs=1e-14)
