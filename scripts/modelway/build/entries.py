"""What goes into the layers: of wheels what runs, the server, and the model without its example.

The environment is made from the wheels themselves and by no installer, which would add files that differ (INSTALLER, RECORD,
scripts' first lines, bytecode with times).
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from modelway.build.names import ENVIRONMENT, MODEL, SERVER
from modelway.build.wheels import Wheel
from modelway.errors import InvalidInput

LIBRARY = Path(__file__).parents[1]
LEFT_OUT = ("scripts", "headers")
"""Schemes of a wheel that a model server has no use for; scripts name an interpreter in their first line."""
EXAMPLES = ("input_example.json", "serving_input_example.json")
"""MLflow's names, in the model's own folder."""
TESTS = "tests"
IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t(]+([^#\n]*)|import[ \t]+([^#\n]+))", re.MULTILINE
)


@dataclass(frozen=True)
class LayerFile:
    """One file of a layer. path: below the image's root, with `/` between its parts."""

    path: str
    size: int
    executable: bool
    open: Callable[[], contextlib.AbstractContextManager[IO[bytes]]]


@contextlib.contextmanager
def environment_entries(wheels: Sequence[Wheel], warn: Callable[[str], None]) -> Iterator[list[LayerFile]]:
    """What installing the wheels into one folder would give, without scripts, bytecode and tests, sorted by path. A file that
    two wheels have with the same content stands there once; with different content that of the first by name, and `warn` is
    told."""
    with contextlib.ExitStack() as stack:
        archives = [(wheel, stack.enter_context(zipfile.ZipFile(wheel.path))) for wheel in wheels]
        chosen: dict[str, _Member] = {}
        for wheel, archive in archives:
            for member in archive.infolist():
                path = installed_path(member.filename, wheel.path.name)
                if member.is_dir() or path is None:
                    continue
                if path in chosen:
                    other, its_archive, its_member = chosen[path]
                    if its_archive.read(its_member) != archive.read(member):
                        warn(f"{path} is in {other.name} and in {wheel.name}, and differs: {other.name}'s is taken")
                    continue
                chosen[path] = (wheel, archive, member)
        out = unused_tests({path: _reader(archive, member) for path, (_, archive, member) in chosen.items()})
        yield [
            LayerFile(
                f"{ENVIRONMENT}/{path}",
                member.file_size,
                bool(member.external_attr >> 16 & 0o100),
                _opener(archive, member),
            )
            for path, (_, archive, member) in sorted(chosen.items())
            if path not in out
        ]


_Member = tuple[Wheel, zipfile.ZipFile, zipfile.ZipInfo]


def unused_tests(files: Mapping[str, Callable[[], bytes]]) -> set[str]:
    """The files in folders named tests that no module outside of them imports: a seventh of a scientific environment."""
    folders = {folder for path in files if (folder := _tests_folder(path))}
    wanted: set[str] = set()
    for path, read in files.items():
        if path.endswith(".py") and not _tests_folder(path) and not path.endswith("conftest.py"):
            data = read()
            if TESTS.encode() in data:
                wanted |= {name.replace(".", "/") for name in imported(data, path)}
    kept = {folder for folder in folders if any(name == folder or name.startswith(f"{folder}/") for name in wanted)}
    return {path for path in files if (folder := _tests_folder(path)) and folder not in kept}


def _tests_folder(path: str) -> str:
    """The outermost folder named tests that the file is in; empty where it is in none."""
    parts = path.split("/")[:-1]
    return "/".join(parts[: parts.index(TESTS) + 1]) if TESTS in parts else ""


def imported(source: bytes, path: str) -> Iterator[str]:
    """The modules, and the names from modules, that a module's import statements name, in absolute terms."""
    package = path.split("/")[:-1]
    for found in IMPORT.finditer(source):
        start, names, plain = ((part or b"").decode("utf-8", "replace") for part in found.groups())
        if plain:
            yield from (item.split()[0] for item in plain.split(",") if item.strip())
            continue
        level = len(start) - len(start.lstrip("."))
        above = package[: len(package) - level + 1] if level else []
        base = ".".join([*above, *filter(None, [start.lstrip(".")])])
        yield base
        yield from (f"{base}.{item.split()[0]}" for item in names.strip(" ()").split(",") if item.strip(" ()"))


def installed_path(name: str, wheel: str) -> str | None:
    """Where a member of a wheel lies in a folder of packages; None where it is left out. InvalidInput where it would lie
    outside."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts:
        raise InvalidInput(f"holds the path {name[:120]!r}", where=wheel, fix="use another version of this package")
    if parts[0].endswith(".data") and len(parts) > 2:
        if parts[1] in LEFT_OUT:
            return None
        parts = parts[2:]
    if parts[-1].endswith(".pyc") or "__pycache__" in parts:
        return None
    return "/".join(parts)


def server_entries(library: Path = LIBRARY) -> Iterator[LayerFile]:
    """The model server: the package modelway.serving alone."""
    files = [library / "__init__.py", *(library / "serving").rglob("*.py")]
    named = {f"{SERVER}/modelway/{file.relative_to(library).as_posix()}": file for file in files}
    yield from (of_file(path, file) for path, file in sorted(named.items()))


def model_entries(folder: Path, files: Iterable[str], beside: Mapping[str, bytes]) -> Iterator[LayerFile]:
    """The model's files as they are stored, without its example, which is rows of the training data; and what lies beside
    them, by its path."""
    made = [of_file(f"{MODEL}/{name}", folder / name) for name in files if name not in EXAMPLES]
    made += [LayerFile(path, len(data), False, partial(io.BytesIO, data)) for path, data in beside.items()]
    yield from sorted(made, key=lambda entry: entry.path)


def of_file(path: str, file: Path) -> LayerFile:
    return LayerFile(path, file.stat().st_size, False, lambda: file.open("rb"))


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: archive.read(member)


def _opener(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Callable[[], contextlib.AbstractContextManager[IO[bytes]]]:
    return lambda: archive.open(member)
