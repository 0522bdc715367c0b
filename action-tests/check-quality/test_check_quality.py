"""check-quality as a caller runs it: sound data, a leak, a warning, hostile text, masked columns, a mistake."""

from __future__ import annotations

import json
import re

import pytest

from act import ActRun, commands_on_github
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("check-quality")


def test_sound_data_passes_and_the_pair_is_compared(run: ActRun) -> None:
    step = run.step("good")
    assert (step.result, step.outputs["outcome"], step.outputs["failing-checks"]) == ("success", "pass", "{}"), step.log
    digests = json.loads(step.outputs["data-digests"])
    assert list(digests) == ["data/test.csv", "data/train.csv"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests.values())
    assert step.outputs["report"].endswith("/out/modelway/check-quality.json")
    assert "data/test.csv beside data/train.csv: pass" in step.summary and "3,000 rows, 4 columns" in step.summary
    assert not step.annotations


def test_a_column_that_gives_the_label_away_is_refused(run: ActRun) -> None:
    step = run.step("leak")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "fail")
    assert json.loads(step.outputs["failing-checks"]) == {"leak.csv": ["arrived tells late"]}
    (error,) = step.errors
    assert error.title == "check-quality: refused" and "arrived tells late" in error.message
    assert "is it known when a prediction is asked for?" in step.summary


def test_a_warning_is_told_and_ends_nothing(run: ActRun) -> None:
    step = run.step("warn")
    assert (step.result, step.outputs["outcome"]) == ("success", "warn")
    assert json.loads(step.outputs["warnings"]) == {"warn.csv": ["distance outliers"]}
    assert "9999 (row 3001)" in step.summary and not step.errors


def test_a_value_is_shown_and_is_only_text_and_a_masked_one_is_not(run: ActRun) -> None:
    step = run.step("text")
    assert step.exit_code == 1 and "name encoding" in step.summary
    assert "::error::forged" in step.summary
    assert "<script>" not in step.summary and "##[" not in step.summary
    assert commands_on_github(step.printed) == [] and len(step.errors) == 1
    masked = run.step("masked")
    assert masked.exit_code == 1 and "name encoding" in masked.summary and "forged" not in masked.summary + masked.log
    assert run.step("afterwards").outputs["planted"] == "canary"


def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun) -> None:
    step = run.step("missing")
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert "the data has no column 'lat'. Fix: did you mean 'late'?" in error.message
    assert set(step.outputs) == set(run.step("good").outputs) and not any(step.outputs.values())
