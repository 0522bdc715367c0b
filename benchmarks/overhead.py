"""What a step costs before it does anything: the launcher warm and cold, beside a venv that pip fills.

Three environments of the tool: warm is `scripts/run SCRIPT --help` with the environment made, cold without it and with
uv's cache filled. The peer is what an action with setup-python does: `python -m venv` and `pip install --require-hashes` of
the same lock from pip's filled cache, then the same `--help`. The floor is `true`. Ratios are of medians of one run.

Usage: scripts/run --in test python benchmarks/overhead.py [--runs 5]
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
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = {"tool": "promote_model", "data": "validate_data", "build": "build_image"}
GOALS = {"warm": 1.0, "cold": 10.0}


def seconds(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def median(runs: int, once: Callable[[], float]) -> float:
    return statistics.median(once() for _ in range(runs))


def measure(name: str, script: str, runs: int, folder: Path) -> dict[str, float]:
    home = folder / name
    environ = {**os.environ, "MODELWAY_HOME": str(home)}
    step = [str(ROOT / "scripts" / "run"), script, "--help"]

    def cold() -> float:
        shutil.rmtree(home / "environments", ignore_errors=True)
        return seconds(step, environ)

    def pip() -> float:
        venv = folder / f"{name}-venv"
        shutil.rmtree(venv, ignore_errors=True)
        python = str(venv / "bin" / "python")
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
        ]
        scripts = str(ROOT / "scripts")
        start = f"import sys; sys.path.insert(0, {scripts!r}); import {script}; sys.exit({script}.main(['--help']))"
        return (
            seconds([base_python(), "-m", "venv", str(venv)], environ)
            + seconds([*install, "-r", str(ROOT / "requirements" / f"{name}.txt")], environ)
            + seconds([python, "-I", "-c", start], environ)
        )

    cold()  # fills uv's cache
    figures = {"cold": median(runs, cold), "warm": median(runs, lambda: seconds(step, environ))}
    pip()  # fills pip's cache
    figures["pip"] = median(max(1, runs // 2), pip)
    figures["true"] = median(runs, lambda: seconds(["true"], environ))
    figures["MB"] = sum(file.stat().st_size for file in (home / "environments").rglob("*") if file.is_file()) / 1e6
    return figures


def team(folder: Path) -> tuple[float, float, float]:
    """Seconds to make the example's own environment, to find it again, and to find it as its model's environment."""
    environ = {**os.environ, "MODELWAY_HOME": str(folder / "team")}
    requirements = ROOT / "examples" / "flight-delay" / "requirements.txt"
    program = f"""
import sys; sys.path.insert(0, {str(ROOT / "scripts")!r})
from pathlib import Path
from modelway.environments import locks
python = locks.team_environment(Path({str(requirements)!r}), {base_python()!r})
"""
    model = "assert locks.model_environment(locks.lock_environment(python), python.version).path == python.path"
    command = [base_python(), "-I", "-c"]
    made, found = (seconds([*command, program], environ) for _ in range(2))
    return made, found, seconds([*command, program + model], environ)


def base_python() -> str:
    """The interpreter below the test environment: a venv made from a venv would measure something else."""
    return os.path.realpath(sys.executable)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print("environment  MB   true    warm    cold   venv+pip   cold/venv+pip   goals (warm 1 s, cold 10 s)")
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as folder:
        for name, script in SCRIPTS.items():
            figures = measure(name, script, runs, Path(folder))
            met = all(figures[kind] <= goal for kind, goal in GOALS.items())
            print(
                f"{name:11} {figures['MB']:4.0f} {figures['true']:6.3f} {figures['warm']:7.2f} {figures['cold']:7.2f}"
                f" {figures['pip']:10.2f} {figures['cold'] / figures['pip']:15.2f}   {'met' if met else 'NOT met'}",
                flush=True,
            )
        made, found, shared = team(Path(folder))
    print(
        f"\nthe team's environment (examples/flight-delay, MLflow whole): made in {made:.1f} s, found again in {found:.2f} s;"
        f" its model's is the same one, found in {shared:.2f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
