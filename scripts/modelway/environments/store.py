"""One environment per lock: made once, under a file lock, marked when complete, then only read.

An environment that was cut off while it was made has no mark and is made anew. It is built where it stays, because the
interpreter's path is written into it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.files import locked, write_whole

COMPLETE = "modelway-complete"
CONDA = "conda"
"""The folder of an environment that holds packages of conda's channels, a prefix of conda's."""


def interpreter(lock: str | Path, base_python: str, *, name: str = "") -> str:
    """The Python of the environment that holds exactly what `lock` (a hash-locked requirements file) names, made with
    `base_python` where it does not exist yet.

    name: the start of the folder's name, the lock's own where it is empty; environments of one name are shared by their
    lock's content. Bytecode is left to the first import: no step imports so much that compiling all would take less. A
    package that cannot be installed is InvalidInput; no index, no disk: OutsideFailure.
    """
    lock = Path(lock)
    try:
        key = key_of(lock.read_bytes(), base_python)
    except OSError as error:
        raise InvalidInput(
            f"cannot be read: {error.strerror}", where=str(lock), fix="check out all of modelway"
        ) from None
    folder = home.cache_folder() / "environments" / f"{name or lock.stem}-{key}"
    python = folder / "bin" / "python"
    if not _usable(folder, python):
        _make(folder, lock, base_python)
    return str(python)


def key_of(lock: bytes, base_python: str) -> str:
    """16 hexadecimal digits over the lock and the interpreter that the environment stands on."""
    system = os.uname()
    base = os.path.realpath(base_python)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}" if base == os.path.realpath(sys.executable) else ""
    parts = (hashlib.sha256(lock).hexdigest(), base, version, system.sysname, system.machine)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def lock_of(python: str) -> str | None:
    """The lock that the environment of this interpreter was made from; None where it is not one of ours."""
    mark = Path(python).parent.parent / COMPLETE
    return mark.read_text(encoding="utf-8") if mark.is_file() else None


def conda_prefix(python: str) -> Path | None:
    """Where packages of conda's channels are beside this interpreter; None where it has none, or is not one of ours."""
    folder = Path(python).parent.parent
    prefix = folder / CONDA
    return prefix if (folder / COMPLETE).is_file() and prefix.is_dir() else None


def conda_variables(python: str, path: str) -> dict[str, str]:
    """What finds their programs, before those of `path`; empty where there are none."""
    prefix = conda_prefix(python)
    return {"PATH": f"{prefix / 'bin'}:{path}", "CONDA_PREFIX": str(prefix)} if prefix else {}


def _usable(folder: Path, python: Path) -> bool:
    return (folder / COMPLETE).exists() and python.exists()  # a symlink whose target is gone does not exist


def _make(folder: Path, lock: Path, base_python: str) -> None:
    with locked(home.made(folder.parent) / f"{folder.name}.lock"):
        if _usable(folder, folder / "bin" / "python"):
            return  # another step made it while this one waited
        from modelway.environments import carried, conda, uv  # every step waits for what this module imports

        shutil.rmtree(folder, ignore_errors=True)
        print(f"modelway: installing the environment {folder.name} (first use)", flush=True)
        try:
            uv.make_environment(folder, base_python)
            text = lock.read_text(encoding="utf-8")
            uv.install(folder, lock, links=carried.find_links(text))
            if packages := conda.marked(text):
                conda.install(folder / CONDA, packages)
                _offer(folder)
            os.sync()  # after a power cut the mark may be there without what it stands for
            write_whole(folder / COMPLETE, lock.read_bytes())
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _offer(folder: Path) -> None:
    """Modules of conda's packages are found after those that uv installed: the lock's own decide."""
    for packages in folder.glob("lib/python*/site-packages"):
        there = folder / CONDA / packages.relative_to(folder)
        if there.is_dir():
            (packages / "modelway-conda.pth").write_text(f"{there}\n", encoding="utf-8")
