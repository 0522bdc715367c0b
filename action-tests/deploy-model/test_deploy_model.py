"""deploy-model as a caller runs it: the first release, a canary under live traffic, the same again, and what is refused."""

from __future__ import annotations

import pytest

from act import commands_on_github
from team import Deployed


def test_the_first_release_gets_all_traffic_at_once(deployed: Deployed, versions: dict[str, str]) -> None:
    step = deployed.run.step("first")
    assert step.result == "success", step.errors
    said = step.outputs
    assert (said["outcome"], said["version"], said["alias-moved"]) == ("deployed", versions["good"], "true")
    assert said["address"] == deployed.address
    assert said["report"].endswith("/out/modelway/deploy-model.json")
    assert f"Version {versions['good']} is in live" in step.summary
    assert not step.annotations


def test_deploying_again_changes_nothing(deployed: Deployed, versions: dict[str, str]) -> None:
    step = deployed.run.step("again")
    assert step.result == "success", step.errors
    assert f"version {versions['good']} is in live already" in step.log
    assert step.outputs == {**deployed.run.step("first").outputs, "report": ""} and step.summary == ""


def test_a_canary_that_is_as_good_takes_over_under_traffic(deployed: Deployed, versions: dict[str, str]) -> None:
    """By the client's own count not one request fails on the way, and the alias moves at its end."""
    step = deployed.run.step("canary")
    assert step.result == "success", step.errors
    assert (step.outputs["outcome"], step.outputs["alias-moved"]) == ("deployed", "true")
    assert "failed" not in deployed.seen and set(deployed.seen) == {
        f"{versions['good']} 200",
        f"{versions['retrained']} 200",
    }
    assert deployed.serving == versions["retrained"]
    assert deployed.alias == int(versions["retrained"])


def test_its_page_shows_the_shares_and_the_evidence(deployed: Deployed) -> None:
    step = deployed.run.step("canary")
    for shown in ("| 20% |", "| 50% |", "| 100% |", "| errors |", "| slower than "):
        assert shown in step.summary, step.summary
    assert "20%" in step.log and "needs about" in step.log
    reports = deployed.run.step("afterwards").outputs["reports"]
    assert reports.split() == ["deploy-model.html", "deploy-model.json", "deploy-model.md"]


def test_what_is_deployed_counts_what_it_is_asked_and_is_watched_by_that(deployed: Deployed) -> None:
    step = deployed.run.step("watched")
    assert (step.result, step.exit_code) == ("failure", 3), step.log
    (error,) = step.errors
    assert "0 whole days are counted, and 56 tell what is usual" in error.message, step.log
    assert "tells no counts" not in step.log and not step.outputs["outcome"]


def test_a_hostile_reason_is_only_text(deployed: Deployed) -> None:
    step = deployed.run.step("canary")
    assert "$(id)" in step.summary and "<b>" not in step.summary and "##[" not in step.summary
    assert "forged" not in step.outputs and not step.annotations and commands_on_github(step.printed) == []
    assert deployed.run.step("afterwards").outputs["planted"] == "canary"


@pytest.mark.parametrize(
    ("name", "exit_code", "said"),
    [
        ("unbuilt", 1, "was not built for production"),
        ("nowhere", 2, "has no deploy section"),
        ("strategy", 2, "input strategy"),
        ("hurried", 2, "input timeout-seconds"),
    ],
)
def test_what_is_not_deployed_is_one_line_with_the_fix_and_all_outputs(
    deployed: Deployed, name: str, exit_code: int, said: str
) -> None:
    step = deployed.run.step(name)
    assert (step.result, step.exit_code) == ("failure", exit_code), step.log
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message and len(error.message) < 400
    assert set(step.outputs) == set(deployed.run.step("first").outputs) and not any(step.outputs.values())
    assert step.summary == ""
