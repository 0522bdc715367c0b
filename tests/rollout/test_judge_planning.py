"""The plan's numbers, told before the start: what they are, and that a plan that cannot finish is refused with them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from modelway.config import Judge
from modelway.config.sections import Harm
from modelway.rollout import judge, planning
from rollout.judged import SETTINGS, UNKNOWN, block

ERRORS = SETTINGS.metrics[0]


def numbers(settings: judge.Settings = SETTINGS, **changes: Any) -> judge.PlanNumbers:
    usual = {
        "base_error_rate": 0.005,
        "base_slow_rate": 0.005,
        "requests_per_second": 50.0,
        "weights": (0.1, 1.0),
        "step_seconds": 0.0,
        "bake_seconds": 0.0,
        "timeout_seconds": 3600.0,
    }
    return judge.plan_numbers(settings, **{**usual, **changes})


@pytest.mark.parametrize(("rate", "requests"), [(0.0, 521), (0.001, 621), (0.005, 1078), (0.05, 1180)])
def test_the_median_number_of_requests(rate: float, requests: int) -> None:
    """Within an eighth of what 2,000 simulated rollouts needed: 605, 583, 982 and 1,084 (benchmarks/judge.py)."""
    assert planning.planned_requests(rate, 0.1, ERRORS, 0.05) == pytest.approx(requests, abs=1)


@pytest.mark.parametrize(("rate", "requests"), [(0.7, 84), (0.9, 222), (0.97, 739)])
def test_where_most_of_stable_s_fail_too(rate: float, requests: int) -> None:
    """2,000 simulated rollouts needed 105, 173 and 569 (benchmarks/judge_vectorised.py)."""
    assert planning.planned_requests(rate, 0.1, ERRORS, 0.05) == pytest.approx(requests, abs=1)


def test_the_sentence() -> None:
    found = numbers()
    assert found.sentence == "needs about 1,080 canary requests = 3.6 min at 10 % of 50 requests/s; allow 7.2 min"
    assert found.expected_seconds == pytest.approx(1078 / 5, abs=1)
    assert found.allowed_seconds == pytest.approx(2 * 1078 / 5, abs=1)
    assert found.refusal == found.fix == ""


def test_the_metric_that_needs_most_is_waited_for() -> None:
    assert numbers(base_slow_rate=0.05).expected_requests == pytest.approx(1180, abs=1)
    assert numbers(base_error_rate=0.05).expected_requests == pytest.approx(1180, abs=1)


def test_bursts_in_the_past_cost_as_many_times_the_requests() -> None:
    bursty = msgspec.structs.replace(SETTINGS, metrics=(msgspec.structs.replace(ERRORS, phi=10.0), SETTINGS.metrics[1]))
    assert numbers(bursty).expected_requests == pytest.approx(10 * numbers().expected_requests)


def test_steps_share_the_work() -> None:
    found = numbers(weights=(0.1, 0.5, 1.0), step_seconds=60.0)
    first, second = found.steps
    assert (first.weight, first.expected_requests, first.expected_seconds) == (0.1, 300.0, 60.0)
    assert second.expected_seconds == 60.0
    assert found.sentence.startswith("needs about 1,230 canary requests = 60 s at 10 % + 37 s at 50 % of 50 requests/s")
    assert found.allowed_seconds == pytest.approx(60 + 89, abs=1)
    assert found.allowed_seconds == sum(step.allowed_seconds for step in found.steps)


def test_early_steps_may_be_enough() -> None:
    found = numbers(weights=(0.1, 0.5), step_seconds=600.0)
    assert found.expected_seconds == found.allowed_seconds == 1200


def test_waiting_counts() -> None:
    found = numbers(weights=(0.1, 0.5), step_seconds=120.0, bake_seconds=600.0)
    assert [step.expected_seconds for step in found.steps] == [120, 480]


def test_a_plan_that_cannot_finish_is_refused_with_the_numbers() -> None:
    found = numbers(requests_per_second=0.33)
    assert found.refusal == (
        "needs about 1,080 canary requests, which takes 18.1 h to be safe at 10 % of 0.33 requests/s, "
        "but its time is 60.0 min"
    )
    assert found.fix == "set deploy.timeout-seconds to at least 65340"
    assert numbers(requests_per_second=0.33, timeout_seconds=65340).refusal == ""


def test_twice_the_expected_must_fit() -> None:
    allowed = 2 * 1078 / 5
    assert numbers(timeout_seconds=allowed + 1).refusal == ""
    assert numbers(timeout_seconds=allowed - 1).refusal != ""


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"requests_per_second": 0.0}, "there is no traffic"),
        ({"bake_seconds": 7200.0}, "the steps and the bake time take 2.0 h, but its time is 60.0 min"),
    ],
)
def test_what_else_cannot_finish(changes: dict[str, float], refusal: str) -> None:
    found = numbers(**changes)
    assert found.refusal.startswith(refusal) and found.fix
    assert not any("inf" in text or "nan" in text for text in (found.sentence, found.refusal, found.fix))


def test_a_margin_too_small_for_any_number_of_requests() -> None:
    config = Judge(errors=Harm(margin_ratio=1.0, margin_rate=0.0))
    found = numbers(judge.settings_from(config, []))
    assert found.refusal == "no number of requests can show a margin this small"
    assert math.isinf(found.expected_requests)


@pytest.mark.parametrize(
    ("rates", "refusal", "fix"),
    [
        ({"base_error_rate": 1.0}, "all of stable's requests fail", "mend stable first"),
        ({"base_slow_rate": 1.0}, "all of stable's requests are slower", "raise deploy.judge.latency.slower-than-ms"),
    ],
)
def test_where_none_could_be_worse_nothing_can_be_shown(rates: dict[str, float], refusal: str, fix: str) -> None:
    found = numbers(**rates)
    assert found.refusal.startswith(refusal) and found.fix.startswith(fix)


def test_traffic_that_nobody_knows_is_said() -> None:
    found = numbers(requests_per_second=None)
    assert found.sentence == "needs about 1,080 canary requests at 10 %, allow 2,160; the traffic is not known"
    assert found.expected_seconds is None and not found.refusal


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (89, "89 s"), (216, "3.6 min"), (32400, "9.0 h")])
def test_times_for_a_person(seconds: float, said: str) -> None:
    assert planning.time_said(seconds) == said


@pytest.mark.parametrize("blocks", [1, 6, 30])
def test_the_time_until_a_slow_canary_is_taken_back_is_the_judges_own(blocks: int) -> None:
    """Of counts that are as they are on average, block by block through the judge."""
    latency = msgspec.structs.replace(SETTINGS.metrics[1], wager_blocks=blocks)
    settings = msgspec.structs.replace(SETTINGS, metrics=(SETTINGS.metrics[0], latency), warm_up_seconds=30.0)
    state, seconds = judge.begin(settings), 0.0
    while not state.failed:
        state = judge.observe(settings, state, block((100, 0, 20), (900, 0, 45)))
        seconds += 5.0
    assert planning.taken_back_after(settings, latency, 0.05, 4.0, 0.1, 200.0) == seconds


def test_the_plan_says_why_slow_requests_are_judged_late_and_what_it_costs() -> None:
    said = planning.caution_said(UNKNOWN, 0.005, 0.05, 0.1, 50.0)
    assert said.startswith(
        "slow requests are judged over 2.5 min at a time, since too little is known of how they come: "
    )
    assert (
        "4 times as many at 10 % is taken back after about 25.0 min, and not after 45 s; one of whose requests" in said
    )
    assert planning.caution_said(SETTINGS, 0.005, 0.05, 0.1, 50.0) == ""
    assert planning.caution_said(UNKNOWN, 0.0, 0.0, 0.1, 50.0).endswith("of how they come"), "there is nothing to tell"
    assert "after more than an hour" in planning.caution_said(UNKNOWN, 0.005, 0.05, 0.01, 50.0)


def test_the_plan_says_the_same_of_errors() -> None:
    outage = msgspec.structs.replace(SETTINGS.metrics[0], wager_blocks=6, why_longer="they came for 20 s on end")
    settings = msgspec.structs.replace(SETTINGS, metrics=(outage, SETTINGS.metrics[1]))
    said = planning.caution_said(settings, 0.005, 0.05, 0.1, 50.0)
    assert said.startswith(
        "errors are judged over 30 s at a time, since they came for 20 s on end: a canary that has 4 times"
    )
    both = msgspec.structs.replace(UNKNOWN, metrics=(outage, UNKNOWN.metrics[1]))
    assert planning.caution_said(both, 0.005, 0.05, 0.1, 50.0).count(" are judged over ") == 2
