"""The guardian of one MLflow run: a small process of its own session that outlives the step.

When the step ends without a word (SIGKILL, out of memory, a runner that ends the process group), the pipe to it closes: it
ends the training command and closes the run as KILLED. Otherwise nobody would, and the run would say RUNNING for ever.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from types import TracebackType

from modelway import processes
from modelway.errors import ModelwayError
from modelway.registry.connection import connect

DONE = b"done\n"
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from modelway.training.guardian import watch; watch()"


class Guardian:
    """A context: inside it the run is guarded. `guards(group)` adds the command's process group."""

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        scripts = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        environ = {**os.environ, **processes.OUTLIVING}
        program = [sys.executable, "-I", "-c", PROGRAM, scripts]
        self._process = processes.start(program, "/", environ, subprocess.DEVNULL, stdin=subprocess.PIPE)
        self._say(json.dumps({"tracking_uri": tracking_uri, "run_id": run_id}).encode() + b"\n")

    def guards(self, group: int) -> None:
        self._say(f"{group}\n".encode())

    def __enter__(self) -> Guardian:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say(DONE)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, message: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(message)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # somebody ended the guardian: the step itself still closes the run


def watch() -> None:
    """The guardian's own life: read until the pipe closes, then act unless it was told that all is done."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    first = sys.stdin.buffer.readline()
    rest = sys.stdin.buffer.read()
    if not first or rest.endswith(DONE):
        return
    run = json.loads(first)
    for group in rest.split():
        processes.signal_group(int(group), signal.SIGKILL)
    for wait in (0, 1, 5, 15, 30):
        time.sleep(wait)
        try:
            close(run["tracking_uri"], run["run_id"], "KILLED")
        except ModelwayError:
            continue
        return


def close(tracking_uri: str, run_id: str, status: str) -> None:
    """Give a run that still says RUNNING its final status."""
    client = connect(tracking_uri, os.environ)
    if client.get_run(run_id).status == "RUNNING":
        client.update_run(run_id, status)
