"""A limit is kept, broken or undecided by its interval; what the generator did is not held against the server."""

from __future__ import annotations

import pytest

from modelway.endpoint.limits import bottleneck, judge
from modelway.observe.latency import Latencies
from modelway.observe.load_lateness import Lateness, Lates

EXACT = Lateness(1000, 1e-4, 2e-4, 3e-4, 1e-3)


def run(count: int = 2000, failed: int = 0) -> Latencies:
    """Latencies of 1 to 100 ms, evenly; the failures spread evenly too."""
    found = Latencies()
    for number in range(count):
        broke = bool(failed) and number % (count // failed) == 0
        found.add(number / count * 10, (number * 37 % 100 + 1) / 1000, broke)
    return found


@pytest.mark.parametrize(
    ("limits", "failed", "outcome"),
    [
        ({"p95-ms": 99}, 0, "pass"),
        ({"p95-ms": 80}, 0, "fail"),
        ({"p95-ms": 95}, 0, "inconclusive"),
        ({"p50-ms": 60, "p95-ms": 95, "p99-ms": 10}, 0, "fail"),
        ({"error-percent": 1}, 0, "pass"),
        ({"error-percent": 1}, 20, "inconclusive"),
        ({"error-percent": 1}, 100, "fail"),
        ({"error-percent": 0}, 0, "inconclusive"),
        ({"p99-ms": 10_000, "error-percent": 10}, 100, "fail"),
        ({}, 0, "inconclusive"),
    ],
)
def test_the_interval_decides(limits: dict[str, float], failed: int, outcome: str) -> None:
    found = judge(run(failed=failed), 10, limits, 0.95, EXACT)
    assert found.outcome == outcome
    assert bool(found.reason) == (outcome != "pass")


def test_a_percentile_that_only_failures_reach_has_no_value() -> None:
    figures = {figure.name: figure for figure in judge(run(failed=100), 10, {}, 0.95, EXACT).figures}
    assert figures["p99-ms"].value is None
    assert figures["p99-ms"].high is None
    assert figures["p50-ms"].value is not None


def test_no_request_is_never_a_pass() -> None:
    assert judge(Latencies(), 10, {"p99-ms": 1e9}, 0.95, EXACT).outcome == "inconclusive"


def test_throughput_counts_no_failures() -> None:
    assert judge(run(failed=100), 10, {}, 0.95, EXACT).throughput == 190


LATE = Lateness(1000, 1e-4, 5e-3, 2e-2, 5e-2)


@pytest.mark.parametrize(
    ("limits", "lateness", "blamed"),
    [
        ({"p50-ms": 1}, LATE, ""),
        ({"p99-ms": 150}, LATE, "20 ms late in sending (p99"),
        ({"p99-ms": 250}, LATE, ""),
        ({"error-percent": 1}, LATE, "(p99"),
        ({"p99-ms": 1}, EXACT, ""),
        ({"p50-ms": 100}, Lateness(9, 1.0, 2.0, 3.0, 4.0), "(p50"),
    ],
)
def test_when_the_generator_is_the_bottleneck(limits: dict[str, float], lateness: Lateness, blamed: str) -> None:
    said = bottleneck(lateness, {"p50-ms": 10.0, "p95-ms": 50.0, "p99-ms": 100.0}, limits)
    assert blamed in said
    assert bool(said) == bool(blamed)


def test_a_late_generator_decides_nothing() -> None:
    slow = Lateness(1000, 1.0, 2.0, 3.0, 4.0)
    for limits in ({"p99-ms": 1000.0}, {"p99-ms": 1.0}, {"error-percent": 50.0}):
        found = judge(run(), 10, limits, 0.95, slow)
        assert (found.outcome, "bottleneck" in found.reason) == ("inconclusive", True)


def test_lateness_is_kept_in_few_counters() -> None:
    lates = Lates()
    for number in range(10_000):
        lates.add(number / 10_000)
    found = lates.lateness()
    assert found.requests == 10_000
    assert found.most == 0.9999
    for value, true in ((found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99)):
        assert true <= value <= 1.13 * true or value == found.most
    assert len(lates.counts) < 150
    assert Lates().lateness() == Lateness(0, 0, 0, 0, 0)
