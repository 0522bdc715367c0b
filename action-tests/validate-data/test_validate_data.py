"""validate-data as a caller runs it: what keeps its contract, what breaks it, and reports of a megabyte."""

from __future__ import annotations

import json
import re

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("validate-data")


def test_data_that_keeps_its_contract_passes(run: ActRun) -> None:
    step = run.step("good")
    assert (step.result, step.outputs["outcome"], step.outputs["failing-checks"]) == ("success", "pass", "{}"), step.log
    digests = json.loads(step.outputs["data-digests"])
    assert list(digests) == ["data/test.csv", "data/train.csv"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in [*digests.values(), step.outputs["contract-digest"]])
    assert step.outputs["report"].endswith("/out/modelway/validate-data.json")
    assert "data/train.csv: pass" in step.summary and "3,000 rows" in step.summary
    assert not step.annotations


def test_data_that_breaks_its_contract_is_refused_with_the_checks_it_broke(run: ActRun) -> None:
    step = run.step("bad")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "fail")
    broken = json.loads(step.outputs["failing-checks"])
    assert broken == {"bad.csv": ["depot among allowed", "distance has no nulls", "distance in range"]}
    (error,) = step.errors
    assert error.title == "validate-data: refused" and "distance in range" in error.message
    assert "distance has no nulls" in step.summary and step.outputs["report"]


def test_a_violating_value_is_shown_and_is_only_text(run: ActRun) -> None:
    step = run.step("bad")
    assert "::error::forged" in step.summary
    assert "<script>" not in step.summary and "##[" not in step.summary
    assert commands_on_github(step.printed) == [] and len(step.annotations) == 1
    assert run.step("afterwards").outputs["planted"] == "canary"


def test_an_output_of_nearly_half_a_megabyte_arrives_whole(run: ActRun) -> None:
    step = run.step("near")
    assert step.exit_code == 1
    assert 400_000 < len(step.outputs["failing-checks"]) < 500_000
    assert len(json.loads(step.outputs["failing-checks"])["near.csv"]) == 100
    assert not step.warnings


def test_a_larger_output_is_left_out_and_said(run: ActRun) -> None:
    """GitHub would fail the whole job: its limit is one megabyte of UTF-16 for all outputs together."""
    step = run.step("huge")
    assert step.exit_code == 1 and step.outputs["failing-checks"] == "" and step.outputs["outcome"] == "fail"
    (warning,) = step.warnings
    assert "failing-checks" in warning.title and "see the report" in warning.message
    assert all(len(annotation.message) < 2000 for annotation in step.annotations)


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "none.yml: cannot be read"), ("unknown", "did you mean 'production'?")]
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step("good").outputs) and not any(step.outputs.values())


def test_a_contract_is_drafted_and_says_the_same_in_another_form(run: ActRun) -> None:
    drafted = run.step("drafted")
    assert json.loads(drafted.outputs["new-columns"]) == ["depot", "distance", "weight", "late"], drafted.log
    assert commands_on_github(drafted.printed) == []
    assert "<script>" not in drafted.summary and "##[" not in drafted.summary
    assert run.step("converted").outputs["lost"] == "[]"
    assert run.step("same").outputs["outcome"] == "same"


def test_failing_rows_are_written(run: ActRun) -> None:
    assert run.step("rows").exit_code == 1
    assert int(run.step("afterwards").outputs["rows"]) > 3


def test_a_breaking_change_is_refused(run: ActRun) -> None:
    step = run.step("breaking")
    assert (step.exit_code, step.outputs["outcome"]) == (1, "breaking")
    (error,) = step.errors
    assert error.title == "compare-contracts: refused" and json.loads(step.outputs["breaking-changes"])
