"""judge-plan as a caller runs it: figures of a manifest beside ours, and a mistake with its file and line."""

from __future__ import annotations

import json

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("judge-plan")


def test_both_errors_of_the_analysis_and_of_ours(run: ActRun) -> None:
    step = run.step("judged")
    assert step.result == "success", step.errors
    said = step.outputs
    assert float(said["bad-taken-back-percent"]) == 100 and float(said["healthy-taken-back-percent"]) < 50
    assert float(said["our-healthy-taken-back-percent"]) <= 5 and float(said["our-bad-taken-back-percent"]) > 0
    assert said["sentence"] in step.log and said["report"].endswith("/judge-plan.json")
    assert "20 healthy and 20 bad releases" in step.summary and "steps 20, 50, 100 %" in step.summary


def test_what_was_left_out_is_a_warning_with_its_line(run: ActRun) -> None:
    step = run.step("judged")
    (note,) = json.loads(step.outputs["notes"])
    assert note.startswith("canary $(id).yml:16: ") and "request-duration" in note
    assert [warning.message for warning in step.warnings] == [note] and step.errors == []


def test_a_hostile_name_is_only_text(run: ActRun) -> None:
    step = run.step("judged")
    assert "$(id)" in step.summary and "<b>" not in step.summary and commands_on_github(step.printed) == []
    afterwards = run.step("afterwards").outputs
    assert afterwards == {"planted": "canary", "reports": "judge-plan.json judge-plan.md "}


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("mistaken", 2, "mistaken.yml:14: spec.analysis.metrics[0].thresholdRange.min"),
        ("unmeasured", 2, "input requests-per-second: is required and was not given"),
        ("unreachable", 4, "Prometheus cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_one_line_with_the_fix_and_all_outputs(
    run: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(run.step("judged").outputs) and not any(step.outputs.values())
