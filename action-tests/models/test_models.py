"""The actions that choose and move models, as a caller runs them one after the other."""

from __future__ import annotations

import json

import pytest

from act import ActRun
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction, judged: ActRun, versions: dict[str, str]) -> ActRun:
    return run_action("models", good=versions["good"], constant=versions["constant"])


def test_every_version_is_listed_with_its_verdict(run: ActRun, versions: dict[str, str]) -> None:
    step = run.step("listed")
    assert step.result == "success", step.errors
    assert {int(version) for version in versions.values()} <= set(json.loads(step.outputs["versions"]))
    assert "production: pass" in step.summary or "staging: pass" in step.summary
    assert step.outputs["report"].endswith("/out/modelway/list-models.json")


def test_the_best_run_is_chosen_and_its_model_is_brought(run: ActRun) -> None:
    chosen, brought = run.step("selected"), run.step("downloaded")
    assert chosen.result == brought.result == "success", (chosen.errors, brought.errors)
    assert float(chosen.outputs["value"]) > 0.5 and chosen.outputs["run-id"] in chosen.summary
    assert brought.outputs["version"] == chosen.outputs["version"] != ""
    assert run.step("again").outputs["digest"] == brought.outputs["digest"]
    assert run.step("there").result == "success"


def test_two_versions_are_compared_and_the_figures_of_one_written(run: ActRun) -> None:
    step = run.step("compared")
    assert step.result == "success", step.errors
    assert json.loads(step.outputs["better"]) == ["roc_auc_score", "accuracy_score"]
    assert json.loads(step.outputs["worse"]) == ["artifact-size-mb"]  # a constant is small
    assert "better" in step.summary
    assert int(run.step("exported").outputs["figures"]) > 1


@pytest.mark.parametrize(
    ("name", "like", "code", "said"),
    [
        ("none", "selected", 1, "without accurracy"),
        ("unnamed", "downloaded", 2, "no version is named"),
        ("itself", "compared", 2, "too"),
        ("nothing", "exported", 2, "neither is given"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_fix_and_all_outputs(
    run: ActRun, name: str, like: str, code: int, said: str
) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", code)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(run.step(like).outputs) and not any(step.outputs.values())
