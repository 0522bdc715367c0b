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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelway.environments import carried, conda, home, manifests, store, uv
from modelway.environments import requirements as files
from modelway.errors import InvalidInput, ModelwayError
from modelway.files import write_whole

COMPILE = ("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url")
EDITABLE = re.compile(r"^-e file://(/.+)$", re.MULTILINE)
"""As `uv pip freeze` names a folder that is installed by `pip install -e`."""
REPOSITORY = re.compile(r"^([\w.-]+)(?:\[.*?\])? @ (?:git|hg|svn|bzr)\+", re.MULTILINE)
NOT_THERE = re.compile(r"([\w.-]+) was not found in the package registry")
"""As uv says of a name that no index has."""
NAME = "models"
"""The team's and the models' environments share one name, so that a model is scored where it was trained."""


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


def team_environment(requirements: Path, base_python: str, folder: Path) -> Interpreter:
    """The environment of a requirements file, or of what else declares packages (modelway.environments.manifests), installed
    once per content of it, of what it includes, and of the packages of this machine's disk that it names. folder: the
    project's, from which these are found."""
    manifest = manifests.declared(requirements, _exported) if manifests.is_manifest(requirements) else None
    if manifest:
        folder = requirements.parent
        lines = files.lines_in(manifest.lines, folder)
        base_python = python_of_minor(manifest.python, "the project") if manifest.python else base_python
    else:
        lines = files.lines_of(requirements)
    head = list(dict.fromkeys(filter(None, map(files.index_line, lines))))
    indexes = files.index_variables(head, uv.environment(os.environ), str(requirements))
    local = [files.local_of(line, folder) for line in lines]
    made = [carried.wheel_of(item, base_python, indexes) if item else None for item in local]
    offered = [found for line in lines if (found := files.wheel_folder(line, folder))]
    placed = list(map(_placed, lines, local, made, [folder] * len(lines)))
    said = ["\n".join(placed), *_of_conda(manifest)] if manifest else files.contents(requirements)
    parts = [*said, *(wheel.sha256 for wheel in made if wheel)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    lock = _folder() / f"{store.key_of(digest.encode(), base_python)}.txt"
    try:
        if not lock.exists():
            packages: tuple[conda.CondaPackage, ...] = ()
            if manifest:
                compiled, packages = _of_both(manifest, [line.where for line in lines], placed, base_python)
            elif offered or any(made) or files.is_utf_16(requirements):
                compiled = _compiled("\n".join(placed), base_python)
            else:
                named = str(requirements.absolute())
                compiled = uv.run([*COMPILE, "--python", base_python, named, *uv.wheelhouse_arguments()])
            if repository := REPOSITORY.search(compiled):
                raise InvalidInput(
                    f"{repository[1]} comes from a repository, whose files no hash names",
                    where=str(requirements),
                    fix="check it out into a folder of the project and name that (./folder), or take it from an index",
                )
            _write(lock, _complete(compiled, head, [wheel for wheel in made if wheel], offered, packages))
        python = store.interpreter(lock, base_python, name=NAME)
    except InvalidInput as error:
        raise _concerning(error, lines, requirements) from None
    return describe(python)


def conda_packages(requirements: Path, python: str) -> tuple[conda.CondaPackage, ...]:
    """Those of conda's channels in the environment that was made of these requirements; what they ask for before what that
    needs."""
    packages = conda.marked(store.lock_of(python) or "")
    if not packages:
        return ()
    found = manifests.declared(requirements, _exported)
    names = {spec.name for spec in (*found.programs, *found.plain)}
    return tuple(sorted(packages, key=lambda package: (package.name not in names, package.name)))


def _of_conda(manifest: manifests.Declared) -> list[str]:
    """What decides on packages of conda's channels, as text."""
    return [repr(spec) for spec in (*manifest.programs, *manifest.plain)] + list(manifest.channels)


def _of_both(
    manifest: manifests.Declared, places: Sequence[str], placed: Sequence[str], base_python: str
) -> tuple[str, tuple[conda.CondaPackage, ...]]:
    """The compiled requirements, and what comes from conda's channels: the programs, and each plain name that PyPI has not.
    places: where each of the lines stands."""
    asked, lines = list(manifest.programs), dict[int, str](enumerate(placed))
    lacking: list[str] = []
    while True:
        try:
            compiled = _compiled("\n".join(lines.values()), base_python)
            break
        except InvalidInput as error:
            named = {files.normalised(name) for name in NOT_THERE.findall(error.what)}
            moving = {
                at: spec
                for spec in manifest.plain
                for at in lines
                if places[at] == spec.where and files.normalised(re.split(r"[^\w.-]", lines[at])[0]) in named
            }
            if not moving:
                raise
            for at, spec in moving.items():
                del lines[at]
                asked.append(spec)
                lacking.append(spec.name)
    if not asked:
        return compiled, ()
    version = manifest.python or ".".join(describe(base_python).version.split(".")[:2])
    try:
        return compiled, conda.solved(asked, manifest.channels, version)
    except ModelwayError as error:
        raise (error.as_said(f"PyPI has no {', '.join(lacking)}; {error.what}") if lacking else error) from None


def model_environment(lock_text: str, python_version: str) -> Interpreter:
    """The environment that a model was trained in, from its lock; needs a Python of the same minor version."""
    lock = _folder() / f"{hashlib.sha256(lock_text.encode()).hexdigest()[:32]}.txt"
    if not lock.exists():
        _write(lock, lock_text)
    return describe(store.interpreter(lock, python_of_minor(python_version), name=NAME))


def _concerning(error: InvalidInput, lines: Sequence[files.RequirementLine], requirements: Path) -> InvalidInput:
    """With the line of the requirements that the installer speaks of first, and what else would do."""
    if error.where:
        return error
    named = [
        (re.search(rf"(?i)(?<![\w.-]){name}(?![\w-])", error.what), line) for line in lines if (name := _name_of(line))
    ]
    first = min(((match.start(), line.where) for match, line in named if match), default=(0, str(requirements)))
    fix = error.fix
    if manifests.is_conda(requirements):
        fix += "; a package of conda's may be another one on PyPI, or none: leave out what is not imported"
    fix += "; or make the environment yourself, and name its interpreter by train.python"
    return InvalidInput(error.what, where=first[1], fix=fix)


def _name_of(line: files.RequirementLine) -> str:
    """A pattern of the package's name as the installer writes it; empty for what names none."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", line.text)
    return re.sub(r"[-_.]+", "[-_.]", match[0]) if match else ""


def _exported(folder: Path) -> str:
    return uv.run(
        [
            "export",
            "--frozen",
            "--no-dev",
            "--no-emit-project",
            "--no-header",
            "--no-annotate",
            "--project",
            str(folder),
        ]
    )


def lock_environment(python: Interpreter) -> str:
    """The lock of everything that is installed where `python` runs: direct and transitive, with hashes."""
    if (known := store.lock_of(python.path)) is not None:
        return known
    frozen = uv.run(["pip", "freeze", "--python", python.path])
    made = [_editable(folder, python.path) for folder in EDITABLE.findall(frozen)]
    wheels = iter(made)
    frozen = EDITABLE.sub(lambda _: _pinned_to(next(wheels)), frozen)
    loose = [
        line for line in frozen.splitlines() if "==" not in line and line.strip() and str(carried.folder()) not in line
    ]
    if loose:
        raise InvalidInput(
            f"{loose[0][:120]} comes from no package index, so the model's environment cannot be repeated",
            where=python.path,
            fix="install it from an index, or use train.requirements",
        )
    return _complete(_compiled(frozen, python.path), [], made, [])


def lock_text(requirements: str, python: str) -> str:
    """The hash-locked form of requirements given as text, for the machine and the Python at hand. InvalidInput where they
    name a package of a disk."""
    files.refuse_local([files.RequirementLine(text, "requirements", Path()) for text in requirements.splitlines()])
    return _complete(_compiled(requirements, python), files.index_lines(requirements, "requirements"), [], [])


def _compiled(text: str, python: str) -> str:
    return uv.run([*COMPILE, "--python", python, "-", *uv.wheelhouse_arguments()], input_text=text + "\n")


def _placed(
    line: files.RequirementLine, local: files.LocalPackage | None, wheel: carried.Carried | None, folder: Path
) -> str:
    """The line as uv is given it, in another folder than its own."""
    if local and wheel:
        return _pinned_to(wheel, local.extras) + (f" ; {local.marker}" if local.marker else "")
    offered = files.wheel_folder(line, folder)
    return f"--find-links {offered.as_uri()}" if offered else line.text


def _pinned_to(wheel: carried.Carried, extras: str = "") -> str:
    return f"{wheel.name}{extras} @ {wheel.path.as_uri()}"


def _editable(folder: str, python: str) -> carried.Carried:
    line = files.RequirementLine(f"-e file://{folder}", python, Path(folder))
    local = files.local_of(line, Path(folder))
    assert local is not None
    return replace(carried.wheel_of(local, python, {}), said="")  # no requirements name this machine's folder


def _complete(
    compiled: str,
    head: list[str],
    made: list[carried.Carried],
    offered: list[Path],
    packages: tuple[conda.CondaPackage, ...] = (),
) -> str:
    """The lock: where packages come from, `name==version` with hashes, which wheels are carried with it, and which packages
    are conda's."""
    for wheel in made:
        placed = re.compile(rf"^{re.escape(wheel.name)}(?:\[.*?\])? @ file:\S+", re.MULTILINE)
        compiled = placed.sub(f"{wheel.name}=={wheel.version}", compiled)
    hashes = set(files.HASH.findall(compiled))
    found = [path for folder in offered for path in ([folder] if folder.is_file() else sorted(folder.glob("*.whl")))]
    kept = [
        carried.keep(path.name, data)
        for path in found
        if hashlib.sha256(data := path.read_bytes()).hexdigest() in hashes
    ]
    marks = sorted({wheel.mark for wheel in (*made, *kept) if wheel.sha256 in hashes})
    marks += [package.mark for package in packages]
    return "".join(f"{line}\n" for line in (*head, *compiled.splitlines(), *marks))


def base_python() -> str:
    """The interpreter that environments are made with: the one the launcher found, not the tool's environment."""
    return os.environ.get("MODELWAY_BASE_PYTHON") or sys.executable


def python_of_minor(version: str, whose: str = "the model") -> str:
    """An interpreter of the same minor version as `version`, since wheels are built for one. whose: who needs it."""
    minor = ".".join(version.split(".")[:2])
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        return base_python()
    if found := shutil.which(f"python{minor}"):
        return found
    raise InvalidInput(
        f"{whose} needs Python {minor}, and there is no python{minor} on PATH",
        fix=f"install Python {minor} in this job (actions/setup-python), or train with Python"
        f" {sys.version_info[0]}.{sys.version_info[1]}",
    )


def _folder() -> Path:
    return home.made(home.cache_folder() / "locks")


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode(), shared=True)
