"""build.yml: the next job learns what was built; what did not pass is not built, and nothing comes after it."""

from __future__ import annotations

import pytest

from act import Act, ActRun
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_release
from team import RunAction


@pytest.fixture(scope="module")
def run(run_action: RunAction, judged: ActRun, versions: dict[str, str]) -> ActRun:
    return run_action("build", version=versions["good"], environment="staging")


def test_the_next_job_learns_the_images_digest(run: ActRun, versions: dict[str, str], server: str) -> None:
    assert run.exit_code == 0, run.log[-3000:]
    assert run.jobs == {"build": "success", "afterwards": "success"}
    stored = read_release(connect(server, {}), "parcels", int(versions["good"]), "staging")
    assert stored
    assert run.step("told").outputs == {"image": "", "manifest-digest": f"sha256:{stored.record.manifest_digest}"}


def test_what_did_not_pass_is_not_built(run_action: RunAction, judged: ActRun, versions: dict[str, str]) -> None:
    run = run_action("build", version=versions["constant"], environment="production")
    assert run.exit_code == 1 and run.jobs == {"build": "failure"} and not run.ran("told")
    build = run.step("build")
    assert build.exit_code == 1 and len(build.errors) == 1 and "is fail" in build.errors[0].message


def test_the_images_are_kept_in_the_state_folder(run: ActRun, act: Act) -> None:
    """The next job has another workspace: what it unpacks must be elsewhere."""
    assert run.step("build").outputs["layout"] == str(act.state / "images" / "parcels")
