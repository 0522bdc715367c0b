"""Start the worker, watch its limits, and read what it answers without trusting it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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


class Worker:
    """The process of one model, in the model's own environment: it imports what loads the model as soon as it is there, and
    loads it when it is asked. A context, whose end is its end.

    loader: the module of MLflow's that loads the model, as its MLmodel names it. A machine that cannot start it is
    OutsideFailure."""

    def __init__(self, interpreter: Interpreter, loader: str, limits: WorkerLimits) -> None:
        self.limits = limits
        self._temporary = tempfile.TemporaryDirectory(prefix="modelway-score-")
        self.folder = Path(self._temporary.name)
        home = self.folder / "home"
        home.mkdir()
        command = isolation.command([interpreter.path, "-I", "-u", str(WORKER), str(self.folder), loader])
        with self._log.open("wb") as log:
            around = surroundings(home, interpreter.path)
            self._process = processes.start(command, home, around, log, subprocess.PIPE)
        if isolation.missing():
            isolation.hide()
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes.end_own(self._process)
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._temporary.cleanup()

    def ask(self, model: Path, rows: Columns, types: Mapping[str, str] | None, repetitions: int) -> None:
        """Let it predict all rows as one batch, `repetitions` times (only the first is kept, all are timed). It is asked once,
        and ends with its answer."""
        _write_request(self.folder, model, rows, types, self.limits, repetitions)
        isolation.hide()
        self._until = time.monotonic() + self.limits.timeout_seconds
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: its answer says why
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def answer(self) -> Scored:
        """What it says. The error is the model's own words when it raised, was too slow or too large: its fault, not the
        tool's. Whose files it is, the caller knows.

        A model that cannot be loaded in its own environment is InvalidInput; a worker that cannot begin OutsideFailure.
        """
        try:
            self._process.wait(max(0.0, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return failed(f"no predictions within {self.limits.timeout_seconds:g} s (gate.scoring-timeout-seconds)")
        finally:
            processes.end_own(self._process)
        return _read_answer(self.folder, self._process.returncode, self._log, self.limits)

    @property
    def _log(self) -> Path:
        return self.folder / "log.txt"


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
