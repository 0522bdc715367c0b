"""replay-rollout as a caller runs it: the same decisions follow from a journal, and from one that was changed they do not."""

from __future__ import annotations

import json

import pytest

from act import ActRun


def test_every_decision_follows_from_what_was_observed(replayed: ActRun) -> None:
    step = replayed.step("all")
    assert step.result == "success", step.errors
    assert step.outputs["same"] == "true" and not step.annotations
    assert json.loads(step.outputs["outcomes"]) == ["deployed"] * 3
    assert step.outputs["report"].endswith("/out/modelway/replay-rollout.json")
    assert step.summary.count("### Version") == 3


def test_one_rollout_by_its_number_and_its_page(replayed: ActRun, versions: dict[str, str]) -> None:
    step = replayed.step("canary")
    assert json.loads(step.outputs["outcomes"]) == ["deployed"]
    assert step.summary.count("### Version") == 1 and f"Version {versions['retrained']} is in live" in step.summary
    reports = replayed.step("afterwards").outputs["reports"]
    assert reports.split() == ["replay-rollout.html", "replay-rollout.json", "replay-rollout.md"]


def test_a_journal_that_was_changed_is_refused_and_says_where(replayed: ActRun) -> None:
    step = replayed.step("changed")
    assert (step.result, step.exit_code, step.outputs["same"]) == ("failure", 1, "false")
    assert step.errors and all(error.message.startswith("rollout 2: ") for error in step.errors)
    assert len(step.errors[0].message.splitlines()) == 1 and len(step.errors[0].message) < 400


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "there is no such rollout"), ("nowhere", "has no deploy section")]
)
def test_what_is_not_there_is_one_line_with_the_fix_and_all_outputs(replayed: ActRun, name: str, said: str) -> None:
    step = replayed.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(replayed.step("all").outputs) and not any(step.outputs.values())
