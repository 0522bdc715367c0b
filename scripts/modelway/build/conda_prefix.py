"""Packages of conda's channels in an environment layer: a prefix of conda's beside the environment's packages."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from modelway.build.entries import LayerFile
from modelway.build.names import CONDA, ENVIRONMENT
from modelway.build.relocation import PLACEHOLDER
from modelway.environments import conda, home

LEFT_OUT = ("conda-meta", "pkgs", "CACHEDIR.TAG")
"""What only an installer looks into; it names this machine's folders."""
MODULES = "modelway-conda.pth"


@contextlib.contextmanager
def prefix_entries(lock: str, python: str, placed: bool) -> Iterator[list[LayerFile]]:
    """The files of the lock's packages of conda's channels, and what lets their modules be found after the environment's
    own. Links are copies of what they name. python: the minor version. placed: whether they will lie below /CONDA, as in an
    image."""
    packages = conda.marked(lock)
    if not packages:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="conda-", dir=home.made(home.cache_folder())) as name:
        prefix = Path(name, "prefix")
        conda.install(prefix, packages, f"/{CONDA}" if placed else PLACEHOLDER)
        files = {f"{CONDA}/{path}": file for path, file in _files(prefix)}
        found = [_entry(path, file) for path, file in files.items()]
        modules = f"lib/python{python}/site-packages"
        if (prefix / modules).is_dir():
            text = f"../{Path(CONDA).name}/{modules}\n".encode()
            found.append(LayerFile(f"{ENVIRONMENT}/{MODULES}", len(text), False, partial(io.BytesIO, text)))
        yield found


def _files(prefix: Path) -> Iterator[tuple[str, Path]]:
    """Each file by its path in the prefix. A linked folder is walked too, but not below itself."""
    inside = prefix.resolve()
    for folder, folders, files in os.walk(prefix, followlinks=True):
        here = Path(folder)
        if here == prefix:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        folders[:] = [name for name in folders if _leads_on(here / name, inside)]
        for name in files:
            path = here / name
            if path.is_file() and path.resolve().is_relative_to(inside) and not (here == prefix and name in LEFT_OUT):
                yield path.relative_to(prefix).as_posix(), path


def _leads_on(folder: Path, inside: Path) -> bool:
    if not folder.is_symlink():
        return True
    target = folder.resolve()
    return target.is_relative_to(inside) and not folder.parent.resolve().is_relative_to(target)


def _entry(path: str, file: Path) -> LayerFile:
    said = file.stat()
    return LayerFile(path, said.st_size, bool(said.st_mode & 0o100), lambda: file.open("rb"))
