"""What is a theorem is enumerated: over every outcome of small blocks, no bet wins on average while the canary is healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import comb, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.rollout import harm, not_worse, split

requests = st.integers(1, 9)
holdings = st.lists(st.floats(0.001, 10), min_size=len(harm.PRIOR), max_size=len(harm.PRIOR)).map(tuple)


def binomial(n: int, p: float) -> list[float]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def exchangeable(n1: int, n0: int, errors: int) -> Iterator[tuple[int, float]]:
    """The canary's errors, when any `errors` of the n1 + n0 requests are as likely as any others to have failed."""
    for e1 in range(max(0, errors - n0), min(n1, errors) + 1):
        yield e1, comb(n1, e1) * comb(n0, errors - e1) / comb(n1 + n0, errors)


@given(holdings, requests, requests, st.data())
def test_harm_wins_nothing_from_a_shock_that_both_arms_share(
    held: harm.Holdings, n1: int, n0: int, data: st.DataObject
) -> None:
    errors = data.draw(st.integers(0, n1 + n0))
    mean = fsum(
        chance * harm.wealth(harm.beside_stable(held, (n1, e1), (n0, errors - e1), 1.0))
        for e1, chance in exchangeable(n1, n0, errors)
    )
    assert mean == pytest.approx(harm.wealth(held))


@given(holdings, requests, requests, st.integers(0, 12), st.floats(1, 5))
def test_harm_wins_nothing_from_rare_errors_within_the_tolerance(
    held: harm.Holdings, n1: int, n0: int, errors: int, tolerance: float
) -> None:
    """Rare errors go to the canary with probability r*n1 / (r*n1 + n0) each, when its rate is r times stable's."""
    mine = binomial(errors, tolerance * n1 / (tolerance * n1 + n0))
    mean = fsum(
        chance * harm.wealth(harm.beside_stable(held, (n1, e1), (n0, errors - e1), tolerance))
        for e1, chance in enumerate(mine)
    )
    assert mean == pytest.approx(harm.wealth(held))


@given(holdings, requests, st.floats(0.001, 0.999), st.floats(0, 1))
def test_harm_wins_nothing_below_an_absolute_limit(held: harm.Holdings, n1: int, limit: float, part: float) -> None:
    chances = binomial(n1, limit * part)
    mean = fsum(c * harm.wealth(harm.against_limit(held, (n1, e1), limit)) for e1, c in enumerate(chances))
    assert mean <= harm.wealth(held) * (1 + 1e-9)


@given(holdings, st.floats(0, 1))
def test_giving_back_neither_makes_nor_loses_wealth(held: harm.Holdings, part: float) -> None:
    assert harm.wealth(harm.give_back(held, part)) == pytest.approx(harm.wealth(held))
    assert harm.give_back(held, 1.0) == pytest.approx(tuple(harm.wealth(held) * prior for prior in harm.PRIOR))


@given(
    requests,
    requests,
    st.floats(0, 1),
    st.sampled_from([((1.0, 0.01), (1.5, 0.0)), ((1.0, 0.2),), ((1.1, 0.0),), ((1.3, 0.1),)]),
)
def test_a_canary_worse_by_the_margin_gains_no_promotion(
    n1: int, n0: int, rate: float, margins: tuple[not_worse.Margin, ...]
) -> None:
    """Two blocks, so that the product of blocks is enumerated too."""
    worse = not_worse.worse_from(rate, margins)
    step = [(c1 * c0, e1, e0) for e1, c1 in enumerate(binomial(n1, worse)) for e0, c0 in enumerate(binomial(n0, rate))]
    states = [(1.0, not_worse.begin(margins))]
    for block in range(2 if len(step) <= 30 else 1):
        states = [
            (chance * c, not_worse.observe(logs, (n1, e1), (n0, e0), margins))
            for chance, logs in states
            for c, e1, e0 in step
        ]
        assert fsum(chance * not_worse.evidence(logs, 1.0) for chance, logs in states) <= 1 + 1e-9, block


@given(st.floats(0.01, 0.9), st.floats(-1, 1), st.integers(60, 90))
def test_a_split_within_its_tolerance_gains_no_evidence(weight: float, inside: float, total: int) -> None:
    """At any odds within the tolerance of those asked for. Bins enough, but none whose dispersion is known."""
    odds = weight / (1 - weight) * split.TOLERANCE**inside
    ready = split.Split(bins=(split.Bins(closed=split.LEAST), split.Bins(), split.Bins()))
    mean = fsum(
        chance * split.evidence(split.observe(ready, n1, total - n1, weight, 60.0), weight)
        for n1, chance in enumerate(binomial(total, odds / (1 + odds)))
    )
    assert mean <= 1 + 1e-9


@given(st.floats(0, 0.999), st.floats(1, 5), st.floats(0, 1))
def test_some_canary_is_worse_wherever_one_can_be(rate: float, ratio: float, extra: float) -> None:
    assert rate < not_worse.worse_from(rate, ((ratio, 0.0), (1.0, extra), (1.0, 0.001))) < 1


arms = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda both: (both[0] + both[1], both[0]))


@given(holdings, arms, arms, st.floats(1, 5))
def test_one_more_error_of_the_canary_is_never_less_harm(
    held: harm.Holdings, canary: tuple[int, int], stable: tuple[int, int], tolerance: float
) -> None:
    n1, e1 = canary
    if e1 >= n1:
        return

    def after(errors: int) -> float:
        return harm.wealth(harm.beside_stable(held, (n1, errors), stable, tolerance))

    # Without any error there is no bet, and with the first one of stable's the canary may lose it.
    if e1 + stable[1] > 0:
        assert after(e1 + 1) >= after(e1) * (1 - 1e-12)
    assert harm.wealth(harm.against_limit(held, (n1, e1 + 1), 0.02)) >= harm.wealth(
        harm.against_limit(held, (n1, e1), 0.02)
    ) * (1 - 1e-12)


@given(arms, arms)
def test_one_more_error_of_the_canary_is_never_more_evidence_for_it(
    canary: tuple[int, int], stable: tuple[int, int]
) -> None:
    margins = ((1.0, 0.01), (1.5, 0.0))

    def after(errors: int) -> float:
        logs = not_worse.observe(not_worse.begin(margins), (canary[0], errors), stable, margins)
        return not_worse.evidence(logs, 1.0)

    if canary[1] < canary[0]:
        assert after(canary[1] + 1) <= after(canary[1])


@pytest.mark.parametrize("bet", [lambda h: harm.beside_stable(h, (50, 50), (9950, 0), 1.05)])
def test_one_block_multiplies_by_no_more_than_the_cap(bet: Callable[[harm.Holdings], harm.Holdings]) -> None:
    """The worst burst: everything of a small canary fails, and nothing of stable."""
    assert 1 < harm.wealth(bet(harm.PRIOR)) <= harm.CAP
    one_stake = (0.0,) * len(harm.STAKES) + (1.0,)
    assert 7 < harm.wealth(bet(one_stake)) <= harm.CAP
    assert harm.wealth(harm.against_limit(harm.PRIOR, (50, 50), 0.01)) <= harm.CAP


def test_wealth_stays_a_number() -> None:
    held = harm.PRIOR
    for _ in range(2000):
        held = harm.give_back(harm.beside_stable(held, (100, 100), (900, 0), 1.05), harm.RETURNED)
    assert 0.9 * harm.MOST < harm.wealth(held) <= harm.MOST
    for _ in range(5000):
        held = harm.give_back(harm.beside_stable(held, (100, 0), (900, 900), 1.05), harm.RETURNED)
    assert 0 < min(held) < harm.wealth(held) < harm.MOST
