"""profile-data as a caller runs it: two data sets, hostile text, a masked column, a mistake."""

from __future__ import annotations

import json

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("profile-data")


def test_the_page_is_made_of_both_data_sets(run: ActRun) -> None:
    step = run.step("good")
    assert (step.result, step.outputs["failing-checks"], step.outputs["warnings"]) == ("success", "0", "0"), step.log
    assert step.outputs["page"].endswith("/out/modelway/profile-data.html")
    assert list(json.loads(step.outputs["data-digests"])) == ["data/test.csv", "data/train.csv"]
    assert run.step("seen").outputs["page"] == "<!doctype html>"
    assert "data/train.csv" in step.summary and "nothing wrong" in step.summary and not step.annotations


def test_what_stands_in_the_data_is_text_and_a_masked_column_is_nowhere(run: ActRun) -> None:
    step = run.step("text")
    assert step.result == "success" and int(step.outputs["failing-checks"]) == 1, "damage is told, and ends nothing"
    assert "<script>" not in step.summary and "##[" not in step.summary and "comment encoding" in step.summary
    assert commands_on_github(step.printed) == [] and not step.annotations
    assert run.step("told").outputs["scripts"] == "1", "the page's own"
    counted = run.step("told").outputs["secrets"].split()
    assert [part.rpartition(":")[2] for part in counted] == ["0", "0"]
    assert run.step("afterwards").outputs["planted"] == "canary"


def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun) -> None:
    step = run.step("missing")
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert "quality.masked: the data has no column 'nam'" in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("good").outputs) and not any(step.outputs.values())
