"""What is drawn under a rule agrees with what can be reckoned: the chances of one check, of several, and our own engine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import stats

from modelway.config import Deploy
from modelway.peers import flagger, simulation
from modelway.peers.argo import ArgoAnalysis, ArgoStep
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.measuring import PeerMetric, Requirement, Term
from modelway.peers.simulation import Fates, Service, both_errors, fate_of, our_fate, our_numbers

SERVICE = Service(requests_per_second=50, stable_errors=0.005, canary_errors=0.02)
N = 1000


def of(threshold: int, weights: tuple[float, ...], window: float = 60) -> FlaggerAnalysis:
    metrics = (flagger.success_rate(99, window),)
    return FlaggerAnalysis(name="c", interval_seconds=60, threshold=threshold, weights=weights, metrics=metrics)


def chance_of_a_failed_check(requests: float, rate: float) -> float:
    """Over Poisson numbers of requests: more than 1 in 100 fail, or none comes."""
    numbers = np.arange(0, int(requests + 12 * requests**0.5 + 30))
    fails = np.where(numbers == 0, 1.0, stats.binom.sf(np.floor(numbers / 100), numbers, rate))
    return float((stats.poisson.pmf(numbers, requests) * fails).sum())


@pytest.mark.parametrize(("traffic", "weight"), [(50, 0.05), (0.5, 0.1), (5, 0.5)])
def test_one_check_fails_as_often_as_it_must(traffic: float, weight: float) -> None:
    service = replace(SERVICE, requests_per_second=traffic)
    found = both_errors(partial(fate_of, of(1, (weight,))), service, 2 * N, (1,))
    for fates, rate in ((found.healthy, 0.005), (found.bad, 0.02)):
        low, high = stats.binomtest(round(20 * fates.taken_back.percent), 2 * N).proportion_ci(0.9999)
        assert low <= chance_of_a_failed_check(60 * traffic * weight, rate) <= high


def test_several_checks_end_as_often_as_a_race_of_two_counts() -> None:
    """Three failed before four fine: a negative binomial, where every check is at the same share."""
    found = both_errors(partial(fate_of, of(3, (0.1,) * 4)), SERVICE, 2 * N, (2,))
    for fates, rate in ((found.healthy, 0.005), (found.bad, 0.02)):
        fails = chance_of_a_failed_check(300, rate)
        wins = float(stats.nbinom.cdf(3, 3, fails))
        low, high = stats.binomtest(round(20 * fates.taken_back.percent), 2 * N).proportion_ci(0.9999)
        assert low <= wins <= high
        assert fates.taken_back.percent + fates.promoted.percent == pytest.approx(100)


def test_time_until_it_is_found_counts_every_rollout() -> None:
    certain = both_errors(partial(fate_of, of(5, (0.1, 0.5))), replace(SERVICE, canary_errors=0.5), 50, (3,)).bad
    assert (certain.taken_back.percent, certain.median_seconds, certain.ninety_percent_seconds) == (100, 360, 360)
    rarely = both_errors(partial(fate_of, of(1, (0.05,))), SERVICE, 300, (4,)).healthy
    assert 0 < rarely.taken_back.percent < 50
    assert rarely.median_seconds is None


def test_a_window_longer_than_the_interval_still_sees_what_came_before() -> None:
    """Half of the requests of two minutes had no canary: its share is the same, the errors are fewer in number."""
    short, long = (both_errors(partial(fate_of, of(1, (0.5,), w)), SERVICE, N, (5,)).bad for w in (30, 60))
    assert short.taken_back.percent < long.taken_back.percent, "fewer requests tell less"
    same = both_errors(partial(fate_of, of(1, (0.5,), 3600)), SERVICE, N, (5,)).bad
    assert same.taken_back.percent == pytest.approx(long.taken_back.percent, abs=3)


def argo(*steps: ArgoStep, starting: int = 0, **changes: float) -> ArgoAnalysis:
    success = Requirement((Term(">=", 0.95),))
    metric = PeerMetric(name="s", window_seconds=15, success=success, interval_seconds=300, **changes)  # type: ignore[arg-type]
    return ArgoAnalysis(name="a", steps=steps, background=(metric,), starting_step=starting)


def test_argo_measures_at_once_then_at_each_interval_until_the_rollout_ends() -> None:
    """A release that fails altogether: the first measurement has no request to see, and is NaN, which fails too."""
    dead = replace(SERVICE, canary_errors=0.9)
    steps = (ArgoStep(weight=0.2), ArgoStep(seconds=600), ArgoStep(weight=0.5), ArgoStep(seconds=600))
    for limit, seconds in ((0, 0), (1, 300), (3, 900)):
        assert (
            both_errors(partial(fate_of, argo(*steps, failure_limit=limit)), dead, 20, (6,)).bad.median_seconds
            == seconds
        )
    assert both_errors(partial(fate_of, argo(*steps, failure_limit=4)), dead, 20, (6,)).bad.promoted.percent == 100
    late = argo(*steps, starting=2, failure_limit=0)
    assert both_errors(partial(fate_of, late), dead, 20, (6,)).bad.median_seconds == 600
    delayed = argo(*steps, failure_limit=0, delay_seconds=60)
    assert both_errors(partial(fate_of, delayed), dead, 20, (6,)).bad.median_seconds == 60


def test_an_inline_analysis_holds_the_rollout_until_it_is_done() -> None:
    inline = argo(failure_limit=0, count=3, delay_seconds=60).background
    analysis = ArgoAnalysis(name="a", steps=(ArgoStep(weight=0.2), ArgoStep(metrics=inline)))
    healthy = replace(SERVICE, stable_errors=0.0)
    fate = fate_of(analysis, replace(healthy, canary_errors=0.0), np.random.default_rng(0))
    assert (fate.ended, fate.seconds) == ("promoted", 660)


def test_a_query_that_counts_both_releases_sees_less_of_the_bad_one() -> None:
    steps = (ArgoStep(weight=0.1), ArgoStep(seconds=1800))
    analysis = argo(*steps, failure_limit=2, delay_seconds=60)
    bad = replace(SERVICE, canary_errors=0.2)
    alone = both_errors(partial(fate_of, analysis), bad, 100, (7,)).bad.taken_back.percent
    diluted = both_errors(partial(fate_of, analysis), replace(bad, both_counted=True), 100, (7,)).bad.taken_back.percent
    assert (alone, diluted) == (100, 0), "20 % of a tenth is 2.5 % of all"


def test_what_never_ends_is_said_to_be_unfinished() -> None:
    """Errors on the edge, and a threshold that nobody reaches in a day."""
    found = simulation.fate_of(of(100_000, (0.1,)), replace(SERVICE, canary_errors=0.5), np.random.default_rng(0))
    assert found.ended == "unfinished"


def test_ours_finds_the_fault_as_the_benchmark_says_and_lets_the_healthy_pass() -> None:
    found = both_errors(partial(our_fate, Deploy()), SERVICE, 40, (8,))
    assert found.bad.taken_back.percent == 100
    assert found.bad.median_seconds is not None
    assert 100 <= found.bad.median_seconds <= 220, "155 s in benchmarks/judge.py"
    assert found.healthy.taken_back.percent == 0
    assert found.healthy.promoted.percent >= 90


def test_ours_is_undecided_where_its_time_is_over_and_refused_where_that_is_known_before() -> None:
    thin = replace(SERVICE, requests_per_second=0.33)
    assert "canary requests" in our_numbers(Deploy(), thin).refusal
    assert our_numbers(Deploy(), SERVICE).refusal == ""
    healthy: Fates = both_errors(partial(our_fate, Deploy(timeout_seconds=300)), thin, 10, (9,)).healthy
    assert healthy.undecided.percent == 100


def test_the_same_seed_gives_the_same_figures() -> None:
    one, two, other = (
        both_errors(partial(fate_of, of(3, (0.05,) * 5)), SERVICE, 200, seed) for seed in ((1,), (1,), (2,))
    )
    assert one == two != other
