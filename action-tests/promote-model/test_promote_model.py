"""promote-model as a caller runs it: only what passed, only once, and nothing healed that a hand has moved."""

from __future__ import annotations

import re

import pytest

from act import ActRun, commands_on_github


def test_a_version_that_passed_is_promoted(promoted: ActRun, trained: ActRun) -> None:
    step, version = promoted.step("promoted"), trained.step("good").outputs["version"]
    assert step.result == "success", step.errors
    said = step.outputs
    assert (said["promoted"], said["version"], said["previous-version"]) == ("true", version, "")
    assert said["entry"].isdigit() and re.fullmatch(r"[0-9a-f]{64}", said["ledger-head"])
    assert "production" in step.summary and said["ledger-head"][:12] in step.summary + step.log


def test_a_hostile_reason_is_only_text(promoted: ActRun) -> None:
    step = promoted.step("promoted")
    assert "$(id)" in step.summary and "<b>" not in step.summary and "##[" not in step.summary
    assert "forged" not in step.outputs and not step.annotations and commands_on_github(step.printed) == []
    assert promoted.step("afterwards").outputs["planted"] == "canary"


def test_promoting_again_changes_nothing(promoted: ActRun) -> None:
    first, again = promoted.step("promoted").outputs, promoted.step("again").outputs
    assert again == first


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("refused", 1, "for production is fail"),
        ("unjudged", 1, "there is no verdict"),
        ("moved", 1, "somebody moved it by hand"),
        ("both", 2, "exactly one of version, adopt and restore"),
    ],
)
def test_what_is_not_promoted_is_one_line_with_the_fix_and_all_outputs(
    promoted: ActRun, name: str, exit_code: int, said: str
) -> None:
    step = promoted.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert set(step.outputs) == set(promoted.step("promoted").outputs) and step.outputs["promoted"] != "true"


def test_an_alias_moved_by_hand_is_set_back_when_asked(promoted: ActRun) -> None:
    step = promoted.step("restored")
    assert (step.result, step.outputs["promoted"]) == ("success", "true")
    assert step.outputs["version"] == promoted.step("promoted").outputs["version"]
    assert int(step.outputs["entry"]) > int(promoted.step("promoted").outputs["entry"])
