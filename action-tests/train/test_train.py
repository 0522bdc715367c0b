"""train.yml as a caller uses it: the team's own setup, its secrets, and what the next job learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from act import Act, ActRun
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_candidate
from team import HERE, MakeProject, config

pytestmark = pytest.mark.long  # action-tests/pipeline calls train.yml, also in CI

PASSWORD, TOKEN = "correct horse battery", "tok-0123456789"
SECRETS = f"# of the warehouse\nPARCELS_PASSWORD='{PASSWORD}'\nexport PARCELS_TOKEN={TOKEN}\n"

SETUP = """\
name: modelway-setup
description: What every job of ours needs.
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        echo "PARCELS_REGION=north of ${#MODELWAY_ENV} characters" >>"$GITHUB_ENV"
"""

STRICT = "columns:\n  weight: { type: number, range: [0, 1] }\n"


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Path:
    """A repository of several things, whose model is in ml, with a setup of its own."""
    text = config("parcels-below")
    files = {
        ".github/actions/modelway-setup/action.yml": SETUP,
        "ml/strict.yml": text.replace("contract: contract.yml", "contract: narrow.yml"),
        "ml/narrow.yml": STRICT,
        ".gitignore": "ml/data/\nml/out/\n",
    }
    return make_project("parcels-below", files, inside="ml")


@pytest.fixture(scope="module")
def run(act: Act, project: Path, server: str) -> ActRun:
    secrets = {"MLFLOW_TRACKING_URI": server, "MODELWAY_ENV": SECRETS}
    return act.run(project, HERE / "train" / "workflow.yml", secrets=secrets)


def test_the_next_job_learns_the_version_and_nothing_else(run: ActRun, server: str) -> None:
    assert run.exit_code == 0, run.log[-3000:]
    assert run.jobs == {"train": "success", "afterwards": "success"}
    told, made = run.step("told").outputs, run.step("train").outputs
    assert all(told[name] == made[name] for name in ("version", "readable-version", "digest"))
    assert told["version"].isdigit() and told["files"] == ""
    candidate = read_candidate(connect(server, {}), "parcels-below", int(told["version"]))
    assert (candidate.digest, candidate.seed, candidate.semantic_version) == (told["digest"], 3, "1.2.3-rc.1")


def test_the_teams_own_setup_runs_before_the_rest(run: ActRun) -> None:
    """By what it leaves to the later steps of the job: a line that it printed itself was once missing from act's log."""
    assert f"region north of {len(SECRETS)} characters" in run.step("train").log


def test_the_secret_reaches_the_teams_command(run: ActRun) -> None:
    assert json.loads(run.step("train").outputs["metrics"])["password_length"] == len(PASSWORD)


def test_the_secret_appears_nowhere(run: ActRun, server: str) -> None:
    """The command prints it, as careless commands do."""
    assert "password ***" in run.step("train").log
    assert PASSWORD not in run.log and TOKEN not in run.log
    version = int(run.step("told").outputs["version"])
    assert PASSWORD not in repr(read_candidate(connect(server, {}), "parcels-below", version))


def test_data_that_breaks_its_contract_is_not_trained_on(act: Act, project: Path, server: str) -> None:
    run = act.run(
        project,
        HERE / "train" / "workflow.yml",
        inputs={"config": "strict.yml"},
        secrets={"MLFLOW_TRACKING_URI": server},
    )
    assert run.exit_code == 1 and run.jobs == {"train": "failure"}
    assert not run.ran("train") and not run.ran("told")
    (error,) = [error for step in run.steps.values() for error in step.errors]
    assert error.title == "validate-data: refused" and "weight in range" in error.message
