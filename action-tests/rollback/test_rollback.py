"""rollback.yml by the template that a team copies, as it stands: one command brings the version before back."""

from __future__ import annotations

from pathlib import Path

import pytest

from act import ActRun
from modelway.registry.mlflow import connect
from team import ROLLBACK, RunAction, address, serving

pytestmark = pytest.mark.long  # rollback-release has it without the workflow, also in CI


def test_the_version_before_comes_back(
    way_back: ActRun, first_delivery: ActRun, skewed_delivery: ActRun, shop: Path, server: str
) -> None:
    assert way_back.exit_code == 0 and way_back.jobs == {"rollback": "success"}, way_back.log[-3000:]
    before, bad = (run.step("train").outputs["version"] for run in (first_delivery, skewed_delivery))
    said = way_back.step("rollback").outputs
    assert (said["outcome"], said["version"], said["previous-version"]) == ("reverted", before, bad)
    assert said["alias-moved"] == "true" and serving(address(shop, "production")) == before
    registered = connect(server, {}).get_model("parcels-delivered")
    assert registered and registered.aliases["production"] == int(before)
    assert "it was not fine" in way_back.step("rollback").summary


def test_another_environment_stays_as_it_is(way_back: ActRun, skewed_delivery: ActRun, shop: Path) -> None:
    assert serving(address(shop, "staging")) == skewed_delivery.step("train").outputs["version"]


def test_a_second_run_changes_nothing_and_one_to_nowhere_fails(way_back: ActRun, run_shop: RunAction) -> None:
    again = run_shop(ROLLBACK)
    assert again.exit_code == 0 and again.step("rollback").outputs["outcome"] == "unchanged"
    never = run_shop(ROLLBACK, to="99999")
    assert never.exit_code == 1 and never.jobs == {"rollback": "failure"}
    (error,) = never.step("rollback").errors
    assert "version 99999 was never in production" in error.message and "Fix: " in error.message
