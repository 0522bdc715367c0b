"""Packages that PyPI does not have, from training to image: a second index, a folder of the project, a wheel beside it. The
gate and the build run with a cache of their own, as on another machine, and without the project's sources."""

from __future__ import annotations

import base64
import functools
import http.server
import shutil
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.kit import wheel
from checkout import commit_all
from modelway.build.lock import pins_of
from modelway.environments import carried, home
from modelway.registry.stored_records import read_candidate, read_release
from stages.test_gate_and_promote import Team, rows

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "Team.Features"
version = "0.3"
dependencies = ["modelway-test-scale"]
[tool.setuptools]
packages = ["team_features"]
"""
FEATURES = """\
import modelway_test_scale
def weight(rows):
    return rows.a + modelway_test_scale.TWO * rows.b
"""
TRAIN = """
import mlflow, pandas as pd, os
import team_features, modelway_test_beside
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, Schema

class Model(PythonModel):
    def predict(self, context, model_input, params=None):
        import modelway_test_beside, team_features
        return modelway_test_beside.squash(team_features.weight(model_input))

rows = pd.read_csv(os.environ["MODELWAY_DATA"])[["a", "b"]]
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Model(),
        signature=ModelSignature(Schema([ColSpec("double", "a"), ColSpec("double", "b")])),
        pip_requirements=REQUIREMENTS)
"""
CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, requirements: requirements/train.txt}}
gate: {{label: y, limits: {{roc_auc_score: {{at-least: 0.6}}}}}}
environments: {{production: }}
"""
NAMES = {"modelway-test-scale", "team-features", "modelway-test-beside"}


class Index(http.server.SimpleHTTPRequestHandler):
    """A simple index; asked for a login where its server wants one."""

    wanted = ""

    def do_GET(self) -> None:
        if self.wanted and self.headers.get("Authorization") != self.wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index with one package, that a user `reader` with the password `s3cr3t` may read."""
    place = tmp_path / "index" / "simple" / "modelway-test-scale"
    place.mkdir(parents=True)
    wheel(place, "modelway_test_scale", "1.5", {"modelway_test_scale.py": "TWO = 2\n"})
    wanted = "Basic " + base64.b64encode(b"reader:s3cr3t").decode()
    handler = type("Guarded", (Index,), {"wanted": wanted})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=tmp_path / "index"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def project(folder: Path, server: str, root: Path, requirements: str, logged: str) -> Team:
    model = f"packages-{uuid.uuid4().hex[:8]}"
    (folder / "requirements").mkdir(parents=True)
    (folder / "features" / "team_features").mkdir(parents=True)
    (folder / "features" / "pyproject.toml").write_text(PYPROJECT)
    (folder / "features" / "team_features" / "__init__.py").write_text(FEATURES)
    (folder / "vendor").mkdir()
    squash = "def squash(value):\n    return 1 / (1 + 2.718281828 ** -value)\n"
    wheel(folder / "vendor", "modelway_test_beside", "2.0", {"modelway_test_beside.py": squash})
    (folder / "requirements" / "train.txt").write_text(requirements)
    (folder / "train.py").write_text(TRAIN.replace("REQUIREMENTS", logged))
    (folder / "train.csv").write_text(rows(200))
    (folder / "test.csv").write_text(rows(600, shift=5000))
    (folder / "modelway.yml").write_text(CONFIG.format(model=model))
    commit_all(folder)
    return Team(folder, server, model, root)


def journey(team: Team, tmp_path: Path, environ: dict[str, str]) -> tuple[str, str]:
    """Train here; judge and build elsewhere. The locks of the Candidate and of the Release."""
    done = team.run("train_model", **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
    version = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)["version"]
    trained = read_candidate(team.client, team.model, int(version)).environment.requirements
    shutil.rmtree(team.folder / "features")
    shutil.rmtree(team.folder / "vendor")
    elsewhere = {**environ, "MODELWAY_HOME": str(another_cache(tmp_path)), "MODELWAY_STATE": str(tmp_path / "state")}
    for script in ("evaluate_gate", "build_image"):
        done = team.run(script, "--version", version, "--environment", "production", **elsewhere)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "s3cr3t" not in done.stdout + done.stderr
    release = read_release(team.client, team.model, int(version), "production")
    assert release is not None
    return trained, release.record.requirements


def another_cache(tmp_path: Path) -> Path:
    """A cache with the tool's own environments and nothing that the training left."""
    here, there = home.cache_folder(), tmp_path / "elsewhere"
    (there / "environments").mkdir(parents=True)
    tools = (path for path in (here / "environments").iterdir() if not path.name.startswith("models-"))
    for path in (*tools, *(path for path in [here / "uv"] if path.is_dir())):
        (there / path.relative_to(here)).symlink_to(path)
    return there


def hashes(lock: str) -> dict[str, set[str]]:
    return {pin.name: set(pin.hashes) for pin in pins_of(lock)}


@pytest.mark.long
def test_an_index_by_variable_and_packages_of_the_disk_are_the_same_in_train_gate_and_build(
    tmp_path: Path, index: str, server: str, root: Path
) -> None:
    requirements = "mlflow-skinny\npandas<3\n-e ./features\nvendor/modelway_test_beside-2.0-py3-none-any.whl\n"
    logged = '["mlflow-skinny", "pandas", "team-features", "modelway_test_beside==2.0"]'
    team = project(tmp_path / "team", server, root, requirements, logged)
    trained, released = journey(team, tmp_path, {"PIP_EXTRA_INDEX_URL": f"http://reader:s3cr3t@{index}"})
    assert hashes(trained).keys() >= NAMES
    assert all(hashes(released)[name] == hashes(trained)[name] for name in NAMES)
    assert {item.name for item in carried.marked(trained)} == {"team-features", "modelway-test-beside"}
    assert "s3cr3t" not in trained + released and "://" not in trained


@pytest.mark.long
def test_an_index_in_the_requirements_is_kept_with_the_model_and_its_password_is_not(
    tmp_path: Path, index: str, server: str, root: Path
) -> None:
    requirements = f"""\
        --extra-index-url http://reader:${{TEAM_SECRET}}@{index}
        --find-links vendor
        mlflow-skinny
        pandas<3
        ./features
        modelway-test-beside
        """.replace("        ", "")
    team = project(tmp_path / "team", server, root, requirements, '"requirements/train.txt"')
    trained, released = journey(team, tmp_path, {"TEAM_SECRET": "s3cr3t"})
    line = f"--extra-index-url http://reader:${{TEAM_SECRET}}@{index}\n"
    assert trained.startswith(line) and released.startswith(line)
    assert all(hashes(released)[name] == hashes(trained)[name] for name in NAMES)
    assert "s3cr3t" not in trained + released


@pytest.mark.long
def test_a_changed_source_file_is_another_environment(tmp_path: Path, index: str, server: str, root: Path) -> None:
    requirements = "mlflow-skinny\npandas<3\n./features\n./vendor/modelway_test_beside-2.0-py3-none-any.whl\n"
    team = project(tmp_path / "team", server, root, requirements, '["mlflow-skinny", "pandas", "team-features"]')
    environ = {"UV_EXTRA_INDEX_URL": f"http://reader:s3cr3t@{index}"}
    locks = []
    for text in (FEATURES, FEATURES.replace("rows.a", "3 * rows.a"), FEATURES):
        (team.folder / "features" / "team_features" / "__init__.py").write_text(text)
        done = team.run("train_model", **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        version = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)["version"]
        locks.append(read_candidate(team.client, team.model, int(version)).environment.requirements)
    assert locks[0] == locks[2] != locks[1], "the wheel follows from the sources alone"
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=team.folder, capture_output=True, text=True, check=True
    )
    assert "features" not in status.stdout, "building leaves nothing behind"
