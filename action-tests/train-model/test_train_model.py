"""train-model as a caller runs it: a Candidate from a training, from an adoption, and the failures of both."""

from __future__ import annotations

import json
import re

import pytest

from act import ActRun, commands_on_github
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_candidate


def test_a_training_becomes_a_candidate_with_all_its_outputs(trained: ActRun) -> None:
    step = trained.step("good")
    assert step.result == "success", step.log
    said = step.outputs
    assert said["model"] == "parcels" and said["version"].isdigit()
    assert re.fullmatch(r"\d{8}-[0-9a-f]{7}", said["readable-version"])
    assert re.fullmatch(r"[0-9a-f]{32}", said["run-id"]) and re.fullmatch(r"[0-9a-f]{40}", said["commit"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", said[name]) for name in ("digest", "content", "data-digest"))
    assert 0.7 < json.loads(said["metrics"])["accuracy"] < 1
    assert said["report"].endswith("/out/modelway/train-model.json")
    assert f"parcels version {said['version']}" in step.summary and "2.1.0" in step.summary
    assert not step.errors


def test_hostile_parameters_reach_the_command_as_they_are_and_what_it_prints_is_no_command(
    trained: ActRun, server: str
) -> None:
    step = trained.step("good")
    candidate = read_candidate(connect(server, {}), "parcels", int(step.outputs["version"]))
    note = '$(id) `id` "; rm -rf ./planted #\n::set-output name=forged::1\n##[error]forged'
    assert candidate.parameters["note"] == note
    assert candidate.seed == 11 and candidate.semantic_version == "2.1.0"
    assert "$(id) `id`" in step.log and commands_on_github(step.printed) == []
    assert "forged" not in step.outputs and "forged" not in str(step.annotations)
    assert trained.step("afterwards").outputs["planted"] == "canary"


def test_a_megabyte_of_parameters_comes_by_a_file(trained: ActRun, server: str) -> None:
    step = trained.step("constant")
    assert step.result == "success", step.log[-2000:]
    candidate = read_candidate(connect(server, {}), "parcels", int(step.outputs["version"]))
    assert candidate.parameters["model"] == "constant" and len(str(candidate.parameters["note"])) > 1_000_000
    assert commands_on_github(step.printed) == [] and not step.annotations
    assert len(step.summary.encode()) < 1024 * 1024


def test_a_model_trained_elsewhere_is_adopted(trained: ActRun, server: str) -> None:
    step = trained.step("adopted")
    assert step.result == "success", step.errors
    assert (step.outputs["model"], step.outputs["run-id"], step.outputs["data-digest"]) == ("elsewhere", "", "")
    assert step.outputs["content"] == trained.step("good").outputs["content"]
    candidate = read_candidate(connect(server, {}), "elsewhere", int(step.outputs["version"]))
    assert candidate.environment.locked_at == "adoption"
    assert "train-model.json" in trained.step("afterwards").outputs["reports"].split("reports of $(id)")[1]


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("broken", 2, "`python train.py` failed with exit code 1"),
        ("cut", 2, "parameters"),
        ("known", 2, "was trained here"),
        ("unreachable", 4, "127.0.0.1:9 cannot be reached"),
    ],
)
def test_a_failure_is_one_line_with_the_fix_and_all_outputs(
    trained: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = trained.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(trained.step("good").outputs) and not any(step.outputs.values())
    assert step.summary == ""


def test_what_a_failing_command_printed_is_in_the_log(trained: ActRun) -> None:
    assert "the training data is empty" in trained.step("broken").log
