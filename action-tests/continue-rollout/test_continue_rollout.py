"""continue-rollout as a caller runs it: a canary in its pause, a person's word, and what is no word."""

from __future__ import annotations

import pytest

from act import commands_on_github
from team import Deployed

pytestmark = pytest.mark.long  # tests/deployment has it in memory, tests/e2e on a cluster, also in CI


def test_the_canary_waits_for_a_person(continued: Deployed, versions: dict[str, str]) -> None:
    step = continued.run.step("paused")
    assert step.result == "success", step.errors
    assert (step.outputs["outcome"], step.outputs["paused-at"]) == ("under-way", "20")
    assert step.outputs["version"] == versions["retrained"], "which nobody has told it"
    assert f"continue-rollout --version {versions['retrained']} --at 20" in step.log


def test_the_word_is_taken_up_and_a_second_one_changes_nothing(continued: Deployed, versions: dict[str, str]) -> None:
    first, again = continued.run.step("continued"), continued.run.step("again")
    assert (first.result, again.result) == ("success", "success"), (first.errors, again.errors)
    assert (first.outputs["outcome"], first.outputs["at"]) == ("continued", "20")
    assert first.outputs["version"] == versions["retrained"] and first.outputs["report"].endswith(
        "continue-rollout.json"
    )
    assert (again.outputs["outcome"], again.outputs["at"]) == ("unchanged", "20")
    goes_on = continued.run.step("goes-on")
    assert goes_on.outputs["outcome"] == "under-way" and goes_on.outputs["paused-at"] == ""
    assert "gets 50% of the traffic" in goes_on.log


def test_a_hostile_reason_is_only_text(continued: Deployed) -> None:
    step = continued.run.step("continued")
    assert "$(id)" in step.summary and "<b>" not in step.summary and "##[" not in step.summary
    assert not step.annotations and commands_on_github(step.printed) == []
    assert continued.run.step("afterwards").outputs == {
        "planted": "canary",
        "reports": "continue-rollout.json continue-rollout.md ",
    }


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("unpaused", 1, "no deployment is under way in live"),
        ("elsewhere", 1, "is paused at 20%, not at 50 %"),
        ("other", 1, "input version: rollout 4 is that of version"),
        ("nowhere", 2, "has no deploy section"),
        ("late", 1, "was taken back: rolled back by"),
    ],
)
def test_where_nothing_is_paused_it_is_one_line_with_the_fix_and_all_outputs(
    continued: Deployed, name: str, exit_code: int, said: str
) -> None:
    step = continued.run.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(continued.run.step("continued").outputs) and not any(step.outputs.values())
    assert step.summary == ""


def test_no_client_was_failed_and_stable_has_it_all_again(continued: Deployed, versions: dict[str, str]) -> None:
    assert "failed" not in continued.seen and continued.seen[f"{versions['retrained']} 200"] > 0
    assert continued.serving == versions["good"]
