"""detect-drift as a caller runs it: one population, rows that have moved, too few to tell, and a sketch as the reference."""

from __future__ import annotations

import json
import re

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("detect-drift")


def test_rows_of_one_population_have_not_drifted(run: ActRun) -> None:
    step = run.step("same")
    assert (step.result, step.outputs["outcome"]) == ("success", "no drift"), step.log
    assert (step.outputs["drifted-columns"], step.outputs["inconclusive-columns"]) == ("[]", "[]")
    assert all(re.fullmatch(r"[0-9a-f]{64}", step.outputs[f"{side}-digest"]) for side in ("reference", "current"))
    assert step.outputs["report"].endswith("/out/modelway/detect-drift.json")
    assert "2,000 rows against 3,000 rows of data/train.csv" in step.summary and "### Label" in step.summary
    assert not step.annotations


def test_rows_that_have_moved_are_refused_with_what_moved(run: ActRun) -> None:
    step = run.step("moved")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "drift")
    assert json.loads(step.outputs["drifted-columns"]) == ["depot", "distance"]
    (error,) = step.errors
    assert error.title == "detect-drift: drift" and "drift in depot, distance" in error.message


def test_hostile_values_and_names_are_only_text(run: ActRun) -> None:
    step = run.step("moved")
    assert "::error::forged" in step.summary  # the name of a new column
    assert "<script>" not in step.summary and "##[" not in step.summary
    assert commands_on_github(step.printed) == [] and len(step.annotations) == 1
    assert run.step("afterwards").outputs["planted"] == "canary"


def test_too_few_rows_are_inconclusive(run: ActRun) -> None:
    step = run.step("few")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 3, "inconclusive")
    (error,) = step.errors
    assert error.title == "detect-drift: inconclusive" and "give more rows" in error.message


def test_a_sketch_stands_for_the_rows_of_the_reference(run: ActRun) -> None:
    step = run.step("sketch")
    assert (step.result, step.outputs["outcome"]) == ("success", "no drift"), step.log
    assert "the classifier needs the rows of both data sets" in step.summary


@pytest.mark.parametrize(
    ("name", "said"), [("nothing", "the key drift.current is not set"), ("unknown", "did you mean 'weight'?")]
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("same").outputs) and not any(step.outputs.values())
