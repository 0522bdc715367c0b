"""build-image beside what a Dockerfile does: the first image of an environment, and a new version of a known one.

A real MLflow server, a real registry (docker-registry from Debian), a scikit-learn model with mlflow-skinny. The peer is
what any Dockerfile does: `pip install` of the same lock into a folder, with pip's cache filled, and packing that folder by tar
and gzip -1; pushing is not counted for it. Compressors are compared on the same tar.

Usage: scripts/run --in test python benchmarks/build_image.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from build import oci_programs  # noqa: E402
from modelway.build import compression  # noqa: E402
from modelway.environments import home  # noqa: E402
from stages.test_gate_and_promote import CONFIG, TRAIN, rows  # noqa: E402

GOAL_SECONDS = 5.0
LIGHT = '["mlflow-skinny", "scikit-learn", "pandas", "cloudpickle"]'


def run(command: list[str | Path], folder: Path, environ: dict[str, str]) -> tuple[float, dict[str, str]]:
    """Seconds, and the outputs."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True)
    return time.perf_counter() - began, dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def main() -> int:
    if missing := oci_programs.missing():
        print(f"NOT RUN: install {', '.join(missing)}")
        return 0
    script = ROOT / "scripts" / "run"
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
        folder = Path(name)
        environ = {**os.environ, "MODELWAY_STATE": str(folder / "state"), "OMP_NUM_THREADS": "1"}
        run([script, "start_registry", "--folder", folder / "mlflow"], folder, environ)
        try:
            environ["MLFLOW_TRACKING_URI"] = json.loads((folder / "mlflow" / "server.json").read_text())["uri"]
            with oci_programs.registry(folder / "registry") as host:
                measure(folder, script, environ, host)
        finally:
            run([script, "stop_registry", "--folder", folder / "mlflow"], folder, environ)
    return 0


def measure(folder: Path, script: Path, environ: dict[str, str], host: str) -> None:
    team = folder / "team"
    team.mkdir()
    asked = [script, "--in", "registry", "python", "-c", "import sys; print('python=' + sys.executable)"]
    python = run(asked, team, environ)[1]["python"]
    (team / "train.py").write_text(TRAIN.replace('["mlflow", "scikit-learn"]', LIGHT))
    (team / "train.csv").write_text(rows(2000))
    (team / "test.csv").write_text(rows(3000, shift=5000))
    (team / "modelway.yml").write_text(CONFIG.format(model="bench", python=python))
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=team, check=True)
    for version in ("1", "2", "3", "4"):
        run([script, "train_model"], team, environ)
        run([script, "evaluate_gate", "--environment", "production", "--version", version], team, environ)
    build = [script, "build_image", "--environment", "production", "--image", f"{host}/team/bench", "--version"]
    run([script, "build_image", "--help"], team, environ)  # its tool environment
    for cache in ("wheels", "layers"):
        shutil.rmtree(home.cache_folder(environ) / cache, ignore_errors=True)
    first, outputs = run([*build, "1"], team, environ)
    later = sorted(run([*build, version], team, environ)[0] for version in ("2", "3", "4"))[1]
    record = json.loads(Path(outputs["report"]).read_text())
    peer = installed_and_packed(record["requirements"], folder, environ)
    print(
        f"first image of an environment, wheels fetched, pushed: {first:.1f} s; pip install, tar, gzip -1: {peer:.1f} s"
    )
    print(f"new version of a known environment, Verdict to pushed image: {later:.2f} s (goal < {GOAL_SECONDS:g} s)")
    print(f"  {peer / later:.0f} times as fast as installing and packing anew")
    layer = next(item for item in record["layers"] if item["name"] == "environment")
    blob = Path(record["layout"], "blobs", "sha256", layer["digest"])
    compressors(blob)


def installed_and_packed(requirements: str, folder: Path, environ: dict[str, str]) -> float:
    (folder / "requirements.txt").write_text(requirements)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-deps",
    ]
    command += ["--root-user-action", "ignore", "--requirement", str(folder / "requirements.txt"), "--target"]
    run([*command, str(folder / "warm")], folder, environ)
    began = time.perf_counter()
    run([*command, str(folder / "target")], folder, environ)
    packed = f"tar -c -C {folder / 'target'} . | gzip -1 > {folder / 'layer.tar.gz'}"
    subprocess.run(["bash", "-c", packed], check=True)
    return time.perf_counter() - began


def compressors(blob: Path) -> None:
    with blob.open("rb") as file, compression.reading(file) as stream:
        tar = stream.read()
    began = time.perf_counter()
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    slow = len(packer.compress(tar)) + len(packer.flush())
    zlib_seconds = time.perf_counter() - began
    with tempfile.TemporaryFile() as file:
        began = time.perf_counter()
        with compression.writing(file) as target:
            target.write(tar)
        isal_seconds = time.perf_counter() - began
        fast = file.tell()
    ratio, size = zlib_seconds / isal_seconds, fast / slow
    print(f"gzip of {len(tar) / 1e6:.0f} MB: ISA-L {ratio:.1f} times as fast as zlib -1, {size:.2f} times as large")


if __name__ == "__main__":
    sys.exit(main())
