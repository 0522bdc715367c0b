"""A real MLflow server on 127.0.0.1, with SQLite and a folder: the embedded default of tracking and registry.

It runs in a session of its own and outlives the step that started it; the folder says which process it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import msgspec
import requests

from modelway import processes
from modelway.environments.home import without_python_settings
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line, write_whole
from modelway.loopback import HOST, free_port
from modelway.registry import mlflow_server

STATE = "server.json"
STOP_SECONDS = 10
LONGEST_PATH = 500
"""Bytes: SQLite takes 512 in a path, with what it appends to the database's name."""


class _State(TypedDict):
    pid: int
    uri: str


def start(folder: Path, port: int, timeout_seconds: float) -> str:
    """The address of the folder's server, started unless it answers already. Run by the Python that has mlflow."""
    running = _state(folder)
    if running and _answers(running["uri"]):
        return running["uri"]
    stop(folder)
    if len(os.fsencode(folder / mlflow_server.DATABASE)) > LONGEST_PATH:
        raise InvalidInput(
            f"is longer than the {LONGEST_PATH} bytes that SQLite takes", where=str(folder), fix="name a shorter folder"
        )
    try:
        (folder / "artifacts").mkdir(parents=True, exist_ok=True)
        log = (folder / "server.log").open("ab")
    except OSError as error:
        raise InvalidInput(
            f"cannot be written: {error.strerror}", where=str(folder), fix="name another folder"
        ) from None
    if not _has_server():
        raise ModuleNotFoundError("no mlflow, or an older one", name="mlflow")
    port = port or free_port()
    uri = f"http://{HOST}:{port}"
    command = [sys.executable, "-I", mlflow_server.__file__, HOST, str(port)]
    environ = without_python_settings(os.environ)
    environ = {name: value for name, value in environ.items() if not name.startswith(("MLFLOW_", "MODELWAY_"))}
    environ |= {**processes.OUTLIVING, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # three more processes, for jobs that nobody submits here
    with log:
        process = processes.start(command, folder, environ, log)
    write_whole(folder / STATE, json.dumps({"pid": process.pid, "uri": uri}).encode())
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(uri):
            return uri
        time.sleep(0.1)
    stop(folder)
    raise OutsideFailure(
        f"the MLflow server did not answer on {uri}: {last_line(folder / 'server.log') or 'it said nothing'}",
        fix=f"see {folder / 'server.log'}; is the port free?",
    )


def _has_server() -> bool:
    found = find_spec("mlflow")
    places = (found and found.submodule_search_locations) or ()
    return any(Path(place, "server", "fastapi_app.py").exists() for place in places)


def stop(folder: Path) -> bool:
    """End the folder's server and all its workers; False where none was running."""
    running = _state(folder)
    if not running:
        return False
    (folder / STATE).unlink(missing_ok=True)
    group = running["pid"]
    if not _is_server(group):
        return False
    processes.end([group], STOP_SECONDS)
    return True


def _state(folder: Path) -> _State | None:
    """Which process serves the folder; None where none was started. A note that cannot be read is InvalidInput: a server
    may be running that nobody can name any more."""
    try:
        text = (folder / STATE).read_bytes()
    except OSError:
        return None
    try:
        return msgspec.json.decode(text, type=_State)
    except msgspec.DecodeError:
        raise InvalidInput(
            "is not what start-registry writes",
            where=str(folder / STATE),
            fix="end the MLflow server of this folder, if it runs, and delete the file",
        ) from None


def _answers(uri: str) -> bool:
    try:
        return requests.get(f"{uri}/health", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _is_server(pid: int) -> bool:
    """Whether the process is ours still: its number may have been given to another since."""
    process = Path("/proc", str(pid), "cmdline")
    if process.parent.parent.is_dir():  # Linux, where ps may be missing
        return process.exists() and b"mlflow" in process.read_bytes()
    done = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "mlflow" in done.stdout
