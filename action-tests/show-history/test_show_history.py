"""show-history as a caller runs it: what is there, what was there, and why."""

from __future__ import annotations

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction, promoted: ActRun) -> ActRun:
    return run_action("show-history")


def test_the_history_of_one_environment(run: ActRun, promoted: ActRun) -> None:
    step, last = run.step("production"), promoted.step("restored").outputs
    assert step.result == "success", step.errors
    assert (step.outputs["version"], step.outputs["intact"]) == (last["version"], "true")
    assert step.outputs["report"].endswith("/out/modelway/show-history.json")
    assert "it was not meant" in step.summary and "$(id)" in step.summary


def test_the_history_of_all_environments_names_no_version(run: ActRun) -> None:
    step = run.step("all")
    assert (step.result, step.outputs["version"], step.outputs["intact"]) == ("success", "", "true")
    assert len(step.outputs["ledger-head"]) == 64 and "production" in step.summary


def test_before_the_first_promotion_nothing_was_there(run: ActRun) -> None:
    assert (run.step("before").result, run.step("before").outputs["version"]) == ("success", "")


def test_a_hostile_reason_is_only_text(run: ActRun) -> None:
    for step in (run.step("all"), run.step("production")):
        assert "<b>" not in step.summary and "##[" not in step.summary
        assert commands_on_github(step.printed) == [] and not step.annotations and "forged" not in step.outputs


@pytest.mark.parametrize(("name", "said"), [("unknown", "did you mean 'production'?"), ("when", "'last tuesday'")])
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("all").outputs) and not any(step.outputs.values())
