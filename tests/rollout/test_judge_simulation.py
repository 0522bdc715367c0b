"""Small simulations of what no theorem covers: each guard is taken away once, and what it guards against happens.

benchmarks/judge.py measures the same at full size.
"""

from __future__ import annotations

import judge as benchmark
import numpy as np
import pytest
from judge_processes import World, draw

from modelway.rollout import harm, history
from rollout.judged import after, block

ROLLOUTS = 200


def taken_back(world: World, seed: int) -> float:
    found = benchmark.judged(draw(world, ROLLOUTS, np.random.default_rng(seed)), world.weight)
    return float(np.mean(found.failed >= 0))


def promoted(world: World, seed: int) -> float:
    found = benchmark.judged(draw(world, ROLLOUTS, np.random.default_rng(seed)), world.weight, promotion=True)
    return float(np.mean(found.promoted(found.errors_passed)))


@pytest.mark.parametrize(
    ("process", "traffic"), [("independent", 50.0), ("common AR(1)", 50.0), ("incident", 50.0), ("storm", 5.0)]
)
def test_a_healthy_canary_stays(process: str, traffic: float) -> None:
    assert taken_back(World(process, traffic, 0.1, 0.005), 1) <= 0.025


def test_the_cap_is_what_forgives_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three in ten minutes, all of them on a canary at 1 %, whose share alone would pay a hundredfold each time."""
    quiet = [block((5, 0), (495, 0), 0.01)] * 40
    story = [*quiet, *[block((5, 5), (495, 0), 0.01), *quiet] * 3]
    assert not after(*story).failed
    monkeypatch.setattr(harm, "CAP", 1e9)
    assert after(*story).failed[0].startswith("errors: ")


def test_longer_wagers_are_what_forgives_a_rate_that_wanders(monkeypatch: pytest.MonkeyPatch) -> None:
    wandering = World("own AR(1)", 200.0, 0.1, 0.005)
    assert taken_back(wandering, 3) <= 0.02
    monkeypatch.setattr(history, "MOST_WAGER_SECONDS", 5.0)
    monkeypatch.setattr(history, "LEAST_WAGER_SECONDS", 5.0)
    assert taken_back(wandering, 3) > 0.1
    monkeypatch.setattr(history, "MOST_TOLERANCE", history.LEAST_TOLERANCE)
    assert taken_back(wandering, 3) > 0.3


def test_phi_is_what_sees_through_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    worse = World("storm", 5.0, 0.5, 0.005, canary_rate=0.015)
    assert promoted(worse, 4) <= 0.05
    monkeypatch.setattr(history, "DISPERSION_SECONDS", ())
    assert promoted(worse, 4) > 0.05


def test_a_bad_canary_is_found_in_time() -> None:
    for traffic, goal in ((50.0, 170), (200.0, 60)):
        world = World("independent", traffic, 0.1, 0.005, canary_rate=0.02, blocks=200)
        found = benchmark.judged(draw(world, ROLLOUTS, np.random.default_rng(5)), 0.1).failed
        assert np.median(np.where(found < 0, np.inf, (found + 1) * 5)) <= goal
