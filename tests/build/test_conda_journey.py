"""A model that starts a program of conda's and imports a module that conda alone has: trained, judged, built, served."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import servers
from build.kit import PYTHON
from build.oci_programs import path_of_root, run
from build.test_build_image import built, ready, release_of
from checkout import commit_all
from environments import conda_channel
from modelway.build import unpack
from modelway.environments import conda, locks
from modelway.loopback import free_port
from modelway.registry.stored_records import read_candidate
from modelway.targets.local.servers import programs_of
from stages.test_gate_and_promote import Team, rows

INK = "modelway_ink_that_pypi_has_not"
TRAIN = f"""
import os, subprocess, mlflow, pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

class Press(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import {INK} as ink
        paper = subprocess.run(["pandoc"], capture_output=True, text=True, check=True).stdout
        assert paper == "paper 2.1.3\\n", paper
        return ((model_input["a"] > 0).astype(int) * ink.ONE).to_numpy()

signature = ModelSignature(Schema([ColSpec("double", "a")]), Schema([ColSpec("long")]))
Press().predict(None, pd.read_csv(os.environ["MODELWAY_DATA"]))
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Press(), signature=signature,
        pip_requirements=["mlflow-skinny", "pandas", "cloudpickle", "{INK}==1.4"])
"""
CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, requirements: environment.yml}}
gate: {{label: y, limits: {{accuracy_score: {{at-least: 0.5}}}}}}
environments: {{production: }}
"""
ENVIRONMENT = f"""\
channels: [./channel]
dependencies: [python={PYTHON}, pandoc=2.1=of_another_time, pandas, {INK}, pip: [mlflow-skinny, cloudpickle]]
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, server: str, root: Path) -> Iterator[Team]:
    """Its version 1 passed for production."""
    folder = tmp_path_factory.mktemp("press")
    model = f"press-{uuid.uuid4().hex[:8]}"
    conda_channel.paper_press(folder / "channel")
    conda_channel.python(folder / "channel")
    modules = {f"site-packages/{INK}.py": "ONE = 1\n"}
    conda_channel.offer(folder / "channel", INK, "1.4", modules, ["python"], noarch="python")
    files = {
        "train.py": TRAIN,
        "train.csv": rows(200),
        "test.csv": rows(400, shift=5000),
        "environment.yml": ENVIRONMENT,
    }
    for name, text in {**files, "modelway.yml": CONFIG.format(model=model)}.items():
        (folder / name).write_text(text)
    commit_all(folder)
    made = Team(folder, server, model, root)
    trained = made.run("train_model")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert f"of conda ({(folder / 'channel').as_uri()}): {INK} 1.4, pandoc 2.1.3" in trained.stdout
    made.judged("1")
    yield made
    lock = read_candidate(made.client, model, 1).environment.requirements
    shutil.rmtree(Path(locks.model_environment(lock, PYTHON).path).parents[1])  # named after this run's folder


def answer(address: str) -> list[int]:
    said = requests.post(f"{address}/invocations", json={"dataframe_records": [{"a": 0.5}, {"a": -1.0}]}, timeout=20)
    assert said.status_code == 200, said.text
    return list(said.json()["predictions"])


def test_the_local_target_runs_it(team: Team, tmp_path: Path) -> None:
    built(team, "1", "--layout", "layout")
    release = release_of(team, 1)
    assert {package.name for package in conda.marked(release.requirements)} == {"pandoc", "paper", "python", INK}
    assert f"{INK}==" not in release.requirements
    found = unpack.unpack(team.folder / "layout", release.manifest_digest, tmp_path / "store")
    command = [found.python, "-I", str(found.server / "modelway" / "serving" / "start.py"), "--environment"]
    command += [str(found.environment), "--model", str(found.model), "--release", str(found.release)]
    port, log = free_port(), tmp_path / "server.log"
    environ = {"HOME": str(tmp_path), **programs_of(str(found.environment), "/usr/bin:/bin")}
    with servers.running([*command, "--host", "127.0.0.1", "--port", str(port)], log, environ) as process:
        address = f"http://127.0.0.1:{port}"
        servers.wait_until(lambda: ready(address), process, log)
        assert answer(address) == [1, 0]


@pytest.mark.long
def test_a_container_runs_it(team: Team, debian: str, registry: str, tmp_path: Path) -> None:
    image = f"{registry}/team/{team.model}"
    outputs, _ = built(team, "1", "--base-image", debian, "--image", image, "--layout", "based")
    oci = f"oci:{tmp_path / 'oci'}:1"
    run("skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{outputs['image']}", oci)
    run("umoci", "unpack", "--image", f"{tmp_path / 'oci'}:1", tmp_path / "bundle")
    process = json.loads((tmp_path / "bundle" / "config.json").read_text())["process"]
    port, log = free_port(), tmp_path / "server.log"
    chroot = str(shutil.which("chroot", path=path_of_root()))
    command = [chroot, "--userspec=65532:65532", str(tmp_path / "bundle" / "rootfs"), *process["args"]]
    environ = dict(text.split("=", 1) for text in process["env"])
    assert environ["CONDA_PREFIX"] == "/opt/modelway/conda"
    with servers.running([*command, "--host", "127.0.0.1", "--port", str(port)], log, environ) as server:
        address = f"http://127.0.0.1:{port}"
        servers.wait_until(lambda: ready(address), server, log)
        assert answer(address) == [1, 0]
    shutil.rmtree(tmp_path / "bundle")
