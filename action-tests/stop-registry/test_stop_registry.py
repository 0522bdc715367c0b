"""stop-registry as a caller runs it; that it stops a server is start-registry's test."""

from __future__ import annotations

import pytest

from act import ActRun
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction) -> ActRun:
    return run_action("stop-registry")


def test_stopping_what_does_not_run_changes_nothing(run: ActRun) -> None:
    step = run.step("nothing")
    assert (step.result, step.outputs, step.annotations) == ("success", {"stopped": "false"}, [])


def test_a_note_of_the_server_that_cannot_be_read_is_not_taken_for_none(run: ActRun) -> None:
    """A server may be running that nobody can name any more: saying that none was would leave it behind."""
    step = run.step("half")
    assert (step.result, step.exit_code, step.outputs) == ("failure", 2, {"stopped": ""})
    (error,) = step.errors
    assert "server.json: is not what start-registry writes" in error.message and "Fix: " in error.message
