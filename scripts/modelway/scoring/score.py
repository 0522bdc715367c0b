"""Start the worker, watch its limits, and read what it answers without trusting it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelway import isolation, processes
from modelway.environments import store
from modelway.environments.locks import Interpreter
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line
from modelway.scored import Scored
from modelway.scoring.rows import Columns

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class WorkerLimits:
    timeout_seconds: float
    memory_mb: int


def score(
    model: Path,
    interpreter: Interpreter,
    rows: Columns,
    types: Mapping[str, str] | None,
    limits: WorkerLimits,
    repetitions: int,
) -> Scored:
    """Predict all rows as one batch, `repetitions` times (only the first is kept, all are timed). The error is the model's
    own words when it raised, was too slow or too large: its fault, not the tool's. Whose files it is, the caller knows.

    A model that cannot be loaded in its own environment is InvalidInput; a machine that cannot start the worker
    OutsideFailure.
    """
    with tempfile.TemporaryDirectory(prefix="modelway-score-") as name:
        folder = Path(name)
        _write_request(folder, model, rows, types, limits, repetitions)
        (folder / "home").mkdir()
        log = folder / "log.txt"
        with log.open("wb") as stream:
            worker = isolation.command([interpreter.path, "-I", "-u", str(WORKER), str(folder)])
            process = processes.start(worker, folder / "home", surroundings(folder / "home", interpreter.path), stream)
            isolation.hide()
            try:
                process.wait(limits.timeout_seconds)
                late = False
            except subprocess.TimeoutExpired:
                late = True
            finally:
                processes.end_own(process)
        if late:
            return failed(f"no predictions within {limits.timeout_seconds:g} s (gate.scoring-timeout-seconds)")
        return _read_answer(folder, process.returncode, log, limits)


def failed(error: str) -> Scored:
    """What a model that gives no predictions said."""
    return Scored(np.empty(0), None, (), 0, error)


def environment(home: Path) -> dict[str, str]:
    """All that the worker sees of the caller's environment: no secrets, no proxies, no user."""
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def surroundings(home: Path, python: str) -> dict[str, str]:
    """And what finds the programs of conda's channels that the model was trained beside."""
    found = environment(home)
    return {**found, **store.conda_variables(python, found["PATH"])}


def _write_request(
    folder: Path, model: Path, rows: Columns, types: Mapping[str, str] | None, limits: WorkerLimits, repetitions: int
) -> None:
    arrays: dict[str, np.ndarray] = {}
    for index, column in enumerate(rows.columns.values()):
        if column.dtype == object:  # text: JSON keeps None apart from "", and needs no pickle
            arrays[str(index)] = np.frombuffer(json.dumps(column.tolist(), default=str).encode(), dtype=np.uint8)
        else:
            arrays[str(index)] = column
    np.savez(folder / "rows.npz", **arrays)  # type: ignore[arg-type]
    request = {
        "model": str(model),
        "columns": list(rows.columns),
        "text": [column.dtype == object for column in rows.columns.values()],
        "types": dict(types) if types else None,
        "memory_bytes": limits.memory_mb << 20,
        "repetitions": repetitions,
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _read_answer(folder: Path, code: int, log: Path, limits: WorkerLimits) -> Scored:
    answer_file = folder / "answer.json"
    if not answer_file.exists():
        number = -code if code < 0 else code - 128  # a shell says it so
        name = signal.Signals(number).name if number in set(signal.Signals) else f"exit code {code}"
        last = last_line(log)
        return failed(f"the worker ended with {name}; the memory limit is {limits.memory_mb} MB. {last}".strip())
    answer = json.loads(answer_file.read_text(encoding="utf-8"))
    if answer["stage"] == "load":
        raise InvalidInput(
            f"the model cannot be loaded in its own environment: {answer['error']}",
            where="evaluate-gate",
            fix="log it with what loading it needs: log_model's pip_requirements, and its code_paths for code of your own",
        )
    if answer["stage"] == "start":
        raise OutsideFailure(f"the scoring worker cannot start: {answer['error']}", fix="run it again")
    if answer["stage"] == "predict":
        return failed(answer["error"])
    predictions = np.load(folder / "predictions.npy", allow_pickle=False)
    classes = tuple(answer["classes"]) if answer["classes"] else None
    return Scored(predictions, classes, tuple(answer["seconds"]), 0, repeatable=bool(answer["repeatable"]))
