"""docs/python.md: modelway installed by pip from this repository, and what the page shows run as it stands there."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checkout import commit_all
from documented import examples
from modelway import extensions
from modelway.environments import uv
from modelway.registry import client_process

TRAIN = """
import os, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
inputs = rows[["a"]] if os.environ["MODELWAY_PARAM_KIND"] == "weak" else rows[["a", "b"]]
model = LogisticRegression().fit(inputs, rows.y)
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model", signature=infer_signature(inputs, model.predict_proba(inputs)),
        pyfunc_predict_fn="predict_proba", pip_requirements=["mlflow", "scikit-learn"])
"""
CONFIG = """
model: from-python
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}, parameters: {{kind: weak}}}}
gate: {{label: y, limits: {{roc_auc_score: {{at-least: 0.6}}}}}}
environments:
  production:
  strict: {{gate: {{limits: {{roc_auc_score: {{at-least: 0.999}}}}}}}}
"""
CONTRACT = "columns: {a: {type: number}, b: {type: number}, y: {type: integer}}\n"


def pip(*arguments: str | Path) -> None:
    environ = uv.environment(os.environ)
    done = subprocess.run([uv.executable(), "--no-config", *arguments], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def with_this_checkout(folder: Path, root: Path, *how: str) -> Path:
    """The programs of an environment into which pip installed it."""
    programs = folder / "env" / "bin"
    pip("venv", "--python", sys.executable, folder / "env")
    pip("pip", "install", "--python", programs / "python", *how, f"modelway[data] @ {root.as_uri()}")
    return programs


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_this_checkout(tmp_path_factory.mktemp("pip"), root)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, first in (("train.csv", 0), ("test.csv", 5000)):
        lines = ["a,b,y"]
        for row in range(first, first + 2000):
            a, b, noise = (row * 37 % 101) / 50 - 1, (row * 61 % 103) / 51 - 1, (row * 7919 % 997) / 498 - 1
            lines.append(f"{a},{b},{int(a + 2 * b + noise > 0)}")
        (folder / name).write_text("\n".join(lines) + "\n")
    (folder / "contract.yml").write_text(CONTRACT)
    (folder / "train.py").write_text(TRAIN)
    (folder / "modelway.yml").write_text(CONFIG.format(python=python))
    commit_all(folder)
    return folder


@pytest.mark.long
def test_the_page_runs_as_it_stands(installed: Path, project: Path, server: str) -> None:
    environ = {**os.environ, "MLFLOW_TRACKING_URI": server, "PATH": f"{installed}:{os.environ['PATH']}"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    [journey] = examples("python.md", "From data to a verdict")
    said = run(str(installed / "python"), "-W", "error", "-c", journey).stdout
    assert "pass 1 pass\nroc_auc_score pass 2000 0.9" in said
    [mistakes] = examples("python.md", "No is an answer, a mistake is an exception")
    said = run(str(installed / "python"), "-W", "error", "-c", mistakes).stdout
    assert "roc_auc_score" in said
    assert "input version: '1_0' is not a whole number at least 1. Fix: give" in said
    [commands] = examples("python.md", "The same as a command", "sh")
    said = run("bash", "-euc", commands).stdout
    assert "promoted=true" in said and "by the nightly job" in said


OF_DATA = """
import modelway

assert modelway.validate_data(data="train.csv", contract="contract.yml").outcome == "pass"
assert modelway.check_quality(data="train.csv").outcome
assert modelway.detect_drift(reference="train.csv", current="test.csv").outcome == "no drift"
assert modelway.profile_data(data="train.csv").page
"""

OF_IMAGES = """
import io, tarfile
from kubernetes.client import ApiClient
from modelway.build import compression, distribution, sbom

assert ApiClient.param_serialize
packed = io.BytesIO()
with compression.writing(packed) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
    for at in range(40):
        member = tarfile.TarInfo(f"file-{at}")
        member.size = 5000 * at
        archive.addfile(member, io.BytesIO(bytes(member.size)))
packed.seek(0)
with compression.reading(packed) as stream, tarfile.open(fileobj=stream) as archive:
    assert len(archive.getmembers()) == 40
"""


def test_the_oldest_packages_that_it_asks_for_do(root: Path, project: Path, tmp_path: Path) -> None:
    """An environment that has them already keeps them; what is older than that is said."""
    lowest = ("--resolution", "lowest-direct")
    python = with_this_checkout(tmp_path, root, *lowest) / "python"
    pip("pip", "install", "--python", python, *lowest, f"modelway[build,deploy] @ {root.as_uri()}")
    for work in (OF_DATA, OF_IMAGES):
        done = subprocess.run([python, "-c", work], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    pip("pip", "install", "--python", python, "duckdb<2")
    done = subprocess.run([python, "-c", OF_DATA], cwd=project, capture_output=True, text=True)
    assert "is installed, which is older than 2.0. Fix: pip install 'modelway[data]'" in done.stderr


def test_what_is_not_installed_is_said_with_the_line_to_install_it(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "modelway.yml").write_text("model: m\nenvironments: {production: {}}\n")
    flags = ["--environment", "production", "--version", "1"]
    done = subprocess.run([installed / "modelway", "build-image", *flags], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "is not installed. Fix: pip install 'modelway[build]'" in done.stderr
    unknown = subprocess.run([installed / "modelway", "deploy"], capture_output=True, text=True)
    assert unknown.returncode == 2 and "there is no action 'deploy'" in unknown.stderr


def test_a_registry_without_its_packages_is_said_with_the_line_to_install_them(installed: Path, tmp_path: Path) -> None:
    """MLflow is run, and not imported, by the action that starts it."""
    done = subprocess.run([installed / "modelway", "start-registry"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "the package mlflow is not installed. Fix: pip install 'modelway[registry]'" in done.stderr


def test_the_command_knows_its_version_and_stops_where_nobody_reads(installed: Path, tmp_path: Path) -> None:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    said = run(str(installed / "modelway"), "--version").stdout
    assert re.fullmatch(r"modelway \d+\.\d+\.\d+\n", said)
    assert run(str(installed / "python"), "-m", "modelway", "--version").stdout == said
    shown = run(str(installed / "python"), "-c", "import modelway; print('modelway', modelway.__version__)")
    assert shown.stdout == said
    wrong = run(str(installed / "modelway"), "validate")
    assert wrong.returncode == 2 and "did you mean 'validate-data'?" in wrong.stderr
    for flags in ("--help", "validate-data --help"):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([installed / "modelway", *flags.split()], cwd=tmp_path, stdout=write, stderr=-1)
        os.close(write)
        assert (done.returncode, done.stderr) == (141, b"")
    failed = run(str(installed / "modelway"), "validate-data")
    assert (failed.returncode, failed.stdout) == (2, "") and failed.stderr.startswith("error: validate-data: ")
    with open("/dev/full", "w") as full:
        done = subprocess.run([installed / "modelway", "--help"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 4 and done.stderr.startswith(b"error: modelway: standard output: No space left")


PROGRAM = """
import modelway
from modelway.records import Verdict

judged = modelway.evaluate_gate(version=1, environment="production")
verdict: Verdict = judged.or_raise().verdict
found: dict[str, str] | None = modelway.validate_data(data="a.csv", contract="c.yml").data_digests
reveal_type(judged.failing_checks)
reveal_type(modelway.__version__)
modelway.evaluate_gate(version="1", environment="production")
modelway.evaluate_gat(version=1)
"""


@pytest.mark.long
def test_a_checker_of_types_sees_inputs_and_results_of_what_pip_installs(
    installed: Path, python: str, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    flags = ["--strict", "--python-executable", installed / "python", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, "program.py"], cwd=tmp_path, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stdout
    assert '"list[' in lines[0] and 'str"' in lines[1]
    assert 'incompatible type "str"; expected "int"' in lines[2] and 'no attribute "evaluate_gat"' in lines[3]


def test_a_function_is_shown_copied_and_sent_to_another_process_as_any_function(root: Path) -> None:
    import modelway

    function = modelway.evaluate_gate
    shown = str(inspect.signature(function))
    assert shown.startswith("(*, environment: str, version: int, config: str = 'modelway.yml', ")
    assert "confidence: float | None = None" in shown and shown.endswith("evaluate_gate.GateEvaluated")
    text = pydoc.plain(pydoc.render_doc(function))
    assert "evaluate_gate(" in text and "environment: str" in text and "Judge a registered version" in text
    assert "job:" not in text
    assert pickle.loads(pickle.dumps(function)) is function and copy.deepcopy(function) is function
    assert repr(function) == "<function modelway.evaluate_gate>"
    found: dict[str, object] = {}
    exec("from modelway import *", found)
    assert {name for name in found if name != "__builtins__"} == set(dir(modelway))


def test_what_pip_installs_has_the_locks_of_the_environments_that_it_makes(root: Path, installed: Path) -> None:
    [there] = installed.parent.glob("lib/python*/site-packages/modelway/requirements")
    names = {*client_process.ENVIRONMENTS.values(), *extensions.names("modelway.data.workers")}
    for path in (root / "scripts" / "modelway").rglob("*.py"):
        names |= set(re.findall(r'requirements_file\("([\w-]+)"\)', path.read_text(encoding="utf-8")))
    assert names >= {"uv", "serving", "metrics", "stores", "s3", "lake"}
    assert {path.stem for path in there.glob("*.txt")} == names


def test_every_action_is_a_function_of_the_same_name(root: Path) -> None:
    import modelway

    actions = {path.parent.name.replace("-", "_") for path in root.glob("actions/*/action.yml")}
    assert actions == set(dir(modelway))
    for name in actions:
        assert getattr(modelway, name).name.replace("-", "_") == name
    typed = (root / "scripts" / "modelway" / "__init__.py").read_text()
    assert all(f"import {name} as {name}\n" in typed for name in actions), "a checker of types sees it too"
    with pytest.raises(AttributeError):
        _ = modelway.no_such_action
