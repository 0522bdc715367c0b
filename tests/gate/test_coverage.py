"""Simulated coverage, quick and seeded: an interval that is too short, turned round or a naive peer's fails.

Each case states the coverage that 3,000 other simulations measured (by resampling 300; at most 0.99); the floor is three
standard errors of the runs here below it. benchmarks/interval_coverage.py measures the same over more settings.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sampled import sampled

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "interval_coverage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    specification = importlib.util.spec_from_file_location("interval_coverage", BENCHMARK)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def share_held(setting: object, runs: int) -> tuple[float, float, float]:
    """Coverage of ours among the judged, share refused, coverage of the naive peer."""
    rng = np.random.default_rng(5)
    held = refused = peer_held = 0
    for _ in range(runs):
        ours, (low, high) = setting.draw(rng)
        peer_held += low <= setting.truth <= high
        if ours.interval is None:
            refused += 1
        else:
            held += ours.interval[0] - 1e-9 <= setting.truth <= ours.interval[1] + 1e-9
    return held / max(1, runs - refused), refused / runs, peer_held / runs


CASES = {
    "one rate near 1": (lambda b: b.single_rate(50, 0.98), 1000, 0.986),
    "accuracy difference": (lambda b: b.paired_rates("accuracy", 200, 0.86, 0.03, 0.02), 1000, 0.959),
    "accuracy difference, few rows": (lambda b: b.paired_rates("accuracy", 50, 0.95, 0.01, 0.01), 1000, 0.99),
    "recall difference, few positives": (lambda b: b.paired_rates("recall", 10, 0.7, 0.05, 0.05), 1000, 0.99),
    "balanced accuracy difference": (lambda b: b.balanced_difference(500, 0.1), 400, 0.985),
    "AUC": (lambda b: b.one_area(40, 400, 0.961), 400, 0.90),
    "AUC near 1": (lambda b: b.one_area(40, 400, 0.987), 400, 0.92),
    "AUC near 1, unequal spread": (lambda b: b.one_area(40, 400, 0.985, 2.0), 400, 0.976),
    "AUC difference": (lambda b: b.area_difference(40, 400, (0.92, 0.9)), 400, 0.954),
    "log loss": (lambda b: b.log_loss(500, 0.3), 1000, 0.943),
    "root mean squared error difference": (lambda b: b.root_mean_squared_difference(200), 1000, 0.933),
    "median absolute error": (lambda b: b.median_error(100), 1000, 0.969),
    "equal groups": (lambda b: b.disparity("demographic_parity_difference", (0.3,) * 10, 500), 200, 0.978),
    "groups apart": (lambda b: b.disparity("demographic_parity_difference", (0.3, 0.2, 0.25), 500), 400, 0.974),
    "ratio of groups": (lambda b: b.disparity("demographic_parity_ratio", (0.3, 0.2, 0.25), 500), 400, 0.977),
    "Matthews": (lambda b: b.one_of_counts("Matthews", 150, 0.3, 0.8, 0.05, b.matthews, b.our_matthews), 1000, 0.95),
    "precision difference": (lambda b: b.counts_difference("precision", 150, 0.3), 1000, 0.95),
    "average precision": (lambda b: b.average_precision(150, 0.3, 0.9, paired=False), 1000, 0.94),
    "average precision difference": (lambda b: b.average_precision(150, 0.3, 0.9, paired=True), 1000, 0.94),
    "R squared": (lambda b: b.explained(150, "normal"), 1000, 0.94),
    "R squared difference": (lambda b: b.explained(150, "normal", paired=True), 1000, 0.94),
    "macro F1": (lambda b: b.macro("F1", 150, 0.8), 1000, 0.96),
    "macro precision difference": (lambda b: b.macro("precision", 150, 0.8, paired=True), 1000, 0.95),
    "macro ROC AUC": (lambda b: b.macro_area(150, 1.5), 400, 0.94),
    "median error difference": (lambda b: b.median_difference(100), 1000, 0.97),
    "gap of equal groups": (lambda b: b.gap("mean_error_difference", (0.0,) * 10, 200), 200, 0.97),
    "gap of groups apart": (lambda b: b.gap("mean_error_difference", (0.0, 0.3), 50), 1000, 0.95),
    "latency": (lambda b: b.latency(8), 1000, 0.99),
    "F-beta by resampling": (lambda b: b.fbeta(500, 0.05), 150, 0.95),
    "F-beta difference by resampling": (lambda b: b.fbeta(2000, 0.08, paired=True), 100, 0.95),
    "kappa by resampling": (lambda b: b.kappa(150, 0.8), 100, 0.98),
    "percentage error by resampling": (lambda b: b.percentage_error(150, 1.0), 100, 0.95),
    "weighted accuracy by resampling": (lambda b: b.weighted_accuracy(300, 0.9), 100, 0.95),
}


@pytest.mark.parametrize("name", sampled(list(CASES), 3))
def test_the_interval_holds_the_truth_as_often_as_it_says(benchmark: ModuleType, name: str) -> None:
    make, runs, measured = CASES[name]
    held, refused, _ = share_held(make(benchmark), runs)
    assert held >= measured - 3 * math.sqrt(measured * (1 - measured) / runs)
    assert refused < 0.3, "an interval that is hardly ever given proves nothing"


def test_the_naive_peers_do_not(benchmark: ModuleType) -> None:
    """What the methods are there for; if this fails the settings above have become too easy."""
    near_one = benchmark.single_rate(50, 0.98)
    equal_groups = benchmark.disparity("demographic_parity_difference", (0.3,) * 10, 500)
    unequal = benchmark.one_area(40, 400, 0.985, 2.0)
    assert share_held(near_one, 500)[2] < 0.7
    assert share_held(equal_groups, 100)[2] < 0.1
    assert share_held(unequal, 200)[2] < 0.85
