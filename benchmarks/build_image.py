"""build-image beside what a Dockerfile does: the first image of an environment, and a new version of a known one.

A real MLflow server, a real registry (docker-registry from Debian), a scikit-learn model with mlflow-skinny. The peer is
what any Dockerfile does: `pip install` of the same lock into a folder, with pip's cache filled, and packing that folder by tar
and gzip -1; pushing is not counted for it. Compressors are compared on the same tar.

Then the image's server is started from the unpacked layers, which nobody may write to, with its bytecode and without it:
processor seconds until /ready, alternately.

Usage: scripts/run --in test python benchmarks/build_image.py
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import servers  # noqa: E402 - after the path is known
from build import oci_programs  # noqa: E402
from modelway.build import compression, unpack  # noqa: E402
from modelway.environments import home, locks  # noqa: E402
from modelway.loopback import free_port  # noqa: E402
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
    python = servers.mlflow_python(servers.NEWEST_3)
    (team / "train.py").write_text(TRAIN.replace('["mlflow", "scikit-learn"]', LIGHT))
    (team / "train.csv").write_text(rows(2000))
    (team / "test.csv").write_text(rows(3000, shift=5000))
    (team / "modelway.yml").write_text(CONFIG.format(model="bench", python=python))
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=team, check=True)
    for version in ("1", "2", "3", "4"):
        run([script, "train_model"], team, environ)
        run([script, "evaluate_gate", "--environment", "production", "--version", version], team, environ)
    build = [script, "build_image", "--environment", "production", "--image", f"{host}/team/bench"]
    build += ["--base-image", oci_programs.push_small_base(host, folder), "--version"]
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
    starts(folder, record)


def starts(folder: Path, record: dict[str, Any]) -> None:
    """Processor seconds until /ready, with bytecode and without."""
    root = folder / "container"
    unpack.unpack_into(root, Path(record["layout"]), record["manifest_digest"])
    bare = folder / "bare"
    shutil.copytree(root, bare, ignore=shutil.ignore_patterns("__pycache__"))
    python = locks.python_of_minor(record["python"])
    found: dict[Path, list[float]] = {root: [], bare: []}
    for _ in range(3):
        for place, seconds in found.items():
            seconds.append(cpu_to_ready(place / "opt/modelway", python))
    with_it, without = (sorted(seconds)[1] for seconds in found.values())
    size = [sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e6 for place in (root, bare)]
    print(
        f"processor seconds to /ready: {with_it:.2f} with bytecode, {without:.2f} without ({without / with_it:.1f} times)"
    )
    print(f"  unpacked: {size[0]:.0f} MB with bytecode, {size[1]:.0f} MB without")


def cpu_to_ready(home_folder: Path, python: str) -> float:
    port = free_port()
    command = [python, "-I", "-B", str(home_folder / "server/modelway/serving/start.py"), "--host", "127.0.0.1"]
    command += ["--environment", str(home_folder / "environment"), "--model", str(home_folder / "model")]
    command += ["--release", str(home_folder / "release.json"), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={"HOME": "/tmp", "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
                if answer.status == 200:
                    break
            time.sleep(0.02)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    finally:
        process.kill()
        process.wait()


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
