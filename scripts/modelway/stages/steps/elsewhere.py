"""A question that another environment than this step's can answer, put to a process in it: so a training needs no engine for
data, and a monitoring no client of a cluster, unless it is asked for.

The module that answers has `answer(asked, say) -> Any`, of what JSON can say; it may raise what a user is told.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelway import processes
from modelway.environments import home, locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, OutsideFailure, Refused
from modelway.files import last_line
from modelway.isolation import hide

SCRIPTS = Path(__file__).parents[3]
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from modelway.stages.steps.elsewhere import run; run(sys.argv[2])"
)
KINDS = {kind.__name__: kind for kind in (Inconclusive, InvalidInput, OutsideFailure, Refused)}


def answered(
    environment: str, module: str, asked: Mapping[str, Any], say: Callable[[str], None], seconds: float | None = None
) -> Any:
    """What `modelway.stages.steps.MODULE` answers in the environment of requirements/ENVIRONMENT.txt, with this process's
    variables. It is told by its input, where nobody can look. OutsideFailure where it has not answered after so many seconds,
    once the environment is there; else what it raised."""
    python = store.interpreter(requirements_file(environment), locks.base_python())
    environ = home.without_python_settings(os.environ)
    command = [python, "-I", "-X", "utf8", "-c", PROGRAM, str(SCRIPTS), module]
    with tempfile.NamedTemporaryFile(prefix="modelway-elsewhere-") as log:
        process = processes.start(command, Path.cwd(), environ, subprocess.PIPE, subprocess.PIPE, log)
        assert process.stdin is not None and process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            processes.end_own(process)

        timer = threading.Timer(seconds or 0, end)
        try:
            if seconds:
                timer.start()
            with process.stdin as told:
                told.write(json.dumps(asked).encode())
            for line in process.stdout:
                said = json.loads(line)
                if "said" in said:
                    say(said["said"])
                elif "answer" in said:
                    return said["answer"]
                else:
                    raise KINDS.get(said.pop("kind"), OutsideFailure)(said.pop("what"), **said)
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
            processes.end_own(process)
            process.stdout.close()
        if late.is_set():
            raise OutsideFailure(f"it took more than {seconds:.0f} s")
        raise OutsideFailure(f"{module} ended without an answer: {last_line(Path(log.name)) or 'it said nothing'}")


def run(module: str) -> None:
    """The program: one question as its input; on its output lines of JSON, of which the last one is the answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    hide()

    def tell(**said: object) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    found = importlib.import_module(f"modelway.stages.steps.{module}")
    try:
        tell(answer=found.answer(json.load(sys.stdin), lambda text: tell(said=text)))
    except ModelwayError as error:
        kind = type(error.as_said(error.what)).__name__
        tell(kind=kind, what=error.what, where=error.where, fix=error.fix)
