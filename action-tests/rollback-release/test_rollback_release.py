"""rollback-release as a caller runs it: the version before comes back, once, and nothing where there is nothing to undo."""

from __future__ import annotations

import pytest

from act import commands_on_github
from modelway.registry.mlflow import connect
from team import Deployed


def test_the_version_before_comes_back(rolled_back: Deployed, versions: dict[str, str], server: str) -> None:
    """By the client's own count not one request fails on the way."""
    step = rolled_back.run.step("back")
    assert step.result == "success", step.errors
    said = {name: value for name, value in step.outputs.items() if name != "report"}
    assert said == {
        "outcome": "reverted",
        "version": versions["good"],
        "previous-version": versions["retrained"],
        "alias-moved": "true",
    }
    assert "failed" not in rolled_back.seen and rolled_back.serving == versions["good"]
    registered = connect(server, {}).get_model("parcels")
    assert registered and registered.aliases["live"] == int(versions["good"])
    assert f"Version {versions['good']} is in live" in step.summary and "rollback" in step.summary


def test_a_second_run_changes_nothing(rolled_back: Deployed, versions: dict[str, str]) -> None:
    step = rolled_back.run.step("again")
    assert (step.result, step.summary, step.annotations) == ("success", "", [])
    said = step.outputs
    assert (said["outcome"], said["version"], said["previous-version"]) == ("unchanged", versions["good"], "")


def test_only_unfinished_leaves_what_is_finished_alone(rolled_back: Deployed, versions: dict[str, str]) -> None:
    said = rolled_back.run.step("finished").outputs
    assert (said["outcome"], said["version"], said["previous-version"]) == ("unchanged", versions["retrained"], "")


def test_a_hostile_reason_is_only_text(rolled_back: Deployed) -> None:
    step = rolled_back.run.step("back")
    assert "$(id)" in step.summary and "<b>" not in step.summary and "##[" not in step.summary
    assert "forged" not in step.outputs and not step.annotations and commands_on_github(step.printed) == []
    assert rolled_back.run.step("afterwards").outputs["planted"] == "canary"


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("never", 1, "version 99999 was never in live"),
        ("unit", 2, "'v1' is not a whole number"),
        ("nothing", 2, "nothing was ever deployed to rehearsal"),
    ],
)
def test_what_cannot_be_brought_back_is_one_line_with_the_fix_and_all_outputs(
    rolled_back: Deployed, name: str, exit_code: int, said: str
) -> None:
    step = rolled_back.run.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(rolled_back.run.step("back").outputs) and not any(step.outputs.values())
