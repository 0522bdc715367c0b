"""The command `modelway`: `modelway evaluate-gate --version 3 --environment production`, with the flags of the action."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from modelway import VERBS_ALONE, extensions
from modelway.ci import UseCase, nobody_reads, run
from modelway.config.document import suggestion
from modelway.errors import InvalidInput, ModelwayError

AnyUseCase = UseCase[..., Any]
USAGE = """usage: modelway ACTION [flags]
       modelway --version

actions: {actions}

`modelway ACTION --help` says what it does and takes.
"""


def names() -> list[str]:
    """The actions, as functions of Python are called."""
    found = extensions.names("modelway.stages")
    return [name for name in found if "_" in name or name in VERBS_ALONE]  # steps and rollouts are their parts


def use_case_of(name: str) -> AnyUseCase:
    """The use case behind an action's function. AttributeError where there is none."""
    if name not in names():
        raise AttributeError(f"module 'modelway' has no attribute {name!r}")
    found = getattr(extensions.module("modelway.stages", name), name)
    assert isinstance(found, UseCase)
    return found


def use_cases() -> dict[str, AnyUseCase]:
    """Every action by its name."""
    return {name.replace("_", "-"): use_case_of(name) for name in names()}


def main(argv: Sequence[str] | None = None) -> int:
    try:
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:  # --help too, which ends by an exception
            if sys.stdout is not None:  # closed by `>&-`
                sys.stdout.flush()
    except BrokenPipeError:
        return nobody_reads()
    except OSError as error:
        nobody_reads()  # what Python still holds back for it
        print(f"error: modelway: standard output: {error.strerror}. Fix: free some space", file=sys.stderr)
        return 4
    except ModelwayError as error:
        print(f"error: modelway: {error.line()}", file=sys.stderr)
        return error.exit_code


def _run(given: Sequence[str]) -> int:
    actions = [name.replace("_", "-") for name in names()]
    if not given or given[0] in ("-h", "--help", "help"):
        print(USAGE.format(actions=", ".join(actions)))
        return 0 if given else 2
    if given[0] in ("-V", "--version"):
        print(f"modelway {version()}")
        return 0
    action = given[0].replace("_", "-")
    if action not in actions:
        fix = suggestion(action, actions) + "; `modelway --help` lists all actions"
        raise InvalidInput(f"there is no action {given[0][:100]!r}", fix=fix)
    return run(use_case_of(action.replace("-", "_")), given[1:], f"modelway {action}")


def version() -> str:
    """Of the installed package. A checkout that nobody installed has none."""
    try:
        return metadata.version("modelway")
    except metadata.PackageNotFoundError:
        return "0+checkout"
