"""Hash-locked requirements of the team's and of models' environments.

A lock is one text: `name==version` with every allowed hash, no addresses. It is kept with the model, and environments are
shared by its content.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from modelway.environments import home, store, uv
from modelway.errors import InvalidInput

COMPILE = ("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url")
INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]\s*(\S+)", re.MULTILINE)
NAME = "models"
"""The team's and the models' environments share one name, so that a model is scored where it was trained. They are not
compiled when they are made: a training imports a part of what is installed."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that a command or a model runs in."""

    path: str
    version: str
    """Such as 3.11.7."""
    platform: str
    """Such as linux-x86_64."""


def describe(path: str) -> Interpreter:
    """Ask an interpreter what it is; InvalidInput where it does not run."""
    program = (
        "import json, platform, sysconfig; print(json.dumps([platform.python_version(), sysconfig.get_platform()]))"
    )
    try:
        done = subprocess.run([path, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
        version, platform = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise InvalidInput(
            "is not a Python that runs", where=path[:300], fix="name the interpreter's full path"
        ) from None
    return Interpreter(path, version, platform)


def team_environment(requirements: Path, base_python: str) -> Interpreter:
    """The environment of a requirements file, installed once per content of it and of what it includes."""
    digest = hashlib.sha256("\n".join(_contents(requirements, set())).encode()).hexdigest()
    lock = _folder() / f"{store.key_of(digest.encode(), base_python)}.txt"
    if not lock.exists():
        text = uv.run([*COMPILE, "--python", base_python, str(requirements.absolute()), *uv.wheelhouse_arguments()])
        _write(lock, text)
    return describe(store.interpreter(lock, base_python, name=NAME, compiled=False))


def model_environment(lock_text: str, python_version: str) -> Interpreter:
    """The environment that a model was trained in, from its lock; needs a Python of the same minor version."""
    lock = _folder() / f"{hashlib.sha256(lock_text.encode()).hexdigest()[:32]}.txt"
    if not lock.exists():
        _write(lock, lock_text)
    return describe(store.interpreter(lock, python_of_minor(python_version), name=NAME, compiled=False))


def lock_environment(python: Interpreter) -> str:
    """The lock of everything that is installed where `python` runs: direct and transitive, with hashes."""
    if (known := store.lock_of(python.path)) is not None:
        return known
    frozen = uv.run(["pip", "freeze", "--python", python.path])
    loose = [line for line in frozen.splitlines() if "==" not in line and line.strip()]
    if loose:
        raise InvalidInput(
            f"{loose[0][:120]} comes from no package index, so the model's environment cannot be repeated",
            where=python.path,
            fix="install it from an index, or use train.requirements",
        )
    return lock_text(frozen, python.path)


def lock_text(requirements: str, python: str) -> str:
    """The hash-locked form of requirements given as text, for the machine and the Python at hand."""
    return uv.run([*COMPILE, "--python", python, "-", *uv.wheelhouse_arguments()], input_text=requirements + "\n")


def base_python() -> str:
    """The interpreter that environments are made with: the one the launcher found, not the tool's environment."""
    return os.environ.get("MODELWAY_BASE_PYTHON") or sys.executable


def python_of_minor(version: str) -> str:
    """An interpreter of the same minor version as `version`, since wheels are built for one."""
    minor = ".".join(version.split(".")[:2])
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        return base_python()
    if found := shutil.which(f"python{minor}"):
        return found
    raise InvalidInput(
        f"the model needs Python {minor}, and there is no python{minor} on PATH",
        fix=f"install Python {minor} in this job (actions/setup-python), or train with Python"
        f" {sys.version_info[0]}.{sys.version_info[1]}",
    )


def _contents(path: Path, seen: set[Path]) -> list[str]:
    path = path.absolute()
    if path in seen:
        return []
    seen.add(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(f"cannot be read: {reason}", where=str(path), fix="name a requirements file") from None
    return [text, *(part for name in INCLUDE.findall(text) for part in _contents(path.parent / name, seen))]


def _folder() -> Path:
    return home.made(home.cache_folder() / "locks")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
