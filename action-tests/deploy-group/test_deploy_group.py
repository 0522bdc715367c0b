"""deploy-group and rollback-group as a caller runs them, while clients send requests to one of the two services."""

from __future__ import annotations

import json

import pytest

from act import commands_on_github
from team import Deployed

pytestmark = pytest.mark.long


def test_both_come_and_both_go_back(grouped: Deployed, versions: dict[str, str]) -> None:
    together, back = grouped.run.step("together"), grouped.run.step("back")
    assert (together.result, together.outputs["outcome"]) == ("success", "deployed"), together.errors
    assert set(json.loads(together.outputs["versions"]).values()) == {int(versions["retrained"])}
    assert (back.result, back.outputs["outcome"]) == ("success", "reverted"), back.errors
    assert set(json.loads(back.outputs["versions"]).values()) == {int(versions["good"])}
    assert "taken back" in back.summary


def test_a_second_time_nothing_changes(grouped: Deployed) -> None:
    assert grouped.run.step("there").outputs["outcome"] == "unchanged"
    assert grouped.run.step("again").outputs["outcome"] == "unchanged"


def test_where_one_does_not_get_there_the_other_goes_back(grouped: Deployed, versions: dict[str, str]) -> None:
    step = grouped.run.step("hurried")
    assert (step.result, step.exit_code, step.outputs["outcome"]) == ("failure", 1, "taken-back"), step.log
    (error,) = step.errors
    assert "live did not get there: " in error.message and "back with it: rehearsal" in error.message
    assert set(json.loads(step.outputs["versions"]).values()) == {int(versions["good"])}
    assert grouped.serving == versions["good"] and "failed" not in grouped.seen


def test_a_hostile_reason_is_only_text(grouped: Deployed) -> None:
    step = grouped.run.step("together")
    assert "<b>" not in step.summary and "##[" not in step.summary
    assert not step.annotations and commands_on_github(step.printed) == []
    assert grouped.run.step("afterwards").outputs == {
        "planted": "canary",
        "reports": "deploy-group.html deploy-group.json deploy-group.md ",
    }


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("refused", 2, "input versions: names no version of rehearsal"),
        ("never", 1, "parcels was never deployed as a group there"),
    ],
)
def test_what_is_refused_is_one_line_with_the_fix_and_all_outputs(
    grouped: Deployed, name: str, exit_code: int, said: str
) -> None:
    step = grouped.run.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(grouped.run.step("back").outputs) and not any(step.outputs.values())
    assert step.summary == ""
