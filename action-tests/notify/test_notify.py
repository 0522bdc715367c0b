"""notify as a caller runs it: who is told and who is not, once, hostile text, mistakes."""

from __future__ import annotations

import json

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("notify")


def test_a_step_that_failed_is_told_by_its_report(run: ActRun) -> None:
    step = run.step("told")
    assert (step.result, step.outputs["outcome"]) == ("success", "refused"), step.log
    assert json.loads(step.outputs["told"]) == ["webhook pager"]
    assert json.loads(step.outputs["not-told"]) == ["slack nobody"]
    (warning,) = step.annotations
    assert warning.title == "notify: slack nobody"
    assert "127.0.0.1:9 cannot be reached" in warning.message and "Fix: " in warning.message
    assert "abcdefghijklmnopqrstuvw" not in step.log + str(step.annotations)


def test_the_receiver_got_each_once_with_a_signature(run: ActRun) -> None:
    assert json.loads(run.step("again").outputs["told"]) == ["webhook pager"]
    got = [json.loads(line) for line in run.step("afterwards").outputs["got"].splitlines()]
    assert [(path, signed, body["outcome"]) for path, signed, body in got] == [
        ("/hook", True, "refused"),
        ("/hook", True, "alarm"),
    ]
    assert got[0][2]["sentence"] == "given.csv: 2 rows; 1 of 4 checks fail"
    assert got[0][2]["run"].endswith("/actions/runs/1")


def test_hostile_values_are_only_text_and_secrets_are_none(run: ActRun) -> None:
    step = run.step("hostile")
    assert step.result == "success" and commands_on_github(step.printed) == []
    assert not [one for one in step.annotations if "forged" in one.title]
    assert run.step("afterwards").outputs["planted"] == "canary"
    told = run.step("afterwards").outputs["got"]
    assert "open-sesame" not in told and "rollout $(id)" in told


def test_where_there_is_nothing_to_tell_nothing_is_told(run: ActRun) -> None:
    step = run.step("nothing")
    assert (step.result, step.outputs["outcome"], step.outputs["told"]) == ("success", "", "[]")


def test_a_required_receiver_that_cannot_be_told_fails_the_step(run: ActRun) -> None:
    step = run.step("required")
    assert (step.result, step.exit_code) == ("failure", 4)
    (error,) = step.errors
    assert (
        "slack nobody, which is required: was not told, and is kept for the next notify: $NOBODY_URL" in error.message
    )


@pytest.mark.parametrize(("name", "said"), [("empty", "there is nothing to tell"), ("unknown", "is not JSON")])
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("told").outputs) and not any(step.outputs.values())
