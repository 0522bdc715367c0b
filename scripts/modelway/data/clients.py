"""Clients of stores as programs, each in an environment of its own: a step's environment stays small, and the credentials of a
store reach nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelway import processes
from modelway.environments import home, locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure

HERE = Path(__file__).parent


def fetched(
    name: str, asked: Mapping[str, Any], shown: str, say: Callable[[str], None], settings: Mapping[str, str], fix: str
) -> Any:
    """The answer of the program NAME_worker.py, in the environment of requirements/NAME.txt.

    asked: what it is told, by its input, where nobody can look. shown: the data's name in messages. settings: variables of its
    environment, unless they are set. fix: where the store cannot be reached. InvalidInput where the program says that the
    caller can mend it, else OutsideFailure."""
    python = store.interpreter(requirements_file(name), locks.base_python(), compiled=False)
    environ = {**settings, **home.without_python_settings(os.environ)}
    command = [python, "-I", "-X", "utf8", str(HERE / f"{name}_worker.py")]
    said: dict[str, Any] = {}
    with tempfile.TemporaryFile() as log:
        process = processes.start(command, "/", environ, subprocess.PIPE, subprocess.PIPE, log)
        assert process.stdin is not None and process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin as told:
                told.write(json.dumps(asked).encode())
            for line in process.stdout:
                said = json.loads(line)
                if "progress" in said:
                    say(f"fetching {shown}: {said['progress']}")
            code = process.wait()
        finally:
            processes.end_own(process)
            process.stdout.close()
    if "answer" in said:
        return said["answer"]
    what = f"cannot be read: {said.get('error') or f'the client ended with {code}'}"
    if said.get("user"):
        raise InvalidInput(what, where=shown, fix=str(said["fix"]))
    raise OutsideFailure(what, where=shown, fix=fix)
