"""A repository as it is: what declares its packages, what trains, which files hold data, what runs in a cluster."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelway.adoption.code import DATA, LOGS, data_named

SKIPPED = {
    "node_modules",
    "__pycache__",
    "venv",
    "env",
    "site-packages",
    "mlruns",
    "mlartifacts",
    "build",
    "dist",
    "out",
    "tests",
    "test",
}
"""Folders that hold nothing of what is looked for; those that begin with a dot are left out too."""
NAME_ALONE = "its name"
"""Why a script is taken for a training."""
MOST_FILES = 20_000
LARGEST_TEXT, LARGEST_NOTEBOOK = 2 << 20, 100 << 20
"""Bytes of a script or manifest that is read, and of a notebook, which holds its pictures."""
PACKAGES = (
    "uv.lock",
    "poetry.lock",
    "requirements.txt",
    "requirements/train.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
    "pyproject.toml",
    "environment.yml",
    "environment.yaml",
    "conda.yaml",
    "conda.yml",
    "python_env.yaml",
)
"""The first that is there is taken: a lock before what it was made of."""
TRAINS = r"\blog_model\(|\.fit\("
BY_NAME = re.compile(r"(?:^|[_-])(?:train|training|fit)(?:er|ing)?(?:[_-]|$)")
HELD_OUT = re.compile(r"(?:^|[_-])(?:test|testing|holdout|held_out|valid|validation|val|eval)(?:[_-]|$)")
PREDICTED = re.compile(r"(?i)prediction|submission")
IN_TRAINING = re.compile(r"(?:^|[_-])(?:train|training)(?:[_-]|$)")


@dataclass(frozen=True)
class FoundTraining:
    """A way to train. command: for bash, in the project's folder. file: where its code is; empty where that is not known."""

    command: str
    file: str
    why: str


@dataclass(frozen=True)
class FoundDeployment:
    """A Deployment of Kubernetes among the manifests."""

    name: str
    namespace: str
    file: str


@dataclass(frozen=True)
class TeamRepository:
    folder: Path
    files: tuple[str, ...]
    """Below the folder, with slashes, sorted."""

    def text(self, name: str) -> str:
        """Empty where it is too large, or no text."""
        path, most = self.folder / name, LARGEST_NOTEBOOK if name.endswith(".ipynb") else LARGEST_TEXT
        try:
            return path.read_text(encoding="utf-8") if path.stat().st_size <= most else ""
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def packages(self) -> str | None:
        return next((name for name in PACKAGES if name in self.files and self._declares(name)), None)

    def _declares(self, name: str) -> bool:
        if name != "pyproject.toml":
            return True
        return bool(re.search(r"(?m)^(dependencies\s*=|\[tool\.poetry\.dependencies\])", self.text(name)))

    def trainings(self) -> tuple[FoundTraining, ...]:
        """The likeliest first: what says how it is run, then scripts by their name and content, then notebooks."""
        found = [*self._of_mlproject(), *self._of_dvc(), *self._scripts()]
        return tuple(found or self._notebooks())

    def data(self) -> tuple[str, ...]:
        """What a model once predicted is none: it is made of rows that are elsewhere."""
        return tuple(name for name in self.files if name.endswith(DATA) and not PREDICTED.search(name))

    @property
    def configured(self) -> tuple[str, str] | None:
        """What a modelway.yml names already as the data of training and test."""
        said = _yaml(self.text("modelway.yml")).get("data") if "modelway.yml" in self.files else None
        if not isinstance(said, dict) or not said.get("train") or not said.get("test"):
            return None
        return str(said["train"]), str(said["test"])

    def train_and_test(self, code: str = "") -> tuple[str | None, str | None]:
        """The only one whose name says so, that the code reads, or that is left; and the one beside it. None where that is not
        clear."""
        data = self.data()
        read = {Path(name).name for name in data_named(code)}
        held_out = [name for name in data if HELD_OUT.search(_stem(name))]
        training = [name for name in data if IN_TRAINING.search(_stem(name))]
        rest = [name for name in data if name not in held_out]
        train = _single(training) or _single([name for name in rest if Path(name).name in read]) or _single(rest)
        beside = [name for name in held_out if train and Path(name).parent == Path(train).parent]
        named_test = [name for name in beside if re.search(r"(?:^|[_-])(?:test|holdout)", _stem(name))]
        return train, _single(beside) or _single(named_test) or _single(held_out)

    def deployments(self) -> tuple[FoundDeployment, ...]:
        found = list[FoundDeployment]()
        for name in self.files:
            if not name.endswith((".yml", ".yaml")) or "kind: Deployment" not in (text := self.text(name)):
                continue
            try:
                documents = [each for each in yaml.safe_load_all(text) if isinstance(each, dict)]
            except yaml.YAMLError:
                continue  # a template of Helm's or another one's: what it becomes is not known here
            for document in documents:
                meta = document.get("metadata")
                if document.get("kind") == "Deployment" and isinstance(meta, dict) and meta.get("name"):
                    found.append(FoundDeployment(str(meta["name"]), str(meta.get("namespace", "")), name))
        return tuple(found)

    def _of_mlproject(self) -> Iterator[FoundTraining]:
        said = _yaml(self.text("MLproject")) if "MLproject" in self.files else {}
        entries = said.get("entry_points")
        points = {name: point for name, point in (entries or {}).items() if isinstance(point, dict)}
        for name in sorted(points, key=lambda point: ("train" not in point, point != "main")):
            point = points[name]
            command = _filled(str(point.get("command", "")), point.get("parameters"))
            if command and "{" not in command:
                yield FoundTraining(command, _script_in(command), f"MLproject's entry point {name}")

    def _of_dvc(self) -> Iterator[FoundTraining]:
        said = _yaml(self.text("dvc.yaml")) if "dvc.yaml" in self.files else {}
        stages = said.get("stages")
        for name, stage in stages.items() if isinstance(stages, dict) else ():
            if "train" in str(name) and isinstance(stage, dict) and "cmd" in stage:
                asked = stage["cmd"]
                command = " && ".join(map(str, asked)) if isinstance(asked, list) else str(asked)
                if "${" not in command:
                    yield FoundTraining(command, _script_in(command), f"the stage {name} of dvc.yaml")

    def _scripts(self) -> Iterator[FoundTraining]:
        scripts = [name for name in self.files if name.endswith(".py")]
        logs = {name for name in scripts if LOGS.search(self.text(name))}
        fits = {name for name in scripts if ".fit(" in self.text(name)}
        named = [name for name in scripts if BY_NAME.search(_stem(name)) and (name in logs | fits)]
        likely = (
            named
            or sorted(logs)
            or [name for name in sorted(fits) if _stem(name) in ("main", "run", "model", "pipeline")]
        )
        for name in sorted(likely, key=lambda script: (script not in logs, script.count("/"), script)):
            why = NAME_ALONE if name in named else "it logs a model"
            yield FoundTraining(self._command(name), name, why)

    def _command(self, script: str) -> str:
        """A module of a package is run as one, so that its own imports are found; so is one that imports its own folder."""
        parts = script.removesuffix(".py").split("/")
        if len(parts) > 1 and re.search(rf"(?m)^\s*(?:from|import) {re.escape(parts[0])}\b", self.text(script)):
            return f"python -m {'.'.join(parts)}"
        inside = parts[1:] if parts[0] == "src" else parts
        folder = "/".join(parts[:-1])
        if len(inside) > 1 and f"{folder}/__init__.py" in self.files:
            before = "PYTHONPATH=src " if parts[0] == "src" and not self._is_package else ""
            return f"{before}python -m {'.'.join(inside)}"
        return f"python {script}"

    @property
    def _is_package(self) -> bool:
        return "[build-system]" in self.text("pyproject.toml")

    def _notebooks(self) -> list[FoundTraining]:
        found = list[FoundTraining]()
        for name in self.files:
            trains = name.endswith(".ipynb") and (BY_NAME.search(_stem(name)) or re.search(TRAINS, self.text(name)))
            if trains:  # by the environment's own kernel: that of the notebook is one of its author's machine
                out = shlex.quote(f"{_stem(name)}.out.ipynb")
                command = f"papermill -k python3 {shlex.quote(name)} {out} --no-progress-bar"
                found.append(FoundTraining(command, name, "a notebook that trains, run by papermill"))
        return found


def look(folder: Path) -> TeamRepository:
    """At most 20,000 files, none in folders that a dot begins or that hold what was installed."""
    found = list[str]()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        below = Path(place).relative_to(folder).as_posix()
        found += [name if below == "." else f"{below}/{name}" for name in sorted(names)]
        if len(found) > MOST_FILES:
            break
    return TeamRepository(folder, tuple(sorted(found[:MOST_FILES])))


def code_of(repository: TeamRepository, training: FoundTraining) -> str:
    """What trains, as Python; of a notebook its cells."""
    text = repository.text(training.file) if training.file else ""
    if not training.file.endswith(".ipynb"):
        return text
    try:
        cells: Sequence[Mapping[str, Any]] = json.loads(text)["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    except (ValueError, KeyError, TypeError):
        return ""


def _script_in(command: str) -> str:
    match = re.search(r"[\w./-]+\.(?:py|ipynb)", command)
    return match[0].removeprefix("./") if match else ""


def _filled(command: str, parameters: object) -> str:
    """With the default of each parameter in its place; one that has none stays as it is."""
    known = parameters if isinstance(parameters, dict) else {}
    defaults = {name: said["default"] for name, said in known.items() if isinstance(said, dict) and "default" in said}
    return re.sub(r"\{(\w+)\}", lambda match: str(defaults.get(match[1], match[0])), command)


def _yaml(text: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return said if isinstance(said, dict) else {}


def _stem(name: str) -> str:
    return Path(name).stem.lower()


def _single(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
