"""render-monitoring as a caller runs it: promtool takes the rules, in the same job."""

from __future__ import annotations

import pytest

from act import ActRun
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("render-monitoring")


def test_the_files_are_there_and_promtool_takes_the_rules(run: ActRun) -> None:
    step = run.step("production")
    assert step.result == "success", step.errors
    assert step.outputs["rules"].endswith("/out/modelway/render-monitoring.rules.yml")
    assert "ModelwaySlowAnswers" in step.summary
    assert run.step("checked").result == "success"


def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun) -> None:
    step = run.step("unknown")
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert "did you mean 'production'?" in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("production").outputs) and not any(step.outputs.values())
