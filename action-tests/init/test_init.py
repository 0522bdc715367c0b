"""init as a step of a workflow: what it writes is what the next action takes."""

from __future__ import annotations

import json

import pytest

from act import Act, ActRun
from team import HERE, MakeProject


@pytest.fixture(scope="module")
def run(act: Act, make_project: MakeProject) -> ActRun:
    return act.run(make_project("adopted"), HERE / "init" / "workflow.yml")


def test_what_it_writes_is_what_the_next_action_takes(run: ActRun) -> None:
    step = run.step("adopted")
    assert step.result == "success", step.errors
    assert "modelway.yml" in json.loads(step.outputs["written"]) and json.loads(step.outputs["kept"]) == []
    assert any("not in git, so not on a runner" in line for line in json.loads(step.outputs["to-do"]))
    assert any("not in git, so not on a runner" in warning.message for warning in step.annotations)
    assert run.step("data").result == "success", run.step("data").errors


def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun) -> None:
    step = run.step("unknown")
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert "has no column 'lateness'" in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("adopted").outputs) and not any(step.outputs.values())
