"""The team's project, its target, and the client that counts for itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests

from checkout import commit_all
from modelway import processes
from modelway.loopback import free_port
from modelway.rollout import journal
from modelway.targets.folder import JOURNALS, FolderRecords
from modelway.targets.local.servers import SLOTS
from modelway.targets.local.state import LocalState
from stages.test_gate_and_promote import Team, rows
from traffic import traffic

TRAIN = """
import os, mlflow, numpy as np, pandas as pd, time
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
kind = os.environ["MODELWAY_PARAM_KIND"]
model = LogisticRegression(C=1.0 if kind == "good" else 2.0).fit(rows[["a", "b"]], rows.y)

class Line(mlflow.pyfunc.PythonModel):
    # The fitted weights alone, since each of many servers would import scikit-learn for a second. The odd kinds are right for
    # the gate, which sends whole batches, and wrong for single requests.
    def __init__(self, model, kind):
        self.weights, self.intercept, self.kind = model.coef_[0], model.intercept_[0], kind
    def predict(self, context, model_input, params=None):
        if len(model_input) < 500:
            if self.kind == "failing" and (model_input.a > 0.5).any():
                raise ValueError("a is too large")
            if self.kind == "slow":
                time.sleep(0.3)
        positive = 1 / (1 + np.exp(-(model_input[["a", "b"]].to_numpy() @ self.weights + self.intercept)))
        return np.column_stack([1 - positive, positive])

signature = infer_signature(rows[["a", "b"]], model.predict_proba(rows[["a", "b"]]))
light = ["mlflow-skinny", "pandas", "cloudpickle"]
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Line(model, kind), signature=signature, pip_requirements=light)
"""

CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}, parameters: {{kind: good}}}}
gate:
  label: y
  limits: {{roc_auc_score: {{at-least: 0.6}}}}
environments:
  production: {{}}
  {environment}:
    deploy:
      strategy: {strategy}
      steps: [50, 100]
      step-seconds: 1
      bake-seconds: 2
      timeout-seconds: {timeout}
      history-seconds: 10
      judge: {{block-seconds: 0.5, errors: {{margin-rate: 0.03}}, latency: {{slower-than-ms: 150, margin-rate: 0.03}}}}
      local: {{port: {port}, replicas: {replicas}, folder: {folder}, ready-seconds: 60}}
"""


@dataclass(frozen=True)
class Shop(Team):
    python: str = ""
    state: Path = Path()
    versions: dict[str, str] = field(default_factory=dict)
    environment: str = "other"
    port: int = 0
    target: Path = Path("/nonexistent")

    def configure(self, port: int, strategy: str = "canary", timeout: int = 600, replicas: int = 1) -> None:
        text = CONFIG.format(
            model=self.model,
            python=self.python,
            environment=self.environment,
            strategy=strategy,
            timeout=timeout,
            port=port,
            replicas=replicas,
            folder=self.target,
        )
        (self.folder / "modelway.yml").write_text(text)

    def run(self, script: str, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return super().run(script, *flags, **{"MODELWAY_STATE": str(self.state), **environ})

    def start(self, script: str, *flags: str) -> subprocess.Popen[str]:
        """The script's own process: `run` becomes it."""
        return subprocess.Popen(
            [self.root / "scripts" / "run", script, "--environment", self.environment, *flags],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": self.server, "MODELWAY_STATE": str(self.state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self, kind: str, *flags: str, code: int = 0, **environ: str) -> str:
        return self.must("deploy_model", code, "--version", self.versions[kind], *DEPLOYED, *flags, **environ)

    def roll_back(self, *flags: str, code: int = 0, **environ: str) -> str:
        return self.must("rollback_release", code, *flags, **environ)

    def must(self, script: str, code: int, *flags: str, **environ: str) -> str:
        """All that the script printed; it must end with this code, and say one line about a failure."""
        done = self.run(script, "--environment", self.environment, *flags, **environ)
        assert done.returncode == code, done.stdout + done.stderr
        errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
        assert len(errors) == (code != 0), done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def serving(self) -> str:
        """The version that answers at the environment's address."""
        answer = requests.get(f"http://127.0.0.1:{self.port}/model/version", timeout=5)
        return str(answer.json()["version"])

    def deployed(self) -> LocalState:
        found = FolderRecords(self.target, LocalState).read()
        assert found is not None
        return found

    def stories(self) -> list[journal.Story]:
        paths = sorted((self.target / JOURNALS).glob("*.jsonl"))
        return [story for path in paths if (story := journal.read(path)) is not None]

    def processes(self) -> list[int]:
        return processes.find(str(self.target))

    def kill_replica(self, version: str) -> None:
        slot = next(name for name, item in self.deployed().slots.items() if str(item.side.version) == version)
        leaders = processes.find(f"{self.target / SLOTS / slot}/")
        os.killpg(leaders[0], signal.SIGKILL)

    def traffic(
        self, per_second: float = 100, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Counter[str]]:
        """A client that sends so many requests a second meanwhile, and counts for itself."""
        return traffic(f"http://127.0.0.1:{self.port}", row, per_second, headers=headers)


def row(number: int) -> dict[str, float]:
    return {"a": (number * 37 % 101) / 50 - 1, "b": (number * 61 % 103) / 51 - 1}


DEPLOYED = ("--built-for", "production")


class BuiltVersions(dict[str, str]):
    """Kind -> its version, which is trained, judged and built when it is first asked for."""

    def __init__(self, build: Callable[[str], str]) -> None:
        super().__init__()
        self.build = build

    def __missing__(self, kind: str) -> str:
        self[kind] = self.build(kind)
        return self[kind]


def built_shop(folder: Path, state_folder: Path, server: str, python: str, root: Path) -> Shop:
    """A project with versions that passed for production and were built: good and as good, and when they are asked for failing
    and slow."""
    model = f"shop-{uuid.uuid4().hex[:8]}"
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.csv").write_text(rows(2000))
    (folder / "test.csv").write_text(rows(3000, shift=5000))
    shop = Shop(folder, server, model, root, python, state_folder)
    shop.configure(8080)
    commit_all(folder)
    return with_versions(shop, ("good", "again"))


def with_versions(shop: Shop, kinds: Sequence[str]) -> Shop:
    """versions: those of these kinds, made in the order in which tests release them; others when they are asked for."""

    def build(kind: str) -> str:
        version = shop.trained(kind)
        shop.judged(version)
        done = shop.run("build_image", "--environment", "production", "--version", version)
        assert done.returncode == 0, done.stderr
        return version

    versions = BuiltVersions(build)
    for kind in kinds:
        versions[kind] = build(kind)
    return replace(shop, versions=versions)


def with_target(built: Shop, folder: Path) -> Shop:
    """The project with a target that nothing was deployed to yet, on a port of its own, in an environment of its own."""
    port = free_port()
    copy = folder / "project"
    shutil.copytree(built.folder, copy, symlinks=True)
    own = replace(
        built, folder=copy, environment=f"production-{uuid.uuid4().hex[:8]}", port=port, target=folder / "target"
    )
    own.configure(port)
    return own
