"""examples/flavours: a model of each kind is trained, judged, built and served, and answers what the gate saw."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from adoption.test_init import run
from checkout import commit_all
from modelway.loopback import free_port

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROJECT = yaml.safe_load((EXAMPLES / "flavours" / "modelway.yml").read_text())
GIGABYTES = ("torch", "transformers")
"""Whose environment is: on Linux PyPI's PyTorch is that for graphics cards."""
ALSO_IN_CI = ("onnx", "code")


def marked(flavour: str) -> object:
    return pytest.param(flavour, marks=[] if flavour in ALSO_IN_CI else pytest.mark.long)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    for name in ("flavours", "flight-delay"):
        copied = shutil.ignore_patterns("data", "out", "__pycache__")
        shutil.copytree(EXAMPLES / name, tmp_path / "repository" / name, ignore=copied)
    folder = tmp_path / "repository" / "flavours"
    commit_all(tmp_path / "repository")
    yield folder
    shutil.rmtree(tmp_path, ignore_errors=True)  # a model of PyTorch, its image and its layers are 16 GB


@pytest.mark.parametrize("flavour", [marked(name) for name in (*PROJECT["environments"], "forecast")])
def test_a_model_of_each_kind_goes_all_the_way(
    flavour: str, root: Path, server: str, project: Path, tmp_path: Path
) -> None:
    config = "forecast.yml" if flavour == "forecast" else "modelway.yml"
    environ = {"MLFLOW_TRACKING_URI": server, "MODELWAY_STATE": str(tmp_path / "state"), "MODELWAY_CONFIG": config}
    for_it = ("--environment", flavour)
    version = ("--version", run(root, project, "train_model", *for_it, **environ)["version"])
    assert run(root, project, "evaluate_gate", *for_it, *version, **environ)["outcome"] == "pass"
    run(root, project, "build_image", *for_it, *version, **environ)
    text = (project / config).read_text()
    (project / config).write_text(re.sub(r"port: \d+", f"port: {free_port()}", text))  # of now: training took a while
    try:
        address = run(root, project, "deploy_model", *for_it, *version, **environ)["address"]
        answers(address, project)
    finally:
        run(root, project, "stop_deployment", *for_it, **environ)


def answers(address: str, project: Path) -> None:
    """For the rows that the gate shows what it saw for them: of a classifier the probability of its positive class."""
    verdict = json.loads((project / "out" / "modelway" / "evaluate-gate.json").read_text())
    rows = [sample["features"] for sample in verdict["samples"]]
    assert len(rows) > 1
    answer = requests.post(f"{address}/invocations", json={"dataframe_records": rows}, timeout=60)
    assert answer.ok, answer.text
    served, seen = positive(answer.json()["predictions"]), positive([row["candidate"] for row in verdict["samples"]])
    assert served == pytest.approx(seen, rel=1e-5) and len(set(seen)) > 1


def positive(predictions: list[Any]) -> list[float]:
    """Of two probabilities the second one's; of a row of one column, as MLflow writes a DataFrame, its value."""
    columns = [list(one.values()) if isinstance(one, dict) else one for one in predictions]
    return [one[-1] if isinstance(one, list) else one for one in columns]
