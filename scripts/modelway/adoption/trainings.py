"""How a repository trains: what says how it is run, then scripts by their name and content, then notebooks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from modelway.adoption.code import LOGS, SCRIPT, does_nothing, imported, parsed
from modelway.adoption.repository import TeamRepository, said_in, stem_of

NAME_ALONE = "its name"
"""Why a script is taken for a training."""
TRAINS = r"\blog_model\(|\.fit\("
BY_NAME = re.compile(r"(?:^|[_-])(?:train|training|fit)(?:er|ing)?(?:[_-]|$)")
MAIN = ("main", "run", "__main__", "cli", "pipeline", "model")
"""Stems of scripts that may train though their name does not say so."""
MOST_FILES = 50
"""Of the repository's own modules that a training imports."""


@dataclass(frozen=True)
class FoundTraining:
    """A way to train. command: for bash, in the project's folder. file: where its code is; empty where that is not known."""

    command: str
    file: str
    why: str


@dataclass(frozen=True)
class TrainingCode:
    """The Python that trains, by its file: first what is run, then what it imports of the repository's own."""

    files: Mapping[str, str]

    @property
    def text(self) -> str:
        """Of all of them; without a module that is no Python of today, which would hide what the others say."""
        others = [code for code in list(self.files.values())[1:] if parsed(code) is not None]
        return "\n".join([self.run, *others])

    @property
    def run(self) -> str:
        return next(iter(self.files.values()), "")

    def file_with(self, pattern: str) -> str:
        """The first in which a regular expression finds something; empty: none."""
        return self.file_that(lambda code: re.search(pattern, code))

    def file_that(self, shows: Callable[[str], object]) -> str:
        """The first whose code shows something; empty: none."""
        return next((name for name, code in self.files.items() if shows(code)), "")


def trainings(repository: TeamRepository) -> tuple[FoundTraining, ...]:
    """The likeliest first."""
    found = [*_of_mlproject(repository), *_of_dvc(repository), *_scripts(repository)]
    return tuple(found or _notebooks(repository) or _scripts(repository, whatever_fits=True))


def named(repository: TeamRepository, command: str) -> FoundTraining:
    """What a person names."""
    known = next((item for item in trainings(repository) if item.command == command), None)
    return known or FoundTraining(command, _script_in(repository, command), "named")


def code_of(repository: TeamRepository, training: FoundTraining) -> TrainingCode:
    """Nearest first, at most 50 files."""
    files, wanted = dict[str, str](), [training.file] if training.file else []
    while wanted and len(files) < MOST_FILES:
        file = wanted.pop(0)
        files[file] = repository.code(file)
        wanted += [name for name in repository.imports(file) if name not in files and name not in wanted]
    return TrainingCode(files)


def asked_for(repository: TeamRepository) -> tuple[str, str] | None:
    """The first parameter of MLproject that has no default, and the command that asks for it."""
    found = ((re.search(r"\{(\w+)\}", command), command) for _, command in _entries(repository))
    return next(((match[1], command) for match, command in found if match), None)


def _of_mlproject(repository: TeamRepository) -> Iterator[FoundTraining]:
    for name, command in _entries(repository):
        if "{" not in command:
            yield FoundTraining(command, _script_in(repository, command), f"MLproject's entry point {name}")


def _entries(repository: TeamRepository) -> Iterator[tuple[str, str]]:
    """Of MLproject: what trains by its name first, each with its command."""
    said = said_in(repository.text("MLproject")) if "MLproject" in repository.files else {}
    entries = said.get("entry_points")
    points = {name: point for name, point in (entries or {}).items() if isinstance(point, dict)}
    for name in sorted(points, key=lambda point: ("train" not in point, point != "main")):
        if command := _filled(str(points[name].get("command", "")), points[name].get("parameters")):
            yield name, command


def _of_dvc(repository: TeamRepository) -> Iterator[FoundTraining]:
    said = said_in(repository.text("dvc.yaml")) if "dvc.yaml" in repository.files else {}
    stages = said.get("stages")
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        if "train" in str(name) and isinstance(stage, dict) and "cmd" in stage:
            asked = stage["cmd"]
            command = " && ".join(map(str, asked)) if isinstance(asked, list) else str(asked)
            if "${" not in command:
                yield FoundTraining(command, _script_in(repository, command), f"the stage {name} of dvc.yaml")


def _scripts(repository: TeamRepository, *, whatever_fits: bool = False) -> Iterator[FoundTraining]:
    codes = {name: repository.text(name) for name in repository.files if name.endswith(".py")}
    logs = {name for name, code in codes.items() if LOGS.search(code)}
    fits = {name for name, code in codes.items() if ".fit(" in code}
    by_name = [name for name in codes if BY_NAME.search(stem_of(name)) and name in logs | fits]
    others = (name for name in sorted(fits) if stem_of(name) in MAIN or (whatever_fits and "test" not in name.lower()))
    likely = by_name or sorted(logs) or list(others)
    told = set[str]()
    for name in sorted(likely, key=lambda script: (script not in logs, script.count("/"), script)):
        caller = _caller(repository, codes, name) if does_nothing(codes[name]) else None
        does = f"{'logs' if name in logs else 'fits'} a model"
        file, why = name, NAME_ALONE if name in by_name else f"it {does}"
        if caller:
            file, why = caller, f"it calls {name}, which {does}"
        if file not in told:
            told.add(file)
            yield FoundTraining(_command(repository, file), file, why)


def _caller(repository: TeamRepository, codes: Mapping[str, str], name: str) -> str | None:
    """The script that does something when it is run, and imports this one, or what imports it; None where none or several
    could be meant."""
    found = set[str]()
    seen, wanted = {name}, [name]
    while wanted:
        one = wanted.pop()
        path = PurePosixPath(one)
        word = path.parent.name if path.stem == "__init__" else path.stem
        for file, code in codes.items():
            if word in code and file not in seen and one in repository.imports(file):
                seen.add(file)
                if PurePosixPath(file).stem == "__init__" or does_nothing(code):
                    wanted.append(file)
                else:
                    found.add(file)
    for kept in (found, {file for file in found if BY_NAME.search(stem_of(file)) or _is_main(file)}):
        if len(kept) == 1:
            return kept.pop()
    return None


def _is_main(file: str) -> bool:
    """Such as main.py and run_pipeline.py."""
    return any(part in MAIN for part in (stem_of(file), *re.split("[_-]", stem_of(file))))


def _command(repository: TeamRepository, script: str) -> str:
    """A module of a package is run as one, so that its own imports are found; so is one that imports its own folder."""
    parts = script.removesuffix(".py").split("/")
    if len(parts) > 1 and re.search(rf"(?m)^\s*(?:from|import) {re.escape(parts[0])}\b", repository.text(script)):
        return f"python -m {'.'.join(parts)}"
    if any(
        repository.module(name, script) and not repository.module(name) for name in _absolute(repository.text(script))
    ):
        return f"python {script}"  # what lies beside it is found where it is run as a file
    inside = parts[1:] if parts[0] == "src" else parts
    if len(inside) > 1 and f"{PurePosixPath(script).parent}/__init__.py" in repository.files:
        is_package = "[build-system]" in repository.text("pyproject.toml")
        before = "PYTHONPATH=src " if parts[0] == "src" and not is_package else ""
        return f"{before}python -m {'.'.join(inside)}"
    return f"python {script}"


def _absolute(code: str) -> Iterator[str]:
    return (name for name in imported(code) if not name.startswith("."))


def _notebooks(repository: TeamRepository) -> Sequence[FoundTraining]:
    found = list[FoundTraining]()
    for name in repository.files:
        trains = name.endswith(".ipynb") and (BY_NAME.search(stem_of(name)) or re.search(TRAINS, repository.text(name)))
        if trains:  # by the environment's own kernel: that of the notebook is one of its author's machine
            out = shlex.quote(f"{stem_of(name)}.out.ipynb")
            command = f"papermill -k python3 {shlex.quote(name)} {out} --no-progress-bar"
            found.append(FoundTraining(command, name, "a notebook that trains, run by papermill"))
    return found


def _script_in(repository: TeamRepository, command: str) -> str:
    """The file that a command runs, also as `python -m package.module`; empty where that is not clear."""
    if match := SCRIPT.search(command):
        return match[0].removeprefix("./")
    match = re.search(r"\s-m\s+([\w.]+)", command)
    return (match and (repository.module(f"{match[1]}.__main__") or repository.module(match[1]))) or ""


def _filled(command: str, parameters: object) -> str:
    """With the default of each parameter in its place; one that has none stays as it is."""
    known = parameters if isinstance(parameters, dict) else {}
    defaults = {name: said["default"] for name, said in known.items() if isinstance(said, dict) and "default" in said}
    return re.sub(r"\{(\w+)\}", lambda match: str(defaults.get(match[1], match[0])), command)
