"""build-image as a team runs it: on a real MLflow server, into a real registry, and the image runs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

import servers
from build.oci_programs import path_of_root, push_small_base, run
from checkout import commit_all
from modelway.build import container, layout, unpack
from modelway.errors import OutsideFailure
from modelway.loopback import free_port
from modelway.records import Release, sha256_of_file
from modelway.registry.stored_records import read_candidate, read_release, read_verdict
from modelway.serving import cells
from stages.test_gate_and_promote import CONFIG, TRAIN, Team, rows

LIGHT = '["mlflow-skinny", "scikit-learn", "pandas", "cloudpickle"]'
"""What is enough to serve the model: half of the wheels that mlflow needs."""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path) -> Team:
    """A project whose versions 1 and 2 passed for production; version 1 failed for strict, version 2 was not judged for it."""
    folder = tmp_path_factory.mktemp("team")
    model = f"image-{uuid.uuid4().hex[:8]}"
    (folder / "train.py").write_text(TRAIN.replace('["mlflow", "scikit-learn"]', LIGHT))
    (folder / "train.csv").write_text(rows(2000))
    (folder / "test.csv").write_text(rows(3000, shift=5000))
    (folder / "modelway.yml").write_text(CONFIG.format(model=model, python=python))
    commit_all(folder)
    made = Team(folder, server, model, root)
    for version in (made.trained("weak"), made.trained("strong")):
        made.judged(version)
    strict = made.run("evaluate_gate", "--environment", "strict", "--version", "1")
    assert strict.returncode == 1, strict.stderr
    return made


@dataclass(frozen=True)
class Based:
    """Version 1 on Debian, pushed."""

    outputs: dict[str, str]
    layout: Path


@pytest.fixture(scope="module")
def based(team: Team, debian: str, registry: str) -> Based:
    flags = ["--base-image", debian, "--image", f"{registry}/team/{team.model}-debian", "--layout", "based"]
    return Based(built(team, "1", *flags)[0], team.folder / "based")


def built(team: Team, version: str, *flags: str, code: int = 0, **environ: str) -> tuple[dict[str, str], str]:
    """The outputs, and what it said as errors."""
    environ = {"MODELWAY_STATE": str(team.folder / "state"), **environ}
    done = team.run("build_image", "--version", version, "--environment", "production", *flags, **environ)
    assert done.returncode == code, done.stdout + done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == (code != 0), done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line), done.stderr


def release_of(team: Team, version: int) -> Release:
    stored = read_release(team.client, team.model, version, "production")
    assert stored is not None
    return stored.record


def test_a_judged_version_becomes_a_bundle_that_unpacks(team: Team) -> None:
    outputs, _ = built(team, "1")
    release = release_of(team, 1)
    assert outputs["manifest-digest"] == f"sha256:{release.manifest_digest}"
    assert outputs["config-digest"] == f"sha256:{release.config_digest}"
    assert (outputs["image"], outputs["started"], release.base_image) == ("", "", "none")
    candidate = read_candidate(team.client, team.model, 1)
    verdict = read_verdict(team.client, team.model, 1, "production")
    assert verdict is not None
    assert (release.model_digest, release.verdict_sha256) == (candidate.digest, verdict.sha256)
    found = unpack.unpack(Path(release.layout), release.manifest_digest, team.folder / "store")
    assert json.loads(found.release.read_text())["digest"] == candidate.digest
    assert {path.name for path in found.model.iterdir()} >= {"MLmodel", "model.pkl"}
    sketch = found.model.parent / cells.BESIDE
    names = {column.name for column in cells.read(sketch).columns}
    assert names == {"a", cells.PREDICTED_CLASS, cells.PREDICTED_NUMBER}, "what this model takes"
    assert sha256_of_file(sketch) == candidate.training_sketch == release.training_sketch
    shutil.rmtree(team.folder / "store")
    assert json.loads(Path(outputs["sbom"]).read_text())["bomFormat"] == "CycloneDX"
    assert json.loads(Path(outputs["report"]).read_text())["config_digest"] == release.config_digest
    assert "not started here" in Path(outputs["report"]).with_suffix(".md").read_text()
    pins = set(candidate.environment.requirements.replace("\\\n", "").split())
    assert "scikit-learn" in release.requirements and "mlflow==" not in release.requirements
    server = {"httptools", "redis", "async-timeout"}
    assert all(line in pins or line.split("==")[0] in server for line in release.requirements.split() if "==" in line)


def test_a_release_that_was_changed_in_the_registry_is_not_believed(team: Team) -> None:
    built(team, "2")
    stored = read_release(team.client, team.model, 2, "production")
    assert stored is not None and read_release(team.client, team.model, 2, "strict") is None
    uri = team.client.get_run(stored.run).artifact_uri
    data = team.client.read_artifact(uri, stored.path, 1 << 20)
    other = data.replace(stored.record.manifest_digest.encode(), b"0" * 64)
    assert other != data
    team.client.upload(uri, stored.path, other)
    with pytest.raises(OutsideFailure, match="not the one that its version's tag names"):
        read_release(team.client, team.model, 2, "production")
    team.client.upload(uri, stored.path, data)
    assert read_release(team.client, team.model, 2, "production") == stored


def test_built_again_elsewhere_it_is_the_same_image(team: Team, tmp_path: Path) -> None:
    first, _ = built(team, "1")
    again, _ = built(team, "1", "--layout", str(tmp_path / "layout"), TZ="Asia/Kolkata")
    for name in ("manifest-digest", "config-digest"):
        assert again[name] == first[name]
    assert Path(again["sbom"]).name == Path(first["sbom"]).name


def test_what_may_not_be_built(team: Team) -> None:
    assert "there is no verdict on version 2 for strict" in built(team, "2", "--environment", "strict", code=1)[1]
    assert "the verdict on version 1 for strict is fail" in built(team, "1", "--environment", "strict", code=1)[1]
    assert "there is no" in built(team, "99", code=2)[1]
    config = team.folder / "modelway.yml"
    policy = config.read_text()
    config.write_text(policy.replace("0.6}", "0.61}"))
    assert "the policy (section gate) changed since the verdict" in built(team, "1", code=1)[1]
    config.write_text(policy)
    client = team.client
    artifacts = client.version_artifacts(team.model, 2)
    stored = client.read_artifact(artifacts, "model.pkl", 1 << 20)
    client.upload(artifacts, "model.pkl", stored + b"\0")
    assert "are not what was recorded: they were changed" in built(team, "2", code=1)[1]
    client.upload(artifacts, "model.pkl", stored)
    assert read_release(client, team.model, 2, "strict") is None


def test_what_cannot_be_built_is_said(team: Team, tmp_path: Path) -> None:
    said = built(team, "1", "--image", "127.0.0.1:9/team/model", code=2)[1]
    assert "127.0.0.1:9/team/model would have no Python in it" in said and "build.base-image" in said
    assert "names no digest" in built(team, "1", "--base-image", "python:3.11-slim", code=2)[1]
    other = "linux/arm64" if os.uname().machine == "x86_64" else "linux/amd64"
    assert f"build.platform is {other}" in built(team, "1", "--platform", other, code=2)[1]
    assert "there is no such file" in built(team, "1", "--dockerfile", "Dockerfile", code=2)[1]
    (team.folder / "Dockerfile").write_text("FROM modelway\n")
    without = f"{tmp_path}:{os.environ['PATH']}"
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    said = built(team, "1", "--dockerfile", "Dockerfile", code=2, PATH=without)[1]
    assert "no Docker answers here" in said and "modelway's image needs none" in said
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert "is no OCI layout" in built(team, "1", "--layout", str(tmp_path / "full"), code=2)[1]


def test_a_full_disk_is_one_line(team: Team, tmp_path: Path) -> None:
    if os.getuid():
        return  # only root may mount the small disk that this needs
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        return  # a container without that right
    try:
        said = built(team, "1", "--layout", str(disk / "layout"), code=4)[1]
    finally:
        run("umount", disk)
    assert "the disk is full" in said and "free some space" in said


@pytest.mark.long
def test_a_new_version_pushes_the_models_layer_only(team: Team, registry: str, tmp_path: Path) -> None:
    image = f"{registry}/team/{team.model}"
    flags = ["--image", image, "--base-image", push_small_base(registry, tmp_path)]
    first, _ = built(team, "1", *flags)
    assert first["image"] == f"{image}@{first['manifest-digest']}"
    second, _ = built(team, "2", *flags)
    a, b = release_of(team, 1), release_of(team, 2)
    assert b.image == second["image"] and a.layers[:2] == b.layers[:2] and a.layers[2] != b.layers[2]
    small = b.layers[2].size + sum(
        layout.blob(Path(b.layout), digest).stat().st_size for digest in (b.config_digest, b.sbom_digest)
    )
    said = Path(second["report"]).with_suffix(".md").read_text()
    assert f"{round(small / 1e6, 3):g} MB were pushed" in said
    tags = json.loads(run("skopeo", "list-tags", "--tls-verify=false", f"docker://{image}"))["Tags"]
    assert {"1", "2", "2-production"} <= set(tags)


@pytest.mark.long
def test_the_image_answers_as_an_ordinary_container(team: Team, based: Based, tmp_path: Path) -> None:
    image = based.outputs["image"]
    config = json.loads(run("skopeo", "inspect", "--config", "--tls-verify=false", f"docker://{image}"))
    assert config["config"]["Labels"]["maintainer"] == "somebody" and "Cmd" not in config["config"]
    run(
        "skopeo",
        "copy",
        "--quiet",
        "--src-tls-verify=false",
        f"docker://{image}",
        f"oci:{tmp_path / 'oci'}:1",
    )
    run("umoci", "unpack", "--image", f"{tmp_path / 'oci'}:1", tmp_path / "bundle")
    process = json.loads((tmp_path / "bundle" / "config.json").read_text())["process"]
    assert process["user"] == {"uid": 65532, "gid": 65532}
    port = free_port()
    command = [
        str(shutil.which("chroot", path=path_of_root())),
        "--userspec=65532:65532",
        str(tmp_path / "bundle" / "rootfs"),
        *process["args"],
    ]
    environ = dict(text.split("=", 1) for text in process["env"])
    log = tmp_path / "server.log"
    with servers.running([*command, "--host", "127.0.0.1", "--port", str(port)], log, environ) as server:
        address = f"http://127.0.0.1:{port}"
        servers.wait_until(lambda: ready(address), server, log)
        said = requests.get(f"{address}/model/version", timeout=10).json()
        assert (said["version"], said["digest"]) == (1, release_of(team, 1).model_digest)
        answer = requests.post(f"{address}/invocations", json={"dataframe_records": [{"a": 0.5}]}, timeout=10)
        assert answer.status_code == 200, answer.text
    shutil.rmtree(tmp_path / "bundle")


def ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.long
def test_an_image_is_started_where_an_engine_is_and_said_where_not(
    based: Based, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = based.outputs["manifest-digest"].removeprefix("sha256:")
    image = layout.Descriptor(layout.MANIFEST_TYPE, digest, layout.blob(based.layout, digest).stat().st_size)
    said = Path(based.outputs["report"]).with_suffix(".md").read_text()
    assert (based.outputs["started"] == "true") == ("ready after" in said) != ("not started here" in said)
    monkeypatch.setenv("PATH", str(tmp_path))
    nothing = container.start(based.layout, image, "test", {})
    assert nothing == container.Started(None, "not started here: neither docker nor podman answers")


@pytest.mark.long
def test_the_archive_that_an_engine_loads_is_an_image(based: Based, tmp_path: Path) -> None:
    digest = based.outputs["manifest-digest"].removeprefix("sha256:")
    image = layout.Descriptor(layout.MANIFEST_TYPE, digest, layout.blob(based.layout, digest).stat().st_size)
    with (tmp_path / "image.tar").open("wb") as stream:
        container.write_archive(based.layout, image, "localhost/x:1", stream)
    seen = json.loads(run("skopeo", "inspect", f"oci-archive:{tmp_path / 'image.tar'}:1"))
    assert seen["Digest"] == based.outputs["manifest-digest"]
    older = run("skopeo", "inspect", "--config", "--raw", f"docker-archive:{tmp_path / 'image.tar'}")
    config = layout.read_document(based.layout, digest)["config"]["digest"]
    assert hashlib.sha256(older.encode()).hexdigest() == config.removeprefix("sha256:")


@pytest.mark.long
def test_a_dockerfile_of_the_teams_own_with_the_bundle_in_it(
    team: Team, based: Based, debian: str, registry: str
) -> None:
    """The one of docs/images.md, on another base, built by a real Docker, pushed, pulled and started."""
    if container.engine() != "docker":
        pytest.skip("NOT RUN: no Docker answers here")
    documented = (Path(__file__).resolve().parents[2] / "docs" / "images.md").read_text()
    text = documented.partition("```dockerfile\n")[2].partition("```")[0]
    lines = [line for line in text.splitlines() if not line.startswith("RUN")]
    own = "\n".join([f"FROM {debian}", "LABEL team=ours", *lines[1:]])
    (team.folder / "Dockerfile").write_text(own)
    outputs, _ = built(team, "1", "--dockerfile", "Dockerfile", "--image", f"{registry}/team/own")
    assert outputs["image"].startswith(f"{registry}/team/own@sha256:")
    config = json.loads(run("skopeo", "inspect", "--config", "--tls-verify=false", f"docker://{outputs['image']}"))
    labels = config["config"]["Labels"]
    assert labels["team"] == "ours" and labels["io.modelway.model-digest"] == release_of(team, 1).model_digest
    assert outputs["started"] == "true"
    name = run("docker", "run", "--detach", "--publish", "127.0.0.1::8080", outputs["image"]).strip()
    try:
        address = f"http://{run('docker', 'port', name, '8080').split()[0]}"
        deadline = time.monotonic() + 60
        while not ready(address) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert requests.get(f"{address}/model/version", timeout=10).json()["version"] == 1
    finally:
        run("docker", "rm", "--force", name)
    (team.folder / "Dockerfile").write_text(f"FROM {debian}\nRUN false\n")
    said = built(team, "1", "--dockerfile", "Dockerfile", code=2)[1]
    assert "Dockerfile: docker build: " in said and "RUN false" in said
    for program, words in (("nothing", "the image does not start"), ("/bin/false", "did not get ready")):
        (team.folder / "Dockerfile").write_text(f'FROM {debian}\nENTRYPOINT ["{program}"]\n')
        assert words in built(team, "1", "--dockerfile", "Dockerfile", "--image", f"{registry}/team/no", code=1)[1]
    tags = requests.get(f"http://{registry}/v2/team/no/tags/list", timeout=10)
    assert tags.status_code == 404, "what does not start is not pushed"


@pytest.mark.long
def test_a_pushed_image_is_deployed_on_another_machine(team: Team, based: Based, tmp_path: Path) -> None:
    """Which has neither the folder that it was built in nor a state of its own; and one that was not pushed is not."""
    there = tmp_path / "project"
    shutil.copytree(team.folder, there, ignore=shutil.ignore_patterns("based", "state", "store", "out"))
    port = free_port()
    config = (there / "modelway.yml").read_text()
    deployed = f"  production: {{deploy: {{strategy: all-at-once, local: {{port: {port}, replicas: 1}}}}}}\n"
    (there / "modelway.yml").write_text(config.replace("  production:\n", deployed, 1))
    other = replace(team, folder=there)
    based.layout.rename(tmp_path / "not here")
    state = {"MODELWAY_STATE": str(tmp_path / "state")}
    try:
        outputs, _ = built(team, "2", "--layout", "brief")
        shutil.rmtree(outputs["layout"])
        done = other.run("deploy_model", "--environment", "production", "--version", "2", **state)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "version 2 is not on this machine, and was not pushed as it is" in done.stderr
        done = other.run("deploy_model", "--environment", "production", "--version", "1", **state)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"pulling {release_of(team, 1).image}" in done.stdout
        answer = requests.get(f"http://127.0.0.1:{port}/model/version", timeout=5).json()
        assert (str(answer["version"]), answer["digest"]) == ("1", release_of(team, 1).model_digest)
        held = {path.name for path in (tmp_path / "state" / "images" / team.model / "blobs" / "sha256").iterdir()}
        assert release_of(team, 1).manifest_digest in held and len(held) == 5, "without the base image"
    finally:
        other.run("stop_deployment", "--environment", "production", **state)
        (tmp_path / "not here").rename(based.layout)
