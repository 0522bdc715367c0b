"""benchmark-endpoint as a caller runs it: limits that are kept, broken, and not decided. No figure is held against a clock."""

from __future__ import annotations

import json

import pytest

from act import ActRun


def test_limits_that_are_kept(benchmarked: ActRun) -> None:
    """Or, where this machine is busy with other tests, that the generator was the bottleneck: never that one is broken."""
    step = benchmarked.step("kept")
    said = step.outputs
    if step.result == "success":
        assert said["outcome"] == "pass" and not step.annotations
    else:
        assert (step.exit_code, said["outcome"]) == (3, "inconclusive")
        assert "the load generator itself is the bottleneck" in step.errors[0].message
    assert said["report"].endswith("/out/modelway/benchmark-endpoint.json")
    assert 0 < float(said["p50-ms"]) <= float(said["p95-ms"]) <= float(said["p99-ms"])
    assert float(said["error-percent"]) == 0 and float(said["throughput"]) > 0
    low, high = json.loads(said["intervals"])["p50-ms"]
    assert low <= float(said["p50-ms"]) <= high


def test_its_page_shows_every_figure(benchmarked: ActRun) -> None:
    for shown in ("p50", "p95", "p99", "error"):
        assert shown in benchmarked.step("kept").summary


def test_a_limit_that_is_broken_fails_the_job(benchmarked: ActRun) -> None:
    step = benchmarked.step("broken")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "fail")
    (error,) = step.errors
    assert "p50" in error.message and error.title == "benchmark-endpoint: failed"
    reports = benchmarked.step("afterwards").outputs["reports"]
    assert reports.split() == ["benchmark-endpoint.json", "benchmark-endpoint.md"]


def test_twenty_requests_decide_nothing_about_the_slowest_of_a_hundred(benchmarked: ActRun) -> None:
    step = benchmarked.step("short")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 3, "inconclusive")
    assert json.loads(step.outputs["intervals"])["p99-ms"][1] is None
    (error,) = step.errors
    assert error.title == "benchmark-endpoint: inconclusive"


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [("silent", 4, "127.0.0.1:9"), ("without-rows", 2, "input rows"), ("unit", 2, "'30s' is not a number")],
)
def test_what_cannot_be_measured_is_one_line_with_the_fix_and_all_outputs(
    benchmarked: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = benchmarked.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(benchmarked.step("kept").outputs) and not any(step.outputs.values())
