"""examples/gitlab/gitlab-ci.yml as a team copies it: every job in a clone of its own, told by dotenv reports alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitlab.gitlab_shell import GitLabRun
from team import IDENTITY, ROOT, MakeProject, address, config, serving

PIPELINE = (ROOT / "examples" / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8")
MODEL = "parcels-gitlab"


@pytest.fixture(scope="module")
def release(export: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a repository whose tag v1 is what is released."""
    repository = tmp_path_factory.mktemp("gitlab") / "modelway"
    subprocess.run(["cp", "-r", export, repository], check=True)
    for command in (
        ["init", "--quiet"],
        ["add", "--all", "--force"],
        ["commit", "--quiet", "-m", "Release"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *IDENTITY, *command], cwd=repository, check=True)
    return f"file://{repository}"


@pytest.fixture(scope="module")
def run(
    release: str, make_project: MakeProject, server: str, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> GitLabRun:
    files = {".gitlab-ci.yml": PIPELINE, "modelway.yml": config(MODEL, delivered=True)}
    variables = {
        "MODELWAY_URL": release,
        "MODELWAY_HOME": os.environ["MODELWAY_HOME"],
        "MODELWAY_STATE": str(state),
        "MLFLOW_TRACKING_URI": server,
    }
    return GitLabRun(make_project(MODEL, files), tmp_path_factory.mktemp("builds"), variables)


@pytest.fixture(scope="module")
def judged(run: GitLabRun) -> GitLabRun:
    for job in ("train", "gate"):
        done = run.job(job)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return run


def test_the_gate_gets_the_version_that_was_trained(judged: GitLabRun) -> None:
    assert judged.reports["train"]["TRAIN_MODEL_VERSION"] == "1"
    assert judged.reports["gate"]["EVALUATE_GATE_OUTCOME"] == "pass"
    assert (judged.place / "gate" / "out" / "modelway" / "evaluate-gate.json").is_file()


def test_what_modelway_brings_is_no_change_of_the_teams_files(judged: GitLabRun) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=judged.place / "train", capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_a_model_that_does_not_pass_fails_the_job(judged: GitLabRun) -> None:
    judged.variables["TRAIN_MODEL_VERSION"] = "999"
    try:
        done = judged.job("gate")
    finally:
        del judged.variables["TRAIN_MODEL_VERSION"]
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and "Traceback" not in done.stderr
    assert "EVALUATE_GATE_OUTCOME" not in judged.reports["gate"]


@pytest.mark.long
def test_it_is_deployed_and_comes_back_by_a_click(judged: GitLabRun) -> None:
    where = address(judged.project, "production")
    for number in (1, 2):
        for job in ("train", "gate", "build", "deploy"):
            done = judged.job(job)
            assert done.returncode == 0, f"{job}: {done.stdout[-1000:]}{done.stderr[-3000:]}"
        assert judged.reports["deploy"]["DEPLOY_MODEL_ADDRESS"] == where
        assert serving(where) == judged.reports["train"]["TRAIN_MODEL_VERSION"] != "", number
    before = int(serving(where))
    done = judged.job("rollback")
    assert done.returncode == 0, done.stderr
    assert int(serving(where)) == before - 1
    history = subprocess.run(
        [ROOT / "scripts" / "run", "show_history"],
        cwd=judged.project,
        env={**os.environ, "MLFLOW_TRACKING_URI": judged.variables["MLFLOW_TRACKING_URI"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "by hand in https://gitlab.example.org/team/parcels/-/jobs/" in history.stdout
    assert "ana, https://gitlab.example.org" in history.stdout
