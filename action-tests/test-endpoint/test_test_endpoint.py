"""test-endpoint as a caller runs it: what answers is what was asked for, and where it is not the job fails."""

from __future__ import annotations

import pytest

from act import ActRun


def test_what_answers_is_what_the_registry_knows(tested: ActRun) -> None:
    step = tested.step("tested")
    assert step.result == "success", step.errors
    said = step.outputs
    assert (said["outcome"], said["failed"]) == ("pass", "0") and int(said["passed"]) > 20
    assert said["report"].endswith("/out/modelway/test-endpoint.json")
    assert "/predict" in step.summary and not step.annotations


def test_without_a_registry_the_contract_is_tested(tested: ActRun) -> None:
    step = tested.step("alone")
    assert (step.result, step.outputs["outcome"]) == ("success", "pass"), step.errors
    assert 0 < int(step.outputs["passed"]) < int(tested.step("tested").outputs["passed"])
    assert int(step.outputs["skipped"]) > int(tested.step("tested").outputs["skipped"])
    reports = tested.step("afterwards").outputs["reports"]
    assert reports.split() == ["test-endpoint.json", "test-endpoint.md", "test-endpoint.xml"]


def test_another_version_than_was_asked_for_fails_the_job(tested: ActRun, versions: dict[str, str]) -> None:
    """Its signature and its environment are the same: the version and the digest are not."""
    step = tested.step("another")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "fail")
    assert int(step.outputs["failed"]) > 0 and int(step.outputs["passed"]) > 0
    (error,) = step.errors
    assert "checks failed" in error.message and versions["retrained"] in error.message
    assert "/model/version" in step.summary


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("silent", 4, "127.0.0.1:9"),
        ("unjudged", 1, "there is no verdict"),
        ("nowhere", 2, "input url"),
    ],
)
def test_what_cannot_be_tested_is_one_line_with_the_fix_and_all_outputs(
    tested: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = tested.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(tested.step("tested").outputs) and not any(step.outputs.values())
