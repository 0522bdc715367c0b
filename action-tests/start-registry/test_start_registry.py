"""start-registry as a caller runs it: a server that outlives its step, is found again, and is gone when it is stopped."""

from __future__ import annotations

import pytest
import requests

from act import Act, ActRun
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("start-registry")


def test_a_server_outlives_its_step_and_is_found_again(run: ActRun) -> None:
    started, again = run.step("started"), run.step("again")
    assert started.result == "success", started.errors
    assert started.outputs["tracking-uri"].startswith("http://127.0.0.1:")
    assert again.outputs == started.outputs
    assert run.step("asked").outputs["health"] == "OK"


def test_a_stopped_server_is_gone(run: ActRun, act: Act) -> None:
    assert run.step("stopped").outputs == {"stopped": "true"}
    with pytest.raises(requests.ConnectionError):
        requests.get(run.step("started").outputs["tracking-uri"], timeout=5)
    assert act.left_running() == []


@pytest.mark.parametrize(("name", "said"), [("taken", "cannot be written"), ("unit", "'2m' is not a number")])
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "Fix: " in error.message
    assert step.outputs == {"tracking-uri": "", "folder": ""}
