"""One row of a gradient boosting model over HTTP: the model server beside FastAPI, `mlflow models serve` and BentoML.

Usage: scripts/run --in test python benchmarks/serving.py [--seconds 1] [--rounds 9] [--only modelway]
(needs wrk: apt-get install wrk)

The same pyfunc (serving_model.py, a pipeline like examples/flight-delay's), the same row, one worker each, in one
environment (requirements/bench-serving.txt). FastAPI's handler is `async def` with pyfunc inside, its faster form for one
client; BentoML's is batchable, so that its adaptive batching is on. All run at once, idle but for the one that wrk asks.
Short rounds take turns, so that what else the machine does meets all alike; printed are medians over rounds and their
ratios to the model server's. "new" opens a connection for every request. The floor is pyfunc without a server: the same
row in a loop.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "scripts"))

import modelway  # noqa: E402
from modelway.environments import store  # noqa: E402
from modelway.loopback import free_port  # noqa: E402

START_SECONDS = 120
CASES = (("keep-alive", 1), ("keep-alive", 16), ("new", 1), ("new", 16))
OURS, COUNTING = "modelway", "modelway --sketch"
WITHIN = 0.05
"""By so much a server that counts its rows may be slower."""
RELEASE = {"model": "m", "version": 1, "run_id": "", "digest": "", "content": "", "trained_at": "", "environment": ""}
LUA = """
local file = io.open(os.getenv("BODY"))
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["content-type"] = "application/json"
if os.getenv("CONNECTION") == "new" then wrk.headers["connection"] = "close" end
done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{"p50": %f, "rate": %f, "failed": %d}\\n',
    latency:percentile(50) / 1000, summary.requests / summary.duration * 1e6, failed))
end
"""


def model_in(folder: Path) -> tuple[str, float]:
    """Make the model, its row and its release; the interpreter that serves it, and what predicting the row takes there, in
    milliseconds."""
    python = store.interpreter(ROOT / "requirements" / "bench-serving.txt", sys.executable)
    made = [python, "-W", "ignore", str(HERE / "serving_model.py"), str(folder)]
    done = subprocess.run(made, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True, capture_output=True, text=True)
    (folder / "release.json").write_text(json.dumps(RELEASE))
    return python, float(done.stdout.split()[-1])


def servers(python: str, folder: Path) -> dict[str, tuple[str, dict[str, str], str, Any]]:
    """Name -> command with {port}, further environment, path, body."""
    row = json.loads((folder / "row.json").read_text())
    model, scripts = str(folder / "model"), Path(python).parent
    start = [python, "-I", str(ROOT / "scripts/modelway/serving/start.py"), "--model", model, "--host", "127.0.0.1"]
    start += ["--release", str(folder / "release.json"), "--port", "{port}"]
    local = {"MODEL": model, "PYTHONPATH": str(HERE)}
    bento = [str(scripts / "bentoml"), "serve", "serving_bentoml:Pyfunc", "--host", "127.0.0.1", "--port", "{port}"]
    fastapi = [python, "-m", "uvicorn", "serving_fastapi:app", "--port", "{port}", "--log-level", "warning"]
    mlflow = [python, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local", "--port", "{port}"]
    split = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    return {
        OURS: (start, {}, "/predict", row),
        COUNTING: (
            [*start, "--sketch", str(folder / "train.json"), "--sketches-token-sha256", "0" * 64],
            {},
            "/predict",
            row,
        ),
        "modelway --no-batching": ([*start, "--no-batching"], {}, "/predict", row),
        "FastAPI": (fastapi, local, "/predict", row),
        "mlflow models serve": ([*mlflow, "--workers", "1"], {}, "/invocations", split),
        "BentoML": ([*bento], local, "/predict", {"rows": [row]}),
    }  # type: ignore[return-value]


@contextlib.contextmanager
def running(command: list[str], environ: dict[str, str], folder: Path, name: str) -> Iterator[int]:
    port = free_port()
    kept = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    path = f"{Path(command[0]).parent}:/usr/local/bin:/usr/bin:/bin"
    log = folder / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            env=kept | threads | {"PATH": path, "BENTOML_HOME": str(folder / "bentoml")} | environ,
            cwd=folder,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        said = json.load(answer)
    return said["predictions"] if isinstance(said, dict) else said


def wait_for(url: str, body: Any, folder: Path, pause: float = 0.2) -> Any:
    """The first answer. pause: seconds between two tries."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return ask(url, body)
        except (OSError, urllib.error.URLError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} does not answer: {error}; see {folder}") from None
        time.sleep(pause)


def load(url: str, body: Path, connection: str, clients: int, seconds: int, lua: Path) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(lua), url]
    environ = os.environ | {"BODY": str(body), "CONNECTION": connection}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    if measured["failed"]:
        print(f"{url} {connection} c={clients}: {measured['failed']:.0f} requests failed", file=sys.stderr)
    return measured


def processor(url: str) -> tuple[float, float]:
    """Seconds of processor time of one of our servers so far, and requests."""
    with urllib.request.urlopen(url.replace("/predict", "/metrics"), timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    values = {line.split("{")[0]: 0.0 for line in lines if "{" in line}
    for line in lines:
        if "{" in line and ('path="/predict"' in line or "path=" not in line):
            values[line.split("{")[0]] += float(line.rpartition(" ")[2])
    return values["process_cpu_seconds_total"], values["modelway_requests_total"]


def table(found: dict[tuple[str, str, int], list[dict[str, float]]], names: list[str], floor: float) -> None:
    def median(name: str, connection: str, clients: int, what: str) -> float:
        return statistics.median(one[what] for one in found[name, connection, clients])

    for what, clients, title in (("p50", 1, "p50 with one client, ms"), ("rate", 16, "requests/s with 16 clients")):
        print(f"\n{title:29} {'keep-alive':>10} {'ratio':>7} {'new':>10} {'ratio':>7}")
        for name in names:
            cells = []
            for connection in ("keep-alive", "new"):
                value, ours = median(name, connection, clients, what), median(OURS, connection, clients, what)
                cells.append(f"{value:10.2f} {ours / value if what == 'rate' else value / ours:7.2f}")
            print(f"{name:29} {' '.join(cells)}")
    print(f"\npyfunc's predict of that row without a server: {floor:.2f} ms")
    slower = median(COUNTING, "keep-alive", 1, "p50") / median(OURS, "keep-alive", 1, "p50") - 1
    fewer = 1 - median(COUNTING, "keep-alive", 16, "rate") / median(OURS, "keep-alive", 16, "rate")
    used = {
        (name, clients): median(name, "keep-alive", clients, "processor")
        for name in (OURS, COUNTING)
        for clients in (1, 16)
    }
    dearer = max(used[COUNTING, clients] / used[OURS, clients] - 1 for clients in (1, 16))
    text = f"counting rows costs at most 5 %: p50 {100 * slower:+.1f} %, requests/s {-100 * fewer:+.1f} %, processor "
    text += (
        f"{100 * dearer:+.1f} % ({', '.join(f'{used[OURS, c]:.0f} -> {used[COUNTING, c]:.0f} us' for c in (1, 16))})"
    )
    print(f"{'met' if max(slower, fewer) <= WITHIN else 'NOT met':8} {text}")
    if "FastAPI" not in names:
        return
    one = median("FastAPI", "keep-alive", 1, "p50") / median(OURS, "keep-alive", 1, "p50")
    many = {name: median(OURS, "keep-alive", 16, "rate") / median(name, "keep-alive", 16, "rate") for name in names}
    for text, met in (
        (f"p50 with one client at most FastAPI's (FastAPI's is {one:.2f} times ours)", one >= 1),
        (
            f"10 times mlflow's requests/s with 16 clients ({many['mlflow models serve']:.1f})",
            many["mlflow models serve"] >= 10,
        ),
        (f"ahead of BentoML with 16 clients ({many['BentoML']:.1f})", many["BentoML"] > 1),
    ):
        print(f"{'met' if met else 'NOT met':8} {text}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="the servers whose names begin so")
    arguments = parser.parse_args()
    if not shutil.which("wrk"):
        print("NOT RUN: wrk is missing; install it: apt-get install wrk", file=sys.stderr)
        return 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelway-bench-")))
        python, floor = model_in(folder)
        rows, sketch = str(folder / "train.csv"), str(folder / "train.json")
        modelway.detect_drift(
            reference=rows, current=rows, reference_sketch=sketch, report_directory=str(folder / "out")
        )
        lua = folder / "post.lua"
        lua.write_text(LUA)
        urls: dict[str, tuple[str, Path]] = {}
        said = {}
        chosen = {name: made for name, made in servers(python, folder).items() if name.startswith(arguments.only)}
        for name, (command, environ, path, body) in chosen.items():
            port = stack.enter_context(running(list(command), environ, folder, name))
            file = folder / f"{name}.json"
            file.write_text(json.dumps(body))
            urls[name] = (f"http://127.0.0.1:{port}{path}", file)
            said[name] = wait_for(urls[name][0], body, folder)
        assert all(answer == said[OURS] for answer in said.values()), said  # all say the same
        found: dict[tuple[str, str, int], list[dict[str, float]]] = {}
        for url, file in urls.values():
            load(url, file, "keep-alive", 16, 2, lua)  # BentoML learns its batches from this
        for _ in range(arguments.rounds):
            for connection, clients in CASES:
                for name, (url, file) in urls.items():
                    before = processor(url) if name.startswith(OURS) else (0.0, 0.0)
                    measured = load(url, file, connection, clients, arguments.seconds, lua)
                    if name.startswith(OURS):
                        used, answered = (now - then for now, then in zip(processor(url), before, strict=True))
                        measured["processor"] = 1e6 * used / answered
                    found.setdefault((name, connection, clients), []).append(measured)
        table(found, list(urls), floor)
    return 0


if __name__ == "__main__":
    sys.exit(main())
