"""record-deployment as a caller runs it, where there is nothing to record; action-tests/pipeline has where there is."""

from __future__ import annotations

import pytest

from act import ActRun
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction, built: ActRun, versions: dict[str, str]) -> ActRun:
    return run_action("record-deployment", good=versions["good"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unpushed", "is in no image registry. Fix: set build.image, and build the version again"),
        ("unknown", "did you mean 'production'?"),
        ("tokenless", "$GITHUB_TOKEN: is not set. Fix: give the step `env: { GITHUB_TOKEN: ${{ github.token }} }`"),
    ],
)
def test_wrong_input_is_one_line_with_the_fix_and_all_outputs(run: ActRun, name: str, said: str) -> None:
    step = run.step(name)
    assert (step.result, step.exit_code) == ("failure", 2)
    (error,) = step.errors
    assert said in error.message and "may-write-metadata" not in run.log
    assert set(step.outputs) == {"outcome", "image", "organization"} and not any(step.outputs.values())
