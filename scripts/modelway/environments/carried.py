"""Wheels that no index has: made of a package on this machine's disk, named in the lock, and carried with the model.

They lie below the cache folder by their sha256. The lock's last lines say which they are:
`# carried: FILE sha256:HEX from ./pkg`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelway.environments import home, uv
from modelway.environments.requirements import HASH, LocalPackage, normalised
from modelway.errors import InvalidInput
from modelway.files import locked, write_whole

MARK = re.compile(r"^# carried: ([\w.+!-]+\.whl) sha256:([0-9a-f]{64})(?: from (.+))?$", re.MULTILINE)
LEFT_OUT = ("build", "dist", "*.egg-info", "__pycache__", ".git", ".venv", "venv", ".tox", "node_modules", ".*_cache")
"""Of a source folder that is in no git checkout; of one that is, what git ignores."""
EARLIEST = "315532800"
"""1980, the first that a zip file can hold: the same sources are the same wheel."""


@dataclass(frozen=True)
class Carried:
    """A wheel. said: how the requirements name the package that it was made of; empty for one found in a --find-links."""

    file: str
    sha256: str
    said: str = ""

    @property
    def name(self) -> str:
        """The package's, normalised."""
        return normalised(self.file.split("-")[0])

    @property
    def version(self) -> str:
        return self.file.split("-")[1]

    @property
    def path(self) -> Path:
        return folder() / self.sha256 / self.file

    @property
    def mark(self) -> str:
        return f"# carried: {self.file} sha256:{self.sha256}" + (f" from {self.said}" if self.said else "")


def marked(lock: str) -> tuple[Carried, ...]:
    """The wheels that the lock says are carried with it."""
    return tuple(Carried(file, sha256, said) for file, sha256, said in MARK.findall(lock))


def find_links(lock: str) -> list[str]:
    """An installer's arguments for the lock's wheels that are here."""
    places = [folder() / sha256 for sha256 in dict.fromkeys(HASH.findall(lock))]
    return [argument for place in places if place.is_dir() for argument in ("--find-links", str(place))]


def here(sha256: str) -> Path | None:
    """The wheel with this hash, checked; None where it is not here."""
    for path in (folder() / sha256).glob("*.whl"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    return None


def keep(file: str, data: bytes, said: str = "") -> Carried:
    wheel = Carried(file, hashlib.sha256(data).hexdigest(), said)
    home.made(wheel.path.parent)
    with locked(wheel.path.parent / "lock"):
        if here(wheel.sha256) is None:
            write_whole(wheel.path, data)
    return wheel


def wheel_of(local: LocalPackage, base_python: str, indexes: Mapping[str, str]) -> Carried:
    """The package as a wheel, made once for the same sources. indexes: uv's variables, for what builds it."""
    if local.hashes and hashlib.sha256(local.path.read_bytes()).hexdigest() not in local.hashes:
        raise InvalidInput(
            f"{local.said} does not have the hash that stands there", where=local.where, fix="correct one"
        )
    if local.path.suffix == ".whl":
        return keep(local.path.name, local.path.read_bytes(), local.said)
    with tempfile.TemporaryDirectory(prefix="modelway-wheel-") as name:
        source = _copied(local.path, Path(name, "source")) if local.path.is_dir() else local.path
        arguments = [
            "build",
            "--wheel",
            "--no-sources",
            "--python",
            base_python,
            "--out-dir",
            f"{name}/made",
        ]
        try:
            uv.run(
                [*arguments, str(source), *uv.wheelhouse_arguments()],
                environ={**indexes, "SOURCE_DATE_EPOCH": EARLIEST, "GIT_OPTIONAL_LOCKS": "0"},
            )
        except InvalidInput as error:
            raise InvalidInput(
                f"{local.said} does not become a wheel: {error.what}",
                where=local.where,
                fix=f"mend it until `python -m pip wheel --no-deps {local.said}` works",
            ) from None
        made = next(Path(name, "made").glob("*.whl"))
        return keep(made.name, made.read_bytes(), local.said)


def _copied(source: Path, target: Path) -> Path:
    """The package's folder without what earlier builds left in it: setuptools takes a deleted module from there. Beside a
    .git of its checkout, since versions are read from it."""
    git = ["git", "-C", str(source)]
    try:
        said = subprocess.run(
            [*git, "rev-parse", "--show-prefix", "--absolute-git-dir"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        listed = subprocess.run(
            [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        listed = b""
    names = os.fsdecode(listed).split("\0")
    if not {"pyproject.toml", "setup.py"} & set(names):  # in no checkout, or git ignores it
        return Path(shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT)))
    copy = home.made(target / said[0])
    (target / ".git").write_text(f"gitdir: {said[1]}\n", encoding="utf-8")
    for name in filter(None, names):
        file = source / name
        if file.is_file():  # neither deleted nor a submodule
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy / name)
    return copy


def folder() -> Path:
    """Where they are kept."""
    return home.cache_folder() / "carried"
