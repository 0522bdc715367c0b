"""report-delivery as a caller runs it: the figures of an environment, with n, value and interval."""

from __future__ import annotations

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction, promoted: ActRun) -> ActRun:
    return run_action("report-delivery")


def test_what_was_promoted_is_counted(run: ActRun) -> None:
    step = run.step("production")
    assert step.result == "success", step.errors
    assert int(step.outputs["deployments"]) >= 1 and step.outputs["failed-changes"] == "0"
    assert step.outputs["report"].endswith("/out/modelway/report-delivery.json")
    assert "changes that failed" in step.summary and "in production" in step.summary


def test_a_time_without_a_change_has_no_figures(run: ActRun) -> None:
    step = run.step("before")
    assert (step.result, step.outputs["deployments"], step.outputs["failed-changes"]) == ("success", "0", "0")
    assert "none came" in step.summary


def test_a_hostile_reason_is_only_text(run: ActRun) -> None:
    step = run.step("production")
    assert "<b>" not in step.summary and "##[" not in step.summary
    assert commands_on_github(step.printed) == [] and not step.annotations and "forged" not in step.outputs


@pytest.mark.parametrize(
    ("name", "said"), [("unknown", "did you mean 'production'?"), ("backwards", "input since: is not before")]
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("production").outputs) and not any(step.outputs.values())
