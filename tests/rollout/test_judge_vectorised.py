"""The benchmark judges many rollouts at once: it is the product's own judge, and its peers are what they are called."""

from __future__ import annotations

from statistics import NormalDist

import judge as benchmark
import judge_vectorised as vectorised
import judge_worlds as worlds
import numpy as np
import pytest
from judge_processes import PAST, PROCESSES, World, draw

from modelway.config import Judge
from modelway.peers import argo, flagger
from modelway.peers.measuring import PeerMetric, Requirement, Term
from modelway.rollout import judge
from rollout.judged import block

ROLLOUTS = 4


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("traffic", "weight"), [(0.33, 0.1), (5.0, 0.5), (100.0, 0.05)])
def test_many_rollouts_at_once_are_judged_like_each_by_itself(process: str, traffic: float, weight: float) -> None:
    seed = np.random.default_rng([int(traffic), len(process)])
    drawn = draw(World(process, traffic, weight, 0.02, canary_rate=0.05, blocks=80), ROLLOUTS, seed)
    canary, stable, past = drawn.canary, drawn.stable, drawn.past
    found = benchmark.judged(drawn, weight, promotion=True)
    evidence = vectorised.split_evidence(canary.requests, stable.requests, weight)
    for rollout in range(ROLLOUTS):
        history = [
            block((0, 0), (past.requests[b, rollout], past.errors[b, rollout], past.slow[b, rollout]), 0.0)
            for b in range(PAST)
        ]
        settings = judge.settings_from(Judge(), history)
        errors = settings.metrics[0]
        one = (past.requests[:, [rollout]], past.errors[:, [rollout]])
        blocks, tolerance = vectorised.wagering(*one)
        assert (errors.wager_blocks, errors.tolerance) == (blocks[0], pytest.approx(tolerance[0]))
        assert errors.phi == pytest.approx(vectorised.dispersion(*one)[0])
        state = judge.begin(settings)
        firsts = {"failed": -1, "invalid": -1, "passed": -1}
        for at in range(80):
            state = judge.observe(settings, state, block(*(row(arm, at, rollout) for arm in (canary, stable)), weight))
            passes = [
                metric.not_worse >= 20 for metric in judge.assess(settings, state, baked=True, deadline=False).metrics
            ]
            seen = (("failed", bool(state.failed)), ("invalid", bool(state.invalid)), ("passed", all(passes)))
            for name, holds in seen:
                if holds and firsts[name] < 0 and (name != "passed" or at + 1 >= benchmark.BAKE):
                    firsts[name] = at
            assert judge.split.evidence(state.split, weight) == pytest.approx(evidence[at, rollout], rel=1e-6)
        for name, at in firsts.items():
            assert getattr(found, name)[rollout] == at, name


@pytest.mark.parametrize("past", ["history", "rollouts", ""])
@pytest.mark.parametrize("name", ["noise 1:9, 0.3, 22 s", "noise 9:9, 1, 120 s", "quiet, 1 beside 9"])
def test_slow_requests_in_worlds_of_replicas_are_wagered_on_as_the_settings_say(name: str, past: worlds.Known) -> None:
    world = next(world for world in worlds.WORLDS if world.name == name)
    before = worlds.drawn(world, ROLLOUTS, np.random.default_rng(len(name))).past
    blocks, tolerance = worlds.wagering(worlds.LATENCY, before.requests, before.slow, past, world.replica_ratio)
    for rollout in range(ROLLOUTS):
        known = [block((0, 0), (before.requests[b, rollout], 0, before.slow[b, rollout]), 0.0) for b in range(PAST)]
        earlier = [known[at : at + PAST // 3] for at in range(0, PAST, PAST // 3)] if past == "rollouts" else []
        history = known if past == "history" else []
        latency = judge.settings_from(Judge(), history, 0.0, earlier, world.replica_ratio).metrics[1]
        assert (latency.wager_blocks, latency.tolerance) == (blocks[rollout], pytest.approx(tolerance[rollout]))


@pytest.mark.parametrize("times", [4.0, 20.0])
def test_worlds_without_a_history_are_judged_like_each_by_itself(times: float) -> None:
    """Up to a canary that answers next to nothing in time."""
    world = worlds.ReplicaWorld("noise", 1, 9, noise=(0.3, 22))
    found = worlds.drawn(world, ROLLOUTS, np.random.default_rng(3), times)
    seconds = worlds.taken_back(found, past="")
    settings = judge.settings_from(Judge(), [], 5.0 * worlds.WARM_UP_BLOCKS)
    for rollout in range(ROLLOUTS):
        state, at = judge.begin(settings), 0
        while not state.failed and at < worlds.BLOCKS:
            arms = (row(arm, at, rollout) for arm in (found.canary, found.stable))
            state, at = judge.observe(settings, state, block(*arms)), at + 1
        assert seconds[rollout] == (5.0 * at if state.failed else np.inf)
    assert (seconds < 300).all() == (times == 20.0)


def row(arm: benchmark.Drawn, at: int, rollout: int) -> tuple[int, int, int]:
    return int(arm.requests[at, rollout]), int(arm.errors[at, rollout]), int(arm.slow[at, rollout])


def minutes(rates: list[float], rollouts: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Requests and errors in blocks of 5 s, whose rates by the minute are these."""
    errors = np.zeros((12 * len(rates), rollouts), dtype=int)
    errors[::12] = np.array([round(100 * rate) for rate in rates])[:, None]
    requests = np.zeros_like(errors)
    requests[::12] = 100
    return requests, errors


def test_kayentas_interval_as_its_own_test_has_it() -> None:
    low, estimate = vectorised.shift(
        np.array([[10.0], [20.0], [30.0], [40.0]]), np.array([[1.0], [2.0], [3.0], [4.0]]), 0.95
    )
    assert (low[0], estimate[0]) == (6.0, 22.5)


@pytest.mark.parametrize("rate", [0.3, 2.0, 20.0])
def test_kayentas_interval_ends_where_its_statistic_crosses_the_quantile(rate: float) -> None:
    """The statistic of R's wilcox.test, written down once more; small counts have many ties."""
    rng = np.random.default_rng(8)
    x, y = rng.poisson(2 * rate, 40) / 100, rng.poisson(rate, 30) / 100
    low = vectorised.shift(x[:, None], y[:, None])[0][0]

    def statistic(d: float) -> float:
        apart = (x - d)[:, None] - y[None, :]
        dz = (apart > 0).sum() + 0.5 * (apart == 0).sum() - 600
        _, counts = np.unique(np.concatenate([x - d, y]), return_counts=True)
        deviation = np.sqrt(100 * (71 - (counts**3 - counts).sum() / (70 * 69)))
        return float((dz - 0.5 * np.sign(dz)) / deviation)

    assert statistic(low - 1e-9) >= NormalDist().inv_cdf(0.99) >= statistic(low + 1e-9)


def test_kayenta_looks_for_a_shift_beyond_a_quarter() -> None:
    low = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1]
    high = [rate + 0.3 for rate in low]
    assert vectorised.kayenta(*minutes(high), *minutes(low), 10)[0]
    assert not vectorised.kayenta(*minutes(low), *minutes(high), 10)[0]
    assert not vectorised.kayenta(*minutes(low), *minutes(low), 10)[0]


def test_one_bad_minute_rolls_back() -> None:
    requests, errors = minutes([0.01, 0.01, 0.02, 0.0])
    assert vectorised.one_bad_minute(requests, errors)[:, 0].tolist() == [False, False, True, False]


@pytest.mark.parametrize("traffic", [0.33, 5.0, 50.0])
@pytest.mark.parametrize("threshold", [1, 5, 10])
def test_flaggers_checks_many_at_once_are_those_of_its_scheduler(traffic: float, threshold: int) -> None:
    seed = np.random.default_rng([threshold, int(traffic)])
    canary = draw(World("common AR(1)", traffic, 0.1, 0.005, canary_rate=0.01), 20, seed).canary
    analysis = flagger.FlaggerAnalysis(
        name="one weight",
        interval_seconds=60,
        threshold=threshold,
        weights=(0.1,) * 100,  # it is not to promote within the hour
        metrics=(flagger.success_rate(99, 60),),
    )
    found = vectorised.flagger_rule(canary.requests, canary.errors, analysis)
    assert (found >= 0).any() or traffic == 50
    for rollout in range(20):
        state, ended = flagger.tick(analysis, flagger.FlaggerState(), fine=True), -1
        for minute in range(60):
            rows = slice(12 * minute, 12 * (minute + 1))
            requests, errors = (int(arm[rows, rollout].sum()) for arm in (canary.requests, canary.errors))
            fine = flagger.is_fine(analysis, [(requests, errors)])
            state = flagger.tick(analysis, state, fine)
            if state.outcome == "taken back" and ended < 0:
                ended = minute
        assert found[rollout] == ended


@pytest.mark.parametrize("traffic", [0.33, 5.0, 50.0])
def test_argos_measurements_many_at_once_are_those_of_its_controller(traffic: float) -> None:
    canary = draw(
        World("independent", traffic, 0.1, 0.01, canary_rate=0.05), 20, np.random.default_rng(int(traffic))
    ).canary
    metric = argo_metric()
    found = vectorised.argo_rule(canary.requests, canary.errors, metric)
    assert (found >= 0).any()
    for rollout in range(20):
        run, ended = argo.MetricRun(), -1
        for look in range(12):
            rows = slice(60 * (look + 1) - 3, 60 * (look + 1))
            requests, errors = (int(arm[rows, rollout].sum()) for arm in (canary.requests, canary.errors))
            run = argo.after(metric, run, metric.measure(requests, errors))
            if run.outcome == "failed" and ended < 0:
                ended = look
        assert found[rollout] == ended


def argo_metric() -> PeerMetric:
    """Argo's first example: success at least 0.95 every 5 minutes, over the last scrape of 15 s."""
    at_least = Requirement((Term(">=", 0.95),))
    return PeerMetric(name="s", window_seconds=15, success=at_least, interval_seconds=300, failure_limit=3)
