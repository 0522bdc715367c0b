"""The rules of the peers as their own code has them: what counts, what resets, and when it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.peers import argo, flagger
from modelway.peers.argo import MetricRun
from modelway.peers.flagger import FlaggerAnalysis, FlaggerState
from modelway.peers.measuring import Measured, PeerMetric, Requirement, Term

AT_LEAST = Requirement((Term(">=", 0.95),))


def analysis(threshold: int = 3, steps: int = 4) -> FlaggerAnalysis:
    weights = tuple((at + 1) / 10 for at in range(steps))
    metrics = (flagger.success_rate(99, 60),)
    return FlaggerAnalysis(name="c", interval_seconds=60, threshold=threshold, weights=weights, metrics=metrics)


def ticks(of: FlaggerAnalysis, checks: list[bool]) -> tuple[FlaggerState, int]:
    """The state after the first tick and one with each check, and how many ticks it took to end."""
    state = flagger.tick(of, FlaggerState(), fine=False)
    assert state == FlaggerState(step=0), "at the first tick nothing is measured"
    for at, fine in enumerate(checks, start=1):
        state = flagger.tick(of, state, fine)
        if state.outcome:
            return state, at
    return state, len(checks)


def test_flagger_promotes_after_a_fine_check_at_each_weight() -> None:
    state, at = ticks(analysis(steps=4), [True] * 10)
    assert (state.outcome, at) == ("promoted", 4)


def test_flagger_takes_back_one_tick_after_the_last_failed_check() -> None:
    state, at = ticks(analysis(threshold=3), [False] * 10)
    assert (state.outcome, at) == ("taken back", 4)


def test_a_fine_check_takes_no_failed_one_back_and_a_failed_one_holds_the_weight() -> None:
    state, _ = ticks(analysis(threshold=3, steps=9), [False, True, True, False])
    assert (state.failed, state.step) == (2, 2)
    state, at = ticks(analysis(threshold=3, steps=9), [False, True, True, False, True, False, True])
    assert (state.outcome, at) == ("taken back", 7), "the check of the last tick is not asked"


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 6), st.integers(1, 8))
def test_flagger_ends_by_whichever_count_is_full_first(checks: list[bool], threshold: int, steps: int) -> None:
    state, at = ticks(analysis(threshold, steps), checks)
    fine = sum(checks[: at - 1]) if state.outcome == "taken back" else sum(checks[:at])
    failed = (at - 1 if state.outcome == "taken back" else at) - fine
    assert state.failed == failed <= threshold
    assert (state.outcome == "promoted") == (fine == steps)
    assert (state.outcome == "taken back") <= (failed == threshold)


def run(metric: PeerMetric, *measured: Measured) -> MetricRun:
    found = MetricRun()
    for one in measured:
        found = argo.after(metric, found, one)
    return found


def metric(**changes: int) -> PeerMetric:
    return PeerMetric(name="m", window_seconds=60, success=AT_LEAST, interval_seconds=60, **changes)  # type: ignore[arg-type]


def test_argo_fails_at_one_more_than_its_limit_whatever_succeeds_between() -> None:
    limited = metric(failure_limit=3)
    assert run(limited, "failed", "failed", "failed").outcome == ""
    assert (
        run(limited, "failed", "successful", "failed", "successful", "failed", "successful", "failed").outcome
        == "failed"
    )
    assert run(metric(), "failed").outcome == "failed"
    assert run(metric(failure_limit=-1, success_limit=2), "failed", "failed", "failed").outcome == ""


def test_argo_is_inconclusive_at_one_more_than_that_limit() -> None:
    assert run(metric(), "inconclusive").outcome == "inconclusive"
    assert run(metric(inconclusive_limit=1), "inconclusive").outcome == ""
    assert run(metric(inconclusive_limit=1), "inconclusive", "inconclusive").outcome == "inconclusive"


def test_argo_ends_by_its_count_or_by_successes_in_a_row() -> None:
    assert run(metric(count=3, failure_limit=1), "successful", "failed").outcome == ""
    assert run(metric(count=3, failure_limit=1), "successful", "failed", "successful").outcome == "successful"
    in_a_row = metric(success_limit=2, failure_limit=3)
    assert run(in_a_row, "successful", "failed", "successful").outcome == ""
    assert run(in_a_row, "successful", "failed", "successful", "successful").outcome == "successful"
    assert run(metric(success_limit=2, failure_limit=3, count=2), "successful", "failed").outcome == "inconclusive"
    assert run(metric(success_limit=2, failure_limit=-1, count=2), "successful", "failed").outcome == "failed"


@pytest.mark.parametrize(
    ("conditions", "of_good", "of_bad", "of_none"),
    [
        ({"success": AT_LEAST}, "successful", "failed", "failed"),
        ({"failure": Requirement((Term("<", 0.95),))}, "successful", "failed", "successful"),
        (
            {"success": AT_LEAST, "failure": Requirement((Term("<", 0.5),))},
            "successful",
            "inconclusive",
            "inconclusive",
        ),
        ({}, "successful", "successful", "successful"),
    ],
)
def test_what_a_measurement_comes_to(
    conditions: dict[str, Requirement], of_good: str, of_bad: str, of_none: str
) -> None:
    one = PeerMetric(name="m", window_seconds=60, **conditions)  # type: ignore[arg-type]
    assert [one.measure(100, 1), one.measure(100, 10), one.measure(0, 0)] == [of_good, of_bad, of_none]
