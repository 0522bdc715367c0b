"""docs/from-*.md: the programs that a page shows, run as they stand there against a real MLflow server."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from checkout import commit_all
from documented import DOCS, blocks
from modelway.registry import ledger
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_candidate

IN_PRODUCTION = """
import mlflow, numpy as np, pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

rows = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
with mlflow.start_run():
    mlflow.sklearn.log_model(LogisticRegression().fit(rows, rows.a > 0), name="model", input_example=rows[:2],
        registered_model_name="flight-delay", pip_requirements=["mlflow", "scikit-learn"])
MlflowClient().transition_model_version_stage("flight-delay", "1", "Production")
"""
CONFIG = """
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}}}
gate: {{label: {label}, {gate}}}
environments:
  production:
"""


def shown(page: str, language: str) -> str:
    (code,) = [code for kind, code in blocks((DOCS / page).read_text(encoding="utf-8")) if kind == language]
    return code


def run(command: list[str | Path], folder: Path, server: str) -> str:
    environ = {**os.environ, "MLFLOW_TRACKING_URI": server}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_a_stage_of_mlflow_becomes_an_environment(root: Path, tmp_path: Path, server: str, python: str) -> None:
    policy = "limits: {accuracy_score: {at-least: 0.6}}"
    text = CONFIG.format(model="flight-delay", python=python, label="y", gate=policy)
    (tmp_path / "modelway.yml").write_text(text)
    commit_all(tmp_path)
    run([python, "-c", IN_PRODUCTION], tmp_path, server)
    run([python, "-c", shown("from-mlflow-stages.md", "python")], tmp_path, server)
    client = connect(server, {})
    found = client.get_model("flight-delay")
    assert found is not None and dict(found.aliases) == {"production": 1}
    for line in shown("from-mlflow-stages.md", "sh").splitlines():
        program, *arguments = shlex.split(line)
        said = run([root / program, *arguments], tmp_path, server)
    assert "agrees=true" in said and "intact=true" in said
    (row,) = ledger.audit(VersionLedger(client, "flight-delay")).on_chain("production")
    assert (row.entry.action, row.entry.there, row.entry.why) == ("adopt", 1, "was in the stage Production")
    assert read_candidate(client, "flight-delay", 1).environment.locked_at == "adoption"


@pytest.mark.long
def test_the_training_of_mlops_stacks_without_its_notebook(
    root: Path, tmp_path: Path, server: str, python: str
) -> None:
    policy = "task: regression, limits: {mean_absolute_error: {at-most: 5}}"
    text = CONFIG.format(model="fares-of-a-notebook", python=python, label="fare_amount", gate=policy)
    (tmp_path / "modelway.yml").write_text(text)
    (tmp_path / "train.py").write_text(shown("from-mlops-stacks.md", "python"))
    lines = [f"{n % 17 / 4},{n % 5},{n % 17 / 2 + n % 5 + 2.5}" for n in range(400)]
    for name in ("train.csv", "test.csv"):
        part = lines[:200] if name == "train.csv" else lines[200:]
        (tmp_path / name).write_text("\n".join(["trip_distance,passengers,fare_amount", *part]) + "\n")
    commit_all(tmp_path)
    said = run([root / "scripts" / "run", "train_model"], tmp_path, server)
    assert "version=1" in said
    said = run(
        [root / "scripts" / "run", "evaluate_gate", "--environment", "production", "--version", "1"], tmp_path, server
    )
    assert "outcome=pass" in said
