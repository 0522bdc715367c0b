"""What each step costs on a machine that has never run one: the delivery of examples/flight-delay, cold beside warm.

Usage: scripts/run --in test python benchmarks/cold_start.py [--rounds 3]

Cold: nothing is there but Python, git and the checkout; the tool's own folder and uv's cache are empty, and the package index
is where the caller's settings say. Warm: the same step once more, and the same work (a deployment begins anew, without the
layers that were unpacked). The difference is what the step installs; of train-model and evaluate-gate the team's packages are
in it, which the last row takes alone: what the team pays without us for an environment of `requirements.txt` in an empty
cache, and `train.py` in it. The job of check.yml is its five steps after each other in one empty home, beside the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from checkout import commit_all  # noqa: E402 - after the path is known
from modelway.environments import uv  # noqa: E402
from modelway.loopback import free_port  # noqa: E402

FOR_IT = ("--environment", "production")
STEPS: tuple[tuple[str, ...], ...] = (
    ("start_registry", "--folder", "out/registry"),
    ("validate_data",),
    ("check_quality",),
    ("train_model", "--parameters", '{"iterations": 30}'),
    ("evaluate_gate", *FOR_IT, "--version", "1"),
    ("build_image", *FOR_IT, "--version", "1"),
    ("deploy_model", *FOR_IT, "--version", "1"),
    ("test_endpoint", *FOR_IT, "--version", "1"),
    ("list_models",),
    ("show_history",),
    ("rollback_release", *FOR_IT),
    ("stop_deployment", *FOR_IT),
)
CHECK = ("start_registry", "validate_data", "train_model", "evaluate_gate")
TRAINING = ("python", "train.py", "--data", "data/train.csv", "--iterations", "30")


@dataclass
class Machine:
    """A folder of a team's project, and homes that are empty when they are asked for."""

    folder: Path
    homes: int = 0
    known: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def home(self) -> dict[str, str]:
        self.homes += 1
        home = self.folder / f"home-{self.homes}"
        home.mkdir()
        given = uv.environment(os.environ)
        kept = {name: value for name, value in given.items() if not name.startswith(("MODELWAY_", "XDG_"))}
        own = {"HOME": str(home), "UV_CACHE_DIR": str(home / "uv"), "MODELWAY_HOME": str(home / "modelway")}
        return {**kept, **own, "MODELWAY_STATE": str(self.folder / "state"), **self.known}

    def took(self, step: Sequence[str], environ: dict[str, str], allowed: tuple[int, ...] = (0,)) -> float:
        began = time.monotonic()
        command = [ROOT / "scripts" / "run", *step]
        done = subprocess.run(command, cwd=self.project, env=environ, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode not in allowed:
            raise SystemExit(f"{step[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        for line in done.stdout.splitlines():
            if line.startswith("tracking-uri="):
                self.known["MLFLOW_TRACKING_URI"] = line.partition("=")[2]
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    table: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
            for what, pair in one_round(made(Path(name))).items():
                table.setdefault(what, []).append(pair)
    print("| step | cold s, median | worst | warm s | difference |\n|---|--:|--:|--:|--:|")
    for what, pairs in table.items():
        cold, warm = (statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"| {what} | {cold:.1f} | {max(cold for cold, _ in pairs):.1f} | {warm:.1f} | {cold - warm:.1f} |")


def made(folder: Path) -> Machine:
    machine = Machine(folder)
    ignored = shutil.ignore_patterns("data", "out", "__pycache__")
    shutil.copytree(ROOT / "examples" / "flight-delay", machine.project, ignore=ignored)
    config = machine.project / "modelway.yml"
    text = config.read_text(encoding="utf-8").replace("port: 18180", f"port: {free_port()}")
    config.write_text(text, encoding="utf-8")
    commit_all(machine.project)
    return machine


def one_round(machine: Machine) -> dict[str, tuple[float, float]]:
    """Seconds of each step in an empty home, and of the same once more."""
    found = {}
    for step in STEPS:
        environ, allowed = machine.home(), (0, 1, 3) if step[0] in ("check_quality", "rollback_release") else (0,)
        cold = machine.took(step, environ, allowed)
        if step[0] == "deploy_model":
            machine.took(("stop_deployment", *FOR_IT), environ)
            for name in ("layers", "targets"):
                shutil.rmtree(machine.folder / "state" / name)
        found[step[0].replace("_", "-")] = cold, machine.took(step, environ, allowed)
    machine.took(("stop_registry", "--folder", "out/registry"), machine.home())
    shutil.rmtree(machine.project / "out")
    environ = machine.home()
    whole = 0.0
    for step in (step for step in STEPS if step[0] in CHECK):
        whole += machine.took(step, environ)
        environ |= machine.known
    whole += machine.took(("stop_registry", "--folder", "out/registry"), environ)
    own = of_the_team(machine)
    found["all of check.yml, beside the team's own installation and training"] = whole, own[0]
    found["the team's own installation and training"] = own
    return found


def of_the_team(machine: Machine) -> tuple[float, float]:
    """Without us: their packages into an empty cache, and their training in them; and the training once more."""
    environ = machine.home() | {"MLFLOW_TRACKING_URI": f"sqlite:///{machine.folder}/own.db", "OMP_NUM_THREADS": "1"}
    run = [
        uv.executable(),
        "run",
        "--no-project",
        "--with-requirements",
        "requirements.txt",
        "--with",
        "mlflow==3.17.2",
    ]
    found = []
    for _ in range(2):
        began = time.monotonic()
        subprocess.run([*run, *TRAINING], cwd=machine.project, env=environ, check=True, capture_output=True)
        found.append(time.monotonic() - began)
    return found[0], found[1]


if __name__ == "__main__":
    main()
