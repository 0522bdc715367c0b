"""gate.yml, and the template that a team copies for train and gate: promoted, refused, judged only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from act import Act, ActRun
from modelway.registry.mlflow import connect
from team import HERE, MakeProject, template

pytestmark = pytest.mark.long  # action-tests/pipeline calls gate.yml, also in CI

WORKFLOW = ".github/workflows/model.yml"


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Path:
    return make_project("parcels-copied", {WORKFLOW: template("train-and-gate.yml")})


@pytest.fixture(scope="module")
def first(act: Act, project: Path, server: str) -> ActRun:
    inputs = {"reason": 'the first one; "$(id)"'}
    return act.run(project, project / WORKFLOW, inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})


@pytest.fixture(scope="module")
def second(act: Act, project: Path, server: str, first: ActRun) -> ActRun:
    inputs = {"parameters": json.dumps({"model": "constant"})}
    return act.run(project, project / WORKFLOW, inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})


def test_a_model_that_passes_is_promoted(first: ActRun, server: str) -> None:
    assert first.exit_code == 0, first.log[-3000:]
    assert first.jobs == {"train": "success", "gate": "success", "promote": "success"}
    version = first.step("train").outputs["version"]
    gate, promote = first.step("gate").outputs, first.step("promote").outputs
    assert (gate["outcome"], gate["version"]) == ("pass", version)
    assert (promote["promoted"], promote["version"]) == ("true", version)
    assert gate["model-digest"] == first.step("train").outputs["digest"]
    registered = connect(server, {}).get_model("parcels-copied")
    assert registered and registered.aliases["production"] == int(version)
    assert '"$(id)"' in first.step("promote").summary


def test_a_setup_is_not_needed(first: ActRun) -> None:
    assert "region unknown" in first.step("train").log


def test_a_model_that_does_not_pass_is_refused_and_promote_does_not_run(
    second: ActRun, first: ActRun, server: str
) -> None:
    assert second.exit_code == 1 and second.jobs == {"train": "success", "gate": "failure"}
    assert not second.ran("promote")
    gate = second.step("gate")
    in_production = first.step("train").outputs["version"]
    assert (gate.exit_code, gate.outputs["outcome"]) == (1, "fail")
    assert gate.outputs["production-version"] == in_production
    assert "accuracy_score against production" in json.loads(gate.outputs["failing-checks"])
    assert len(gate.errors) == 1 and gate.summary.startswith("**FAIL**")
    registered = connect(server, {}).get_model("parcels-copied")
    assert registered and registered.aliases["production"] == int(in_production)


def test_another_run_in_another_checkout_needs_only_the_version(
    act: Act, project: Path, server: str, first: ActRun, tmp_path: Path
) -> None:
    """Nothing reaches the next job but through the registry: neither a file nor an artifact."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", project, clone], check=True)
    version = first.step("train").outputs["version"]
    run = act.run(
        clone,
        HERE / "gate" / "workflow.yml",
        inputs={"version": version},
        secrets={"MLFLOW_TRACKING_URI": server, "MODELWAY_ENV": "PARCELS_PASSWORD=tell-nobody"},
    )
    assert run.exit_code == 0, run.log[-3000:]
    assert run.jobs == {"gate": "success", "afterwards": "success"} and not run.ran("promote")
    assert run.step("told").outputs == {"outcome": "pass", "promoted": ""}
    assert run.step("gate").outputs["model-digest"] == first.step("train").outputs["digest"]
    assert "tell-nobody" not in run.log


def test_a_version_that_is_not_there_is_one_line(act: Act, project: Path, server: str) -> None:
    run = act.run(
        project, HERE / "gate" / "workflow.yml", inputs={"version": "777"}, secrets={"MLFLOW_TRACKING_URI": server}
    )
    assert run.exit_code == 1 and run.jobs["gate"] == "failure" and not run.ran("promote")
    gate = run.step("gate")
    assert gate.exit_code == 2 and len(gate.errors) == 1 and "version 777" in gate.errors[0].message
