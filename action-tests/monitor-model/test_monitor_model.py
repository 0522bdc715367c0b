"""monitor-model as a caller runs it: quiet days, a change that is told once, hostile text, mistakes."""

from __future__ import annotations

import json

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("monitor-model")


def test_quiet_days_pass(run: ActRun) -> None:
    step = run.step("calm")
    assert (step.result, step.outputs["outcome"]) == ("success", "quiet"), step.log
    assert (step.outputs["changed-columns"], step.outputs["open-columns"]) == ("[]", "[]")
    assert step.outputs["report"].endswith("/out/modelway/monitor-model.json")
    assert (step.outputs["broken-promises"], step.outputs["service-days"]) == ("[]", "")
    assert "18 days were looked at since" in step.summary and not step.annotations


def test_a_change_fails_the_run_once(run: ActRun) -> None:
    step = run.step("moved")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "alarm")
    assert json.loads(step.outputs["changed-columns"]) == ["depot"]
    (error,) = step.errors
    assert error.title == "monitor-model: alarm" and "since 2026-04-26" in error.message
    told = run.step("told")
    assert (told.result, told.outputs["outcome"], told.outputs["open-columns"]) == ("success", "changed", '["depot"]')


def test_a_model_that_falls_fails_the_run(run: ActRun) -> None:
    step = run.step("fallen")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "alarm"), step.log
    assert json.loads(step.outputs["fallen-metrics"]) == ["roc_auc_score"], "what the gate has a limit for"
    (error,) = step.errors
    assert "roc_auc_score from 0.9 to 0.6 since 2026-04-19" in error.message
    assert "### Performance: alarm" in step.summary


def test_a_service_that_fails_for_a_day_fails_the_run(run: ActRun) -> None:
    """Alone, without rows or a reference."""
    step = run.step("outage")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "alarm"), step.log
    assert json.loads(step.outputs["broken-promises"]) == ["failed"] and step.outputs["fallen-metrics"] == "[]"
    (error,) = step.errors
    assert "to 28.3 % on 2026-04-30, 0.1 % at most" in error.message
    assert "### Service: alarm" in step.summary and step.outputs["service-days"].endswith("/monitor-model.service.csv")


def test_hostile_values_are_only_text(run: ActRun) -> None:
    for name in ("moved", "told", "conflict"):
        step = run.step(name)
        assert "<script>" not in step.summary and "##[" not in step.summary
        assert commands_on_github(step.printed) == []
    assert run.step("afterwards").outputs["planted"] == "canary"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nothing", 2, "the key monitor.time-column is not set"),
        ("short", 3, "all of its 60 whole days are history"),
        ("conflict", 2, "1 identifiers have two different labels"),
    ],
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, code: int, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", code)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("calm").outputs) and not any(step.outputs.values())
