"""Bytecode in an image: without it every start compiles all that is imported, since no container may write where it lies.

The same sources give the same bytecode by the same version of Python, in any folder, on any date; two patch versions of one
minor version differ in some files (docs/adr/0006).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelway.build.entries import LayerFile, of_file
from modelway.environments import home, locks
from modelway.errors import InvalidInput, OutsideFailure

PROGRAM = Path(__file__).with_name("compile_program.py")
ASK = "import sys, platform; print(platform.python_version(), sys.implementation.cache_tag)"
SECONDS = 900


@dataclass(frozen=True)
class Compiler:
    """An interpreter. version: such as 3.11.7; tag: what stands in the names of its bytecode, such as cpython-311."""

    python: str
    version: str
    tag: str


def compiler_for(minor: str) -> Compiler | None:
    """An interpreter of this machine with that minor version; None where there is none."""
    try:
        python = locks.python_of_minor(minor)
    except InvalidInput:
        return None
    done = subprocess.run([python, "-I", "-S", "-c", ASK], capture_output=True, text=True, timeout=60, check=False)
    version, _, tag = done.stdout.strip().partition(" ")
    return Compiler(python, version, tag) if done.returncode == 0 and version.startswith(f"{minor}.") and tag else None


@contextmanager
def added(entries: Iterable[LayerFile], inside: str, compiler: Compiler | None) -> Iterator[list[LayerFile]]:
    """The entries with the bytecode of the modules among them, sorted by path; as they are without a compiler. inside: the
    path that all of them lie below."""
    known = list(entries)
    if compiler is None:
        yield known
        return
    with tempfile.TemporaryDirectory(prefix="compile-", dir=home.made(home.cache_folder())) as name:
        sources, made = Path(name, "sources"), Path(name, "made")
        for entry in known:
            if entry.path.endswith(".py"):
                place = sources / PurePosixPath(entry.path).relative_to(inside)
                place.parent.mkdir(parents=True, exist_ok=True)
                with entry.open() as content, place.open("wb") as file:
                    shutil.copyfileobj(content, file)
        made.mkdir()
        _run(compiler, sources, made, inside)
        more = [
            of_file(cached(f"{inside}/{path.relative_to(made).as_posix()}", compiler), path)
            for path in made.rglob("*.pyc")
        ]
        yield sorted([*known, *more], key=lambda entry: entry.path)


def compile_folder(folder: Path, inside: str, compiler: Compiler) -> None:
    """Beside the modules below `folder`, which lies at /`inside` in the image, their bytecode."""
    with tempfile.TemporaryDirectory(prefix="compile-") as name:
        made = Path(name)
        _run(compiler, folder, made, inside)
        for path in made.rglob("*.pyc"):
            place = folder / cached(path.relative_to(made).as_posix(), compiler)
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, place)


def cached(path: str, compiler: Compiler) -> str:
    """Where the bytecode of `path` (its module's, with a c at its end) is looked for."""
    module = PurePosixPath(path)
    return str(module.parent / "__pycache__" / f"{module.stem}.{compiler.tag}.pyc")


def _run(compiler: Compiler, sources: Path, made: Path, inside: str) -> None:
    command = [compiler.python, "-I", "-S", str(PROGRAM), str(sources), str(made), f"/{inside}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise OutsideFailure(f"Python {compiler.version} cannot compile the packages: {said}", fix="run it again")
