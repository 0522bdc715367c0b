"""A requirements file as pip reads it: what it includes, which indexes it names, and which packages of this machine's disk.

Index lines are kept with the lock, so that the gate and the build look where the training looked; a record holds no secret,
so a password stands there as `${NAME}`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelway.errors import InvalidInput
from modelway.files import UTF_16

INCLUDE = re.compile(r"^(?:-r|--requirement)(?:=|\s+|(?=[^\s=-]))\s*(.+)$")
CONSTRAINT = re.compile(r"^(?:-c|--constraint)(?:=|\s+|(?=[^\s=-]))\s*(.+)$")
EDITABLE = re.compile(r"^(?:-e|--editable)(?:=|\s+|(?=[^\s=-]))\s*(.+)$")
INDEX = re.compile(r"^(-i|--index-url|--extra-index-url|-f|--find-links)(?:=|\s+|(?<=-[if])(?=[^\s=-]))\s*(.+)$")
LONG = {"-i": "--index-url", "-f": "--find-links"}
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""As pip expands it, and uv."""
NAMED = re.compile(r"^[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@\s*(.+)$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz")
USERS = ("oauth2accesstoken", "VssSessionToken", "__token__")
"""Names that say how a keyring is asked: no secrets."""


@dataclass(frozen=True)
class RequirementLine:
    """One logical line, without its comment. where: `file:line`."""

    text: str
    where: str
    folder: Path
    """The file's own."""


@dataclass(frozen=True)
class LocalPackage:
    """A package on this machine's disk: a source folder, a source archive or a wheel. said: as the file names it."""

    path: Path
    extras: str
    marker: str
    said: str
    where: str
    hashes: tuple[str, ...]
    """What the file says of a wheel or an archive; empty where it says none."""


def lines_of(path: Path, *, options_only: bool = False, seen: frozenset[Path] = frozenset()) -> list[RequirementLine]:
    """The lines of the file and of what it includes; of constraints only the options, and the line that names them.
    InvalidInput where one cannot be read."""
    path = Path(os.path.normpath(path.absolute()))
    if path in seen:
        return []
    said = [(text, f"{path}:{number}") for number, text in _joined(_text(path))]
    return lines_in(said, path.parent, options_only=options_only, seen=seen | {path})


def lines_in(
    said: Iterable[tuple[str, str]], folder: Path, *, options_only: bool = False, seen: frozenset[Path] = frozenset()
) -> list[RequirementLine]:
    """The same of lines that stand elsewhere, each with its place. folder: from which files that they include are found."""
    found: list[RequirementLine] = []
    for text, where in said:
        line = RequirementLine(text, where, folder)
        if match := INCLUDE.match(text):
            found += lines_of(folder / _plain(match[1]), options_only=options_only, seen=seen)
        elif match := CONSTRAINT.match(text):
            named = folder / _plain(match[1])
            found += lines_of(named, options_only=True, seen=seen)
            found += [] if options_only else [RequirementLine(f"--constraint {named}", where, folder)]
        elif not options_only or text.startswith("-"):
            found.append(line)
    return found


def contents(path: Path) -> list[str]:
    """The texts of the file and of all that it includes."""
    return list(_contents(path, {}).values())


def index_line(line: RequirementLine) -> str:
    """`--index-url ADDRESS` and its like, as the lock keeps them; empty for any other line, and for a folder of this
    machine. InvalidInput where a secret stands in it."""
    if line.text == "--no-index":
        return line.text
    match = INDEX.match(line.text)
    if not match or "://" not in match[2] or match[2].startswith("file:"):
        return ""
    address = _plain(match[2])
    if holds_secret(address):
        raise InvalidInput(
            "an address with a password would be kept with every model",
            where=line.where,
            fix=f"write {_without_secret(address)} and set these environment variables in train, gate and build",
        )
    return f"{LONG.get(match[1], match[1])} {address}"


def wheel_folder(line: RequirementLine, folder: Path) -> Path | None:
    """The folder of this machine that a --find-links names."""
    match = INDEX.match(line.text)
    if not match or match[1] not in ("-f", "--find-links"):
        return None
    named = _plain(match[2])
    if "://" in named and not named.startswith("file:"):
        return None
    return _path(named, line, folder)


def local_of(line: RequirementLine, folder: Path, environ: Mapping[str, str] = os.environ) -> LocalPackage | None:
    """The package that the line names on this machine's disk, below `folder` as for pip, or below the file's own; None for
    every other line. InvalidInput where there is no such package."""
    found = _reference(line.text)
    if not found:
        return None
    said, extras, marker = found
    path = _path(VARIABLE.sub(lambda match: environ.get(match[1], match[0]), said), line, folder)
    if path.is_dir() and not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise InvalidInput(
            f"{said} has neither pyproject.toml nor setup.py", where=line.where, fix="name the folder that has one"
        )
    if path.is_file() and not path.name.endswith(ARCHIVES):
        kinds = ", ".join(ARCHIVES)
        raise InvalidInput(f"{said} is no package", where=line.where, fix=f"name a folder, or a file of {kinds}")
    return LocalPackage(path, extras, marker, said, line.where, tuple(HASH.findall(line.text)))


def said_of(line: RequirementLine) -> str:
    """How the line names a package on a disk, whether it is there or not; empty for every other line."""
    found = _reference(line.text)
    return found[0] if found else ""


def refuse_local(lines: Sequence[RequirementLine]) -> None:
    """InvalidInput where one names a package of a disk that nobody has any more."""
    for line in lines:
        if said := said_of(line):
            raise InvalidInput(
                f"the model's requirements name {said}, which is not kept with it",
                where=line.where,
                fix="name it in train.requirements as it is named there, and train the model again",
            )


def index_lines(text: str, where: str = "") -> list[str]:
    """Those of a lock, or of requirements given as text; see `index_line`."""
    lines = [RequirementLine(said, f"{where}:{number}", Path()) for number, said in _joined(text)]
    return list(dict.fromkeys(filter(None, map(index_line, lines))))


def index_variables(lines: list[str], environ: Mapping[str, str], where: str) -> dict[str, str]:
    """uv's variables for what the lines say, with every `${NAME}` in its place. environ: what the installer may see.
    InvalidInput where a name is not set there."""
    values: dict[str, list[str]] = {}
    for line in lines:
        match = INDEX.match(line)
        for name in VARIABLE.findall(line):
            if name not in environ:
                raise InvalidInput(
                    f"the requirements name a package index with ${{{name}}}, which is not set here",
                    where=where,
                    fix=f"set {name} as an environment variable of this job, as in the training's (a name that begins with"
                    " PIP_, UV_, CONDA_ or PYTHON does not reach the installer: choose another)",
                )
        if match:
            text = VARIABLE.sub(lambda found: environ[found[1]], match[2])
            values.setdefault(LONG.get(match[1], match[1]), []).append(text)
    joined = {
        "--index-url": ("UV_DEFAULT_INDEX", " "),
        "--extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
        "--find-links": ("UV_FIND_LINKS", ","),
    }
    return {joined[option][0]: joined[option][1].join(found) for option, found in values.items()}


def _reference(text: str) -> tuple[str, str, str] | None:
    """The path, the extras and the marker of a line that names a package on a disk."""
    editable = EDITABLE.match(text)
    if text.startswith("-") and not editable:
        return None
    text = re.split(r"\s--?[a-z]", editable[1] if editable else text)[0]
    text, _, marker = (part.strip() for part in text.partition(";"))
    named = NAMED.match(text)
    said, extras = _plain(named[2] if named else text), (named[1] or "") if named else ""
    if not named and (bracket := re.search(r"\[[\w\s,.-]+\]$", said)):
        said, extras = said[: bracket.start()], bracket[0]
    elsewhere = ("://" in said and not said.startswith("file:")) or re.match(r"(git|hg|svn|bzr)\+", said)
    shaped = said.startswith(("file:", ".", "~")) or "/" in said or said.endswith(ARCHIVES)
    return None if elsewhere or not (editable or shaped) else (said, extras, marker)


def normalised(name: str) -> str:
    """A package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def holds_secret(address: str) -> bool:
    """Whether a password or a token stands in it, and not a `${NAME}` in its place."""
    parts = urlsplit(address)
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    secret = password if colon else "" if user in USERS else user
    return bool(VARIABLE.sub("", secret)) or bool(VARIABLE.sub("", parts.query).strip("=&"))


def _without_secret(address: str) -> str:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://${{INDEX_USER}}:${{INDEX_PASSWORD}}@{host}{parts.path}"


def _joined(text: str) -> list[tuple[int, str]]:
    """Number of the first line, and the text, of each logical line that says something."""
    found, begun, number = [], "", 0
    for at, line in enumerate(text.splitlines(), 1):
        number = number if begun else at
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            begun += line[:-1]
            continue
        said = re.sub(r"(^|\s)#.*$", "", begun + line).strip()
        begun = ""
        if said:
            found.append((number, said))
    return [*found, (number, begun.strip())] if begun.strip() else found


def _contents(path: Path, seen: dict[Path, str]) -> dict[Path, str]:
    path = Path(os.path.normpath(path.absolute()))
    if path not in seen:
        seen[path] = _text(path)
        for _, text in _joined(seen[path]):
            if match := INCLUDE.match(text) or CONSTRAINT.match(text):
                _contents(path.parent / _plain(match[1]), seen)
    return seen


def is_utf_16(path: Path) -> bool:
    """As PowerShell writes what `pip freeze >` says. The installer does not read it; pip does."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) in UTF_16
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-16" if is_utf_16(path) else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(f"cannot be read: {reason}", where=str(path), fix="name a requirements file") from None


def _plain(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _path(said: str, line: RequirementLine, folder: Path) -> Path:
    """Where it is: below the project's folder, as pip finds it, else below the file's own."""
    name, _, fragment = said.partition("#")
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").removeprefix("//localhost").removeprefix("//"))
    inner = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    for base in (folder, line.folder):
        path = Path(os.path.normpath(base / Path(name).expanduser() / (inner[1] if inner else "")))
        if path.exists():
            return path
    raise InvalidInput(
        f"there is no {said}", where=line.where, fix=f"name it as it is found from {folder}, the project's folder"
    )
