"""A model that looks for secrets in every other process: it finds none, and where it is not alone that is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modelway import isolation
from modelway.environments.locks import Interpreter, describe
from modelway.scoring import Columns, Worker, WorkerLimits

BACKWARDS = "sah-esle-ydobon-taht-nekot-a"
"""The token: as it is read, it stands in the memory of nobody but the process that it is given to, not even of pytest."""
MODEL = f"""
import sys
import mlflow.pyfunc

class Spy(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        import glob, json, os, re
        token = bytes(reversed({BACKWARDS!r}.encode()))
        found, seen = [], 0
        for folder in glob.glob("/proc/[0-9]*"):
            pid = int(folder[6:])
            if pid == os.getpid():
                continue
            seen += 1
            try:
                if token in open(folder + "/environ", "rb").read():
                    found.append("environ of " + open(folder + "/comm").read().strip())
            except OSError:
                pass
            try:
                maps = open(folder + "/maps").read()
                memory = open(folder + "/mem", "rb", 0)
            except OSError:
                continue
            for line in maps.splitlines():
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                if "rw" not in line or end - start > 1 << 28:
                    continue
                try:
                    memory.seek(start)
                    if token in memory.read(end - start):
                        found.append("memory of " + folder)
                        break
                except (OSError, ValueError, OverflowError):
                    pass
        return [json.dumps([found, seen])] * len(model_input)

mlflow.pyfunc.save_model(sys.argv[1], python_model=Spy(), pip_requirements=["mlflow"])
"""

ROWS = Columns({"x": np.array([1.0])}, 1)
LIMITS = WorkerLimits(timeout_seconds=120, memory_mb=2048)
GIVE = """
import os, sys
os.execve(sys.executable, [sys.executable, "-c", *sys.argv[2:]], {**os.environ, "MLFLOW_TRACKING_TOKEN": sys.argv[1][::-1]})
"""
PARENT = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
import numpy as np
from modelway import isolation
from modelway.environments.locks import describe
from modelway.scoring import Columns, Worker, WorkerLimits
if sys.argv[4] == "together":
    isolation._prefix = lambda: ((), "not tried")
with Worker(describe(sys.argv[2]), "mlflow.pyfunc.model", WorkerLimits(120, 2048)) as worker:
    worker.ask(Path(sys.argv[3]), Columns({"x": np.array([1.0])}, 1), None, 1)
    said = worker.answer()
print(json.dumps([said.error, list(said.predictions), isolation.missing(), os.environ["MLFLOW_TRACKING_TOKEN"][::-1]]))
"""


@pytest.fixture(scope="module")
def interpreter(python: str) -> Interpreter:
    return describe(python)


@pytest.fixture(scope="module")
def spy(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spy") / "model"
    subprocess.run([interpreter.path, "-W", "ignore", "-c", MODEL, folder], check=True, capture_output=True)
    return folder


def spied(spy: Path, interpreter: Interpreter, how: str) -> tuple[list[str], int, str]:
    """What the model found in a process that was started with the token, how many others it saw, and why it was not alone."""
    paths = json.dumps([path for path in sys.path if path])
    done = subprocess.run(
        [sys.executable, "-c", GIVE, BACKWARDS, PARENT, paths, interpreter.path, str(spy), how],
        capture_output=True,
        text=True,
        check=True,
    )
    error, predictions, missing, kept = json.loads(done.stdout)
    assert not error
    assert kept == BACKWARDS, "the process itself has its variables still"
    found, seen = json.loads(predictions[0])
    return found, seen, missing


def test_a_model_finds_no_secret_in_another_process(spy: Path, interpreter: Interpreter) -> None:
    found, seen, missing = spied(spy, interpreter, "alone")
    if missing:
        pytest.skip(f"NOT RUN: {missing}")
    assert found == []
    assert seen <= 1, "there is nobody else, but the shell that it is a child of"


def test_where_it_is_not_alone_the_environment_is_empty(spy: Path, interpreter: Interpreter) -> None:
    """As root it may still read memory; SECURITY.md says so."""
    found, seen, missing = spied(spy, interpreter, "together")
    assert missing == "not tried" and seen > 1
    assert not [place for place in found if place == "environ of python" or os.geteuid()]


def test_a_worker_that_is_killed_is_named_by_its_signal(spy: Path, interpreter: Interpreter, tmp_path: Path) -> None:
    text = MODEL.replace("import glob, json, os, re", "import os; os.kill(os.getpid(), 9)")
    subprocess.run([interpreter.path, "-W", "ignore", "-c", text, tmp_path / "m"], check=True, capture_output=True)
    with Worker(interpreter, "mlflow.pyfunc.model", LIMITS) as worker:
        worker.ask(tmp_path / "m", ROWS, None, 1)
        assert "the worker ended with SIGKILL" in worker.answer().error
    assert isolation.command(["x"])[-1] == "x"
