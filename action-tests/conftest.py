"""What every action test shares: the export that act maps, one MLflow server, and an ordinary team's small project."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from demo import run_script

from act import Act, ActRun, left_running
from team import HERE, ROOT, MakeProject, RunAction, write_project

REF = "tested"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "modelway"
    subprocess.run([ROOT / "release" / "export", folder, "--ref", REF], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def act(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    """act, whose runs leave no process behind."""
    cache = tmp_path_factory.mktemp("act")
    yield Act(export, REF, cache)
    left = left_running(cache)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, "a run left processes behind"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server."""
    folder = str(tmp_path_factory.mktemp("mlflow"))
    try:
        yield run_script("start_registry", "--folder", folder)["tracking-uri"]
    finally:
        run_script("stop_registry", "--folder", folder)


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    def make(model: str, files: Mapping[str, str] | None = None, inside: str = ".") -> Path:
        return write_project(tmp_path_factory.mktemp(model) / "repository", model, files, inside)

    return make


@pytest.fixture(scope="session")
def parcels(make_project: MakeProject) -> Path:
    """The project whose versions the actions' tests share; each test has an environment of its own in it."""
    return make_project("parcels")


@pytest.fixture(scope="session")
def run_action(act: Act, server: str, parcels: Path) -> RunAction:
    def run(name: str, **inputs: str) -> ActRun:
        return act.run(parcels, HERE / name / "workflow.yml", inputs=inputs, secrets={"MLFLOW_TRACKING_URI": server})

    return run


@pytest.fixture(scope="session")
def trained(run_action: RunAction) -> ActRun:
    """train-model's own run, whose versions the later actions use: steps good, constant, adopted and others."""
    return run_action("train-model")


@pytest.fixture(scope="session")
def judged(run_action: RunAction, trained: ActRun) -> ActRun:
    """evaluate-gate's own run."""
    good, constant = (trained.step(name).outputs["version"] for name in ("good", "constant"))
    return run_action("evaluate-gate", good=good, constant=constant)


@pytest.fixture(scope="session")
def promoted(run_action: RunAction, judged: ActRun) -> ActRun:
    """promote-model's own run."""
    good, constant = (judged.step(name).outputs["version"] for name in ("good", "constant"))
    return run_action("promote-model", good=good, constant=constant)
