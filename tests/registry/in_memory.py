"""A registry in memory: a real one for tests of what stands on it. It passes contract.py as MLflow does."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelway.errors import InvalidInput
from modelway.registry.entities import LoggedModel, RegisteredModel, Run, Version
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.protocol import ABSENT, Rejected


class InMemory:
    """Everything in dicts, under one lock. files: address of a folder -> path below it -> bytes."""

    def __init__(self) -> None:
        self.experiments: list[str] = []
        self.runs: dict[str, Run] = {}
        self.models: dict[str, RegisteredModel] = {}
        self.versions: dict[tuple[str, int], Version] = {}
        self.logged: dict[str, LoggedModel] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self._lock = threading.RLock()
        self._clock = itertools.count(time.time_ns() // 1_000_000)

    def experiment_id(self, name: str) -> str:
        with self._lock:
            if name not in self.experiments:
                self.experiments.append(name)
            return str(self.experiments.index(name))

    def find_experiment(self, name: str) -> str | None:
        return self.experiment_id(name) if name in self.experiments else None

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        number = uuid.uuid4().hex
        run = Run(
            number, experiment_id, "RUNNING", f"memory://runs/{number}", dict(tags), {}, {}, (), next(self._clock)
        )
        self.runs[number] = run
        return run

    def get_run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise InvalidInput(f"the registry has no run {run_id}")
        return self.runs[run_id]

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[run_id] = dataclasses.replace(self.get_run(run_id), status=status)

    def running(self, experiment_id: str, tag: str) -> tuple[Run, ...]:
        runs = (run for run in self.runs.values() if run.experiment_id == experiment_id)
        return tuple(run for run in runs if run.status == "RUNNING" and run.tags.get(tag))

    def finished(self, experiment_id: str) -> tuple[Run, ...]:
        runs = (run for run in self.runs.values() if run.experiment_id == experiment_id)
        return tuple(run for run in runs if run.status == "FINISHED")

    def log_model(self, run: Run, path: str, files: Mapping[str, bytes]) -> LoggedModel:
        """What a training does."""
        model_id = f"m-{uuid.uuid4().hex}"
        model = LoggedModel(f"models:/{model_id}", model_id, path, f"memory://models/{model_id}")
        self.logged[model_id], self.files[model.artifact_uri] = model, dict(files)
        known = self.get_run(run.id)
        self.runs[run.id] = dataclasses.replace(known, model_ids=(*known.model_ids, model_id))
        return model

    def logged_models(self, run: Run) -> tuple[LoggedModel, ...]:
        return tuple(sorted((self.logged[model] for model in run.model_ids), key=lambda model: model.path))

    def logged_model(self, model_id: str) -> LoggedModel | None:
        return self.logged.get(model_id)

    def get_model(self, name: str) -> RegisteredModel | None:
        return self.models.get(name)

    def post_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        with self._lock:
            self.models.setdefault(name, RegisteredModel(name, {}, {}))
            number = 1 + max((number for model, number in self.versions if model == name), default=0)
            version = Version(name, number, source, run_id, "READY", dict(tags), next(self._clock))
            self.versions[name, number] = version
            return version

    create_version = post_version

    def get_version(self, name: str, version: int) -> Version | None:
        return self.versions.get((name, version))

    def search_versions(self, name: str) -> tuple[Version, ...]:
        with self._lock:
            return tuple(version for key, version in sorted(self.versions.items()) if key[0] == name)

    def newest_versions(self, name: str, page: int) -> Iterator[Version]:
        return reversed(self.search_versions(name))

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None:
        with self._lock:
            found = self._existing(name, version)
            self.versions[name, version] = dataclasses.replace(found, tags={**found.tags, key: value})

    def set_alias(self, name: str, alias: str, version: int, *, once: bool = False) -> None:
        with self._lock:
            self._existing(name, version)
            model = self.models[name]
            self.models[name] = dataclasses.replace(model, aliases={**model.aliases, alias: version})

    def delete_alias(self, name: str, alias: str) -> None:
        with self._lock:
            model = self.models[name]
            left = {key: version for key, version in model.aliases.items() if key != alias}
            self.models[name] = dataclasses.replace(model, aliases=left)

    def version_artifacts(self, name: str, version: int) -> str:
        source = self._existing(name, version).source
        return self.logged[source.removeprefix("models:/")].artifact_uri if source.startswith("models:/m-") else source

    def read_artifact(self, uri: str, path: str, limit: int) -> bytes:
        data = self._tree(uri).get(path)
        if data is None:
            raise InvalidInput(f"there is no artifact {path}", where=uri)
        if len(data) > limit:
            raise InvalidInput(f"artifact {path} has {len(data)} bytes, more than {limit}", where=uri)
        return data

    def download(self, uri: str, folder: Path) -> Path:
        found = self._tree(uri)
        if not found:
            raise InvalidInput("there are no artifacts", where=uri)
        for path, data in found.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    def download_file(self, uri: str, path: str, target: Path) -> None:
        data = self.read_artifact(uri, path, 1 << 40)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def upload(self, uri: str, path: str, data: bytes) -> None:
        with self._lock:
            self.files.setdefault(uri, {})[path] = data

    def ledger(self, model: str, run_id: str = "") -> VersionLedger:
        return VersionLedger(self, model, run_id)

    def _existing(self, name: str, version: int) -> Version:
        found = self.versions.get((name, version))
        if found is None:
            raise Rejected(f"there is no {name} version {version}", status=404, code=ABSENT)
        return found

    def _tree(self, uri: str) -> dict[str, bytes]:
        """Of the folder, also where files were stored below a folder above it."""
        uri = uri.rstrip("/")
        places = [(f"{root}/{path}", data) for root, files in self.files.items() for path, data in files.items()]
        return {path.removeprefix(f"{uri}/"): data for path, data in places if path.startswith(f"{uri}/")}
