"""stop-deployment as a caller runs it: nothing of the deployment runs any more, and the alias stays."""

from __future__ import annotations

import pytest

from act import Act, ActRun, left_running
from modelway.registry.mlflow import connect
from team import Deployed
from traffic import is_ready

pytestmark = pytest.mark.long  # every test of tests/deployment ends with it, also in CI


def test_nothing_of_it_runs_any_more_and_a_second_time_nothing_did(
    stopped: ActRun, rolled_back: Deployed, act: Act
) -> None:
    first, again = stopped.step("stopped"), stopped.step("again")
    assert (first.result, first.outputs, first.annotations) == ("success", {"stopped": "true"}, [])
    assert (again.result, again.outputs, again.annotations) == ("success", {"stopped": "false"}, [])
    assert left_running(act.state / "targets" / "parcels-live") == []
    assert not is_ready(rolled_back.address)


def test_what_runs_there_is_known_still(stopped: ActRun, versions: dict[str, str], server: str) -> None:
    registered = connect(server, {}).get_model("parcels")
    assert registered and registered.aliases["live"] == int(versions["good"])


def test_an_environment_without_a_target_is_one_line(stopped: ActRun) -> None:
    step = stopped.step("nowhere")
    assert (step.result, step.exit_code, step.outputs) == ("failure", 2, {"stopped": ""})
    (error,) = step.errors
    assert "has no deploy section" in error.message and "Fix: " in error.message
