"""examples/flavours/study.py: the trials of a study are child runs, of which select-model's best becomes a judged version."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from adoption.test_flavours import project
from adoption.test_init import run
from modelway.environments import uv

__all__ = ["project"]
TRIALS = 3


def test_the_best_trial_becomes_a_judged_version(root: Path, server: str, project: Path, tmp_path: Path) -> None:
    environ = {"MLFLOW_TRACKING_URI": server}
    output = tmp_path / "output"

    def in_its_environment(*command: str) -> None:
        beside = ("--no-project", "--with-requirements", "requirements/study.txt")
        given = {**uv.environment(os.environ), **environ, "GITHUB_OUTPUT": str(output)}
        subprocess.run([uv.executable(), "run", *beside, *command], cwd=project, env=given, check=True)

    in_its_environment("python", "../flight-delay/make_data.py", "data")
    flags = ("--experiment", "late-flights-study", "--trials", str(TRIALS))
    in_its_environment("python", "study.py", "--data", "data/train.csv", *flags)
    parent = output.read_text().strip().removeprefix("parent-run=")

    chosen = ("--experiment", "late-flights-study", "--metric", "val_auc", "--parent-run", parent)
    selected = run(root, project, "select_model", *chosen, "--conditions", "val_auc_sd <= 0.05", **environ)
    assert (selected["runs"], selected["version"]) == (str(TRIALS), "") and 0.85 < float(selected["value"]) < 1
    for_it = ("--environment", "lightgbm")
    adopted = run(root, project, "train_model", "--model-uri", selected["model-uri"], *for_it, **environ)
    judged = run(root, project, "evaluate_gate", "--version", adopted["version"], *for_it, **environ)
    assert judged["outcome"] == "pass"
