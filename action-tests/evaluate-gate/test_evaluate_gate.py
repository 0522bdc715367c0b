"""evaluate-gate as a caller runs it: pass, fail and inconclusive, each with its exit code, outputs and page."""

from __future__ import annotations

import json

import pytest

from act import ActRun
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_verdict


def test_a_version_that_passes(judged: ActRun, trained: ActRun, server: str) -> None:
    step, made = judged.step("good"), trained.step("good").outputs
    assert step.result == "success", step.errors
    said = step.outputs
    assert (said["outcome"], said["version"], said["failing-checks"]) == ("pass", made["version"], "[]")
    assert said["model-digest"] == made["digest"] and said["production-version"] == ""
    assert step.summary.startswith("**PASS**") and "roc_auc_score" in step.summary
    stored = read_verdict(connect(server, {}), "parcels", int(said["version"]), "production")
    assert stored and stored.record.policy_digest == said["policy-digest"]
    assert stored.record.data_digest == said["data-digest"] and len(stored.record.samples) == 100


def test_a_report_folder_has_any_name(judged: ActRun) -> None:
    assert judged.step("staging").outputs["report"].endswith("/reports of $(id)/evaluate-gate.json")
    assert judged.step("afterwards").outputs["reports"].split() == [
        "evaluate-gate.codequality.json",
        "evaluate-gate.json",
        "evaluate-gate.md",
        "evaluate-gate.sarif",
        "evaluate-gate.xml",
    ]


def test_a_version_that_does_not_pass_is_refused_with_what_speaks_against_it(judged: ActRun) -> None:
    step = judged.step("constant")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "fail")
    assert "accuracy_score" in json.loads(step.outputs["failing-checks"])
    (error,) = step.errors
    assert error.title == "evaluate-gate: refused"
    assert "accuracy_score 0.5 (n 2000, interval 0.4779 to 0.5221, asked: at least 0.6)" in error.message
    assert step.summary.startswith("**FAIL**") and step.outputs["report"]


def test_what_these_rows_cannot_tell_is_inconclusive(judged: ActRun) -> None:
    step = judged.step("doubtful")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 3, "inconclusive")
    assert json.loads(step.outputs["inconclusive-checks"]) == ["accuracy_score"]
    (error,) = step.errors
    assert error.title == "evaluate-gate: inconclusive" and "Fix: " in error.message
    assert "more test rows" in step.summary


def test_a_page_of_more_than_a_megabyte_is_shortened_and_says_so(judged: ActRun) -> None:
    """GitHub drops a page of more than 1024 KiB as a whole."""
    step = judged.step("sliced")
    assert 800 * 1024 < len(step.summary.encode()) <= 1024 * 1024
    assert step.summary.startswith("**FAIL**")
    assert "Shortened: " in step.summary and "all of it is in " in step.summary
    assert len(json.loads(step.outputs["inconclusive-checks"])) > 5000
    assert len(step.errors) == 1 and len(step.errors[0].message) < 2000


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "version 99999"), ("nothing", "input environment: is required")]
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(judged: ActRun, name: str, said: str) -> None:
    step = judged.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(judged.step("good").outputs) and not any(step.outputs.values())
