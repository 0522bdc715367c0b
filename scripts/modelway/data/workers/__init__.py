"""Clients of stores, each a program in an environment of its own: a step's environment stays small, and the credentials of a
store reach nothing else.

A module here is one, and requirements/NAME.txt its environment. It offers `answer(asked, say) -> Any`, what is asked for as
JSON can say it (say: for progress), and `described(error) -> Described`. It may be asked several times.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

Described = dict[str, Any]
"""What went wrong: error; user: whether the caller can mend it, and then fix."""
Ask = Callable[[Mapping[str, Any]], Any]
LONGEST = 300
DATE = "modelway:date"
"""The key of a date in a message; the name of no column or setting."""
SCRIPTS = Path(__file__).parents[3]
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from modelway.data.workers import run; run(sys.argv[2])"


def fetched(
    name: str, asked: Mapping[str, Any], shown: str, say: Callable[[str], None], settings: Mapping[str, str], fix: str
) -> Any:
    """The one answer of the program of this name; see `session`."""
    with session(name, shown, say, settings, fix) as ask:
        return ask(asked)


@contextlib.contextmanager
def session(name: str, shown: str, say: Callable[[str], None], settings: Mapping[str, str], fix: str) -> Iterator[Ask]:
    """What asks the program of this name, which ends with the context.

    It is told by its input, where nobody can look. shown: the data's name in messages. settings: variables of its
    environment, unless they are set. fix: where the store cannot be reached. An answer that is none is InvalidInput
    where the program says that the caller can mend it, else OutsideFailure."""
    from modelway import processes
    from modelway.environments import home, locks, store
    from modelway.environments.tools import requirements_file
    from modelway.errors import InvalidInput, OutsideFailure

    python = store.interpreter(requirements_file(name), locks.base_python())
    environ = {**settings, **home.without_python_settings(os.environ)}
    command = [python, "-I", "-X", "utf8", "-c", PROGRAM, str(SCRIPTS), name]
    with tempfile.TemporaryFile() as log:
        process = processes.start(command, "/", environ, subprocess.PIPE, subprocess.PIPE, log)
        assert process.stdin is not None and process.stdout is not None
        told, heard = process.stdin, process.stdout

        def ask(asked: Mapping[str, Any]) -> Any:
            said: dict[str, Any] = {}
            with contextlib.suppress(BrokenPipeError):
                told.write(as_json(asked).encode() + b"\n")
                told.flush()
            for line in heard:
                said = from_json(line)
                if "progress" not in said:
                    break
                say(f"fetching {shown}: {said['progress']}")
            if "answer" in said:
                return said["answer"]
            what = f"cannot be read: {said.get('error') or f'the client ended with {process.wait()}'}"
            if said.get("user"):
                raise InvalidInput(what, where=shown, fix=str(said["fix"]))
            raise OutsideFailure(what, where=shown, fix=fix)

        try:
            yield ask
        finally:
            processes.end_own(process)
            heard.close()
            with contextlib.suppress(BrokenPipeError):
                told.close()


def run(name: str) -> None:
    """The program: a question on each line of its input, and lines of JSON on its output, of which one is the answer."""
    from modelway.isolation import hide

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    hide()

    def tell(**said: object) -> None:
        answers.write(as_json(said) + "\n")
        answers.flush()

    worker = importlib.import_module(f"{__name__}.{name}")
    for line in sys.stdin:
        try:
            tell(answer=worker.answer(from_json(line), lambda text: tell(progress=text)))
        except Exception as error:
            tell(**worker.described(error))


def as_json(message: Mapping[str, Any]) -> str:
    """On one line, with dates and decimal numbers (whole ones as such, others in double precision)."""

    def plain(value: object) -> object:
        if isinstance(value, date):
            return {DATE: value.isoformat()}
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        raise TypeError(f"{type(value).__name__} is not told between processes")

    return json.dumps(message, default=plain)


def from_json(line: str | bytes) -> Any:
    def plain(found: dict[str, Any]) -> Any:
        return date.fromisoformat(found[DATE]) if found.keys() == {DATE} else found

    return json.loads(line, object_hook=plain)


def message_of(error: Exception) -> str:
    """On one line, cut."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__
