"""A repository as it is: what declares its packages, which files hold data, which import which, what runs in a cluster."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from modelway.adoption.code import DATA, data_named, imported
from modelway.files import UTF_16

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
MOST_FILES = 20_000
MOST_SETTINGS = 50
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
HELD_OUT = re.compile(r"(?:^|[_-])(?:test|testing|holdout|held_out|valid|validation|val|eval)(?:[_-]|$)")
APART = re.compile(r"[xy]_(?:train|test|val|valid)")
"""Such as X_train.csv and y_train.csv: the label apart, of rows that another file has whole."""
PREDICTED = re.compile(r"(?i)prediction|submission")
IN_TRAINING = re.compile(r"(?:^|[_-])(?:train|training)(?:[_-]|$)")


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
            data = path.read_bytes() if path.stat().st_size <= most else b""
            return data.decode("utf-16" if data.startswith(UTF_16) else "utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def packages(self) -> str | None:
        """Above all in the folder itself; else the only file below that says it."""
        if own := next((name for name in PACKAGES if name in self.files and self._declares(name)), None):
            return own
        return _single([name for name in self.files if Path(name).name in PACKAGES and self._declares(name)])

    def _declares(self, name: str) -> bool:
        """Not a project that was begun and never said what it needs, or the lock of one."""
        if name.endswith(".lock"):
            return self.text(name).count("[[package]]") > 1
        if not name.endswith("pyproject.toml"):
            return True
        text = self.text(name)
        return bool(re.search(r"(?m)^(dependencies\s*=\s*\[\s*[^\s\]]|\[tool\.poetry\.dependencies\])", text))

    def data(self) -> tuple[str, ...]:
        """What a model once predicted is none: it is made of rows that are elsewhere."""
        return tuple(name for name in self.files if name.endswith(DATA) and not PREDICTED.search(name))

    @property
    def configured(self) -> tuple[str, str] | None:
        """What a modelway.yml names already as the data of training and test."""
        train, test = self.said("data", "train"), self.said("data", "test")
        return (train, test) if train and test else None

    def said(self, *key: str) -> str:
        """What a modelway.yml that is there says; empty where it does not."""
        value: Any = said_in(self.text("modelway.yml"))
        for part in key:
            value = value.get(part) if isinstance(value, dict) else None
        return str(value or "")

    @property
    def name(self) -> str:
        """Of the project, as pyproject.toml has it; empty where it does not say."""
        try:
            said = tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError:
            return ""
        project = said.get("project") or said.get("tool", {}).get("poetry") or {}
        return str(project.get("name", ""))

    def train_and_test(self, code: str = "") -> tuple[str | None, str | None]:
        """The only one whose name says so, that the code reads, or that is left; and the one beside it. None where that is not
        clear."""
        data = [name for name in self.data() if not APART.match(stem_of(name))] or self.data()
        read = {Path(name).name for name in data_named(code)}
        held_out = [name for name in data if HELD_OUT.search(stem_of(name))]
        training = [name for name in data if IN_TRAINING.search(stem_of(name))]
        rest = [name for name in data if name not in held_out]
        train = _single(training) or _single([name for name in rest if Path(name).name in read]) or _single(rest)
        beside = [name for name in held_out if train and Path(name).parent == Path(train).parent]
        named_test = [name for name in beside if re.search(r"(?:^|[_-])(?:test|holdout)", stem_of(name))]
        return train, _single(beside) or _single(named_test) or _single(held_out)

    @cached_property
    def settings(self) -> Mapping[str, dict[str, Any]]:
        """What files of YAML say, such as params.yaml."""
        found = (name for name in self.files if name.endswith((".yml", ".yaml")))
        return {name: said_in(self.text(name)) for name in islice(found, MOST_SETTINGS)}

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

    @cached_property
    def _there(self) -> frozenset[str]:
        return frozenset(self.files)

    def module(self, dotted: str, beside: str = "") -> str | None:
        """The file of a module: found from the folder, from src, or from a folder of the file that imports it, such as that of
        the script that is run."""
        above, name = PurePosixPath(beside).parents, dotted.lstrip(".")
        level = len(dotted) - len(name)
        places = [PurePosixPath(), PurePosixPath("src"), *above] if not level else above[level - 1 : level]
        for place in places:
            path = place.joinpath(*name.split(".")).as_posix() if name else place.as_posix()
            for file in (f"{path}.py", f"{path}/__init__.py"):
                if file in self._there:
                    return file
        return None

    def imports(self, file: str) -> tuple[str, ...]:
        """Files of the repository that a script imports, or a notebook's cells."""
        found = (self.module(dotted, file) for dotted in imported(self.code(file)))
        return tuple(dict.fromkeys(name for name in found if name and name != file))

    def code(self, file: str) -> str:
        """Of a script its text, of a notebook its cells."""
        text = self.text(file)
        if not file.endswith(".ipynb"):
            return text
        try:
            cells: Sequence[Mapping[str, Any]] = json.loads(text)["cells"]
            return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        except (ValueError, KeyError, TypeError):
            return ""


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


def said_in(text: str) -> dict[str, Any]:
    """Of YAML; empty where it is none."""
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return said if isinstance(said, dict) else {}


def stem_of(name: str) -> str:
    return Path(name).stem.lower()


def _single(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
