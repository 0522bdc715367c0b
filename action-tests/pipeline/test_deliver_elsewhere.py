"""The template of a team with a cluster of its own, as it stands: modelway builds and pushes, the team's command deploys, and
the alias moves when that has succeeded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from act import Act, ActRun
from build import oci_programs
from listening import answering, listening
from modelway.registry.ledger import read
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.mlflow import connect
from team import MakeProject, config, template, with_free_ports

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.environ.get("CI") != "true" and bool(oci_programs.missing_for_a_base()),
        reason="wants docker-registry, skopeo and debootstrap; CI has them",
    ),
]
WORKFLOW = ".github/workflows/model.yml"
MODEL = "parcels-elsewhere"
RECORDED = """\
name: recorded
on:
  workflow_dispatch:
    inputs: { version: { type: string } }
permissions: {}
jobs:
  canary:
    uses: modelway/modelway/.github/workflows/canary.yml@v1
    permissions: { contents: read }
    with: { environment: staging, built-for: production, version: "${{ inputs.version }}" }
    secrets: { MLFLOW_TRACKING_URI: "${{ secrets.MLFLOW_TRACKING_URI }}" }
  record:
    needs: canary
    if: needs.canary.outputs.outcome == 'deployed'
    runs-on: ubuntu-latest
    permissions: { contents: read, artifact-metadata: write }
    env: { MLFLOW_TRACKING_URI: "${{ secrets.MLFLOW_TRACKING_URI }}" }
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: modelway/modelway/actions/record-deployment@v1
        with: { environment: staging, built-for: production, version: "${{ inputs.version }}" }
        env: { GITHUB_TOKEN: "${{ github.token }}" }
"""
DEPLOY = """\
#!/usr/bin/env bash
# The team's own: it pulls what it was told, and runs nothing else.
set -euo pipefail
[[ ! -e refuse ]] || { echo "the cluster refuses"; exit 1; }
skopeo copy --quiet --src-tls-verify=false "docker://$1" "oci:$PWD/cluster:running"
echo "running=$(skopeo inspect --raw "oci:$PWD/cluster:running" | sha256sum | cut -d ' ' -f 1)" >>"$GITHUB_ENV"
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oci_programs.registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module")
def project(make_project: MakeProject, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("debian") / "layout"
    architecture = "arm64" if os.uname().machine == "aarch64" else "amd64"
    (digest, *_) = oci_programs.write_layout(place, [(architecture, [oci_programs.debian_layer()], {})])
    oci_programs.push_layout(place, registry, "base/debian")
    build = f"build:\n  base-image: {registry}/base/debian@{digest}\n  image: {registry}/team/parcels\n"
    here = "  staging:\n    deploy: { strategy: all-at-once, local: { port: 1, replicas: 1 } }\n"
    made = make_project(
        MODEL,
        {
            "modelway.yml": with_free_ports(config(MODEL).replace("  staging: {}\n", here)) + build,
            ".github/workflows/recorded.yml": RECORDED,
            WORKFLOW: template("deliver-elsewhere.yml"),
            "deploy.sh": DEPLOY,
        },
    )
    (made / "deploy.sh").chmod(0o755)
    return made


@pytest.fixture(scope="module")
def run(act: Act, project: Path, server: str) -> ActRun:
    return act.run(project, project / WORKFLOW, secrets={"MLFLOW_TRACKING_URI": server})


@pytest.fixture(scope="module")
def refused(act: Act, project: Path, server: str, run: ActRun) -> Iterator[ActRun]:
    """Another version, which the team's command does not get out."""
    (project / "refuse").touch()
    inputs = {"parameters": json.dumps({"note": "another"})}
    yield act.run(project, project / WORKFLOW, inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})
    (project / "refuse").unlink()


def test_the_teams_own_command_gets_the_image_that_was_pushed(run: ActRun) -> None:
    assert run.exit_code == 0, run.log[-3000:]
    assert run.jobs == {"train": "success", "gate": "success", "build": "success", "deploy": "success"}
    image = run.step("build").outputs["image"]
    assert "/team/parcels@sha256:" in image
    (running,) = [step.exported["running"] for step in run.steps.values() if "running" in step.exported]
    assert running == image.rpartition(":")[2]


def test_nothing_is_deployed_by_modelway_and_no_traffic_is_asked_for(run: ActRun) -> None:
    for step in ("plan", "test", "rollback"):
        assert not run.ran(step), step
    assert not [step for step in run.steps.values() if "outcome" in step.outputs and "address" in step.outputs]


def test_the_alias_moves_when_the_command_has_succeeded(run: ActRun, refused: ActRun, server: str) -> None:
    version = run.step("train").outputs["version"]
    assert refused.exit_code == 1 and refused.jobs["deploy"] == "failure", refused.log[-3000:]
    assert refused.step("build").outputs["image"] != run.step("build").outputs["image"]
    client = connect(server, {})
    registered = client.get_model(MODEL)
    assert registered and registered.aliases["production"] == int(version)
    entries = [row.entry for row in read(VersionLedger(client, MODEL)).on_chain("production")]
    assert [(entry.action, entry.version) for entry in entries] == [("promote", int(version))]


def test_github_is_told_which_image_runs_where(run: ActRun, act: Act, project: Path, server: str) -> None:
    image, version = run.step("build").outputs["image"], run.step("train").outputs["version"]
    with listening(answering(200, b"{}")) as github:
        done = act.run(
            project,
            project / ".github" / "workflows" / "recorded.yml",
            inputs={"version": version},
            secrets={"MLFLOW_TRACKING_URI": server, "GITHUB_TOKEN": "may-write-metadata"},
            env={"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "team/parcels", "GITHUB_REPOSITORY_OWNER": "team"},
        )
    assert done.exit_code == 0, done.log[-3000:]
    (asked,) = github.asked
    record = asked.json()
    assert f"{record['name']}@{record['digest']}" == image
    assert (record["logical_environment"], record["version"], record["status"]) == ("staging", version, "deployed")
