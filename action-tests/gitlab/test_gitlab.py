"""examples/gitlab/gitlab-ci.yml as a team copies it, out of our components: a copy for every job, in gitlab-ci-local."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from gitlab.gitlab_local import GitLabRun
from team import IDENTITY, ROOT, MakeProject, address, config, serving

PIPELINE = (ROOT / "examples" / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8")
FROM_OURS = re.compile(r"remote: https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/v\d+/(templates/[\w-]+\.yml)")
MODEL = "parcels-gitlab"
JOBS = {
    "validate-data": [],
    "train-model": ["validate-data"],
    "evaluate-gate": ["train-model"],
    "build-image": ["train-model", "evaluate-gate"],
    "deploy-model": ["train-model", "build-image"],
    "rollback-release": [],
}


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
def run(release: str, export: Path, make_project: MakeProject, server: str, state: Path) -> GitLabRun:
    """The components are the export's, since there is no network that has them."""
    pipeline = FROM_OURS.sub(r"local: \1", PIPELINE)
    assert "remote:" not in pipeline
    templates = {f"templates/{path.name}": path.read_text(encoding="utf-8") for path in export.glob("templates/*.yml")}
    files = {".gitlab-ci.yml": pipeline, "modelway.yml": config(MODEL, delivered=True), **templates}
    variables = {
        "MODELWAY_SOURCE_URL": release,
        "MODELWAY_HOME": os.environ["MODELWAY_HOME"],
        "MODELWAY_STATE": str(state),
        "MLFLOW_TRACKING_URI": server,
    }
    return GitLabRun(make_project(MODEL, files), variables)


@pytest.fixture(scope="module")
def judged(run: GitLabRun) -> GitLabRun:
    for job in ("train-model", "evaluate-gate"):
        done = run.job(job)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return run


def test_the_jobs_are_those_of_the_page(run: GitLabRun) -> None:
    listed = run.ask(["--list-json"])
    found = json.loads(listed.stdout[listed.stdout.index("[") :])
    assert {job["name"]: [needed["job"] for needed in job["needs"]] for job in found} == JOBS
    assert [job["name"] for job in found if job["when"] == "manual"] == ["rollback-release"]


def test_the_gate_gets_the_version_that_was_trained(judged: GitLabRun) -> None:
    assert judged.reports["train-model"]["TRAIN_MODEL_VERSION"] == "1"
    assert judged.reports["evaluate-gate"]["EVALUATE_GATE_OUTCOME"] == "pass"
    reports = judged.built("evaluate-gate") / "out" / "modelway"
    assert (reports / "evaluate-gate.json").is_file()
    suites = ElementTree.parse(reports / "evaluate-gate.xml").getroot()
    assert int(suites.attrib["tests"]) > 1 and suites.attrib["failures"] == suites.attrib["errors"] == "0"
    assert json.loads((reports / "evaluate-gate.codequality.json").read_text(encoding="utf-8")) == []


def test_what_modelway_brings_is_no_change_of_the_teams_files(judged: GitLabRun) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=judged.built("train-model"), capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_a_model_that_does_not_pass_fails_the_job(judged: GitLabRun) -> None:
    done = judged.job("evaluate-gate", MODELWAY_VERSION="999")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert said.count("error: evaluate-gate") >= 1 and "Traceback" not in said
    assert "EVALUATE_GATE_OUTCOME" not in judged.reports["evaluate-gate"]


@pytest.mark.long
def test_it_is_deployed_and_comes_back_by_a_click(judged: GitLabRun) -> None:
    where = address(judged.project, "production")
    for number in (1, 2):
        for job in ("validate-data", "train-model", "evaluate-gate", "build-image", "deploy-model"):
            done = judged.job(job)
            assert done.returncode == 0, f"{job}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
        assert judged.reports["deploy-model"]["DEPLOY_MODEL_ADDRESS"] == where
        assert serving(where) == judged.reports["train-model"]["TRAIN_MODEL_VERSION"] != "", number
    before = int(serving(where))
    done = judged.job("rollback-release")
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


@pytest.fixture(scope="module")
def everything(export: Path, make_project: MakeProject) -> GitLabRun:
    """A pipeline of every component, each given what it requires and values that are more than a word."""
    names = sorted(path.stem for path in export.glob("templates/*.yml"))
    includes = []
    for name in names:
        spec = yaml.safe_load(
            (export / "templates" / f"{name}.yml").read_text(encoding="utf-8").partition("\n---\n")[0]
        )
        asked = [key for key, value in spec["spec"]["inputs"].items() if "default" not in value]
        given = {key: HOSTILE.get(key, "7") for key in {*asked, *(HOSTILE.keys() & spec["spec"]["inputs"])}}
        includes.append({"local": f"templates/{name}.yml", "inputs": given})
    pipeline = {"stages": ["test", "train", "gate", "build", "deploy", "rollback"], "include": includes}
    templates = {
        f"templates/{name}.yml": (export / "templates" / f"{name}.yml").read_text(encoding="utf-8") for name in names
    }
    return GitLabRun(make_project("parcels-all", {".gitlab-ci.yml": yaml.safe_dump(pipeline), **templates}), {})


HOSTILE = {
    "parameters": '{"depth": 6, "note": "a: b # c"}',
    "reason": 'it\'s "late", [see] {this}: # 5 & *x !y %z @w',
    "conditions": "f1 >= 0.5, cost < 3",
}


def test_every_component_is_a_job_of_gitlabs_schema_with_its_values_as_they_were_given(everything: GitLabRun) -> None:
    asked = everything.ask(["--preview"])
    assert asked.returncode == 0 and "json schema validated" in asked.stderr, asked.stderr
    jobs = yaml.safe_load(asked.stdout)
    assert {path.stem for path in (ROOT / "templates").glob("*.yml")} < jobs.keys()
    assert jobs["train-model"]["variables"]["MODELWAY_PARAMETERS"] == HOSTILE["parameters"]
    assert jobs["deploy-model"]["variables"]["MODELWAY_REASON"] == HOSTILE["reason"]
    assert jobs["deploy-model"]["variables"]["MODELWAY_ENVIRONMENT"] == jobs["deploy-model"]["resource_group"] == "7"
