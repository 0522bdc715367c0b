"""What the stages ask of a registry of models, whichever product it is: runs, versions, aliases, files and the ledger.

An implementation is one module with `connect`, named in modelway.registry.connection, that passes tests/registry/contract.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry.entities import LoggedModel, RegisteredModel, Run, Version
from modelway.registry.ledger_entries import StoredEntry

ABSENT = "RESOURCE_DOES_NOT_EXIST"
"""The code of a Rejected that speaks of something that is not there."""


class Rejected(InvalidInput):
    """The registry understood the call and said no. code: MLflow's word for why, such as ABSENT."""

    def __init__(self, what: str, *, status: int, code: str, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.status, self.code = status, code


class AmbiguousAnswer(OutsideFailure):
    """The call may or may not have been carried out: no answer came, or the registry failed while it worked on it."""


class LedgerStore(Protocol):
    """Where one model's ledger and aliases are kept."""

    @property
    def model(self) -> str: ...

    def entries(self) -> tuple[StoredEntry, ...]:
        """All of them, as of one moment."""

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        """Those from a checkpoint on, the last older one of each environment that has none since, and the checkpoint's number;
        all of them and 1 where there is no checkpoint. As of one moment."""

    def append(self, text: str) -> None:
        """One new entry under the next number, whole or not at all. AmbiguousAnswer where nobody can say."""

    def mark(self, number: int, key: str, value: str) -> None: ...

    def alias(self, name: str) -> int | None: ...

    def set_alias(self, name: str, version: int | None) -> None:
        """None: it is not set afterwards. AmbiguousAnswer where nobody can say whether it was set, or still will be."""


class ModelRegistry(Protocol):
    """One registry. Every method raises Rejected (an InvalidInput) where the registry says no, OutsideFailure where it fails
    after retries; what can be repeated without harm is repeated inside, so that a lost answer makes nothing twice."""

    def experiment_id(self, name: str) -> str:
        """Of the experiment with this name, which is made if it is missing. An experiment groups the runs of a project."""

    def find_experiment(self, name: str) -> str | None:
        """The same, without making it: None where there is none, or where it is deleted."""

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        """A run that says RUNNING: one training, or the place where the records of a version are kept."""

    def get_run(self, run_id: str) -> Run:
        """InvalidInput where there is none."""

    def update_run(self, run_id: str, status: str) -> None:
        """status: FINISHED, FAILED, KILLED or RUNNING."""

    def running(self, experiment_id: str, tag: str) -> tuple[Run, ...]:
        """The experiment's runs that say RUNNING and have a tag of this name."""

    def finished(self, experiment_id: str) -> tuple[Run, ...]:
        """The experiment's runs that say FINISHED."""

    def logged_models(self, run: Run) -> tuple[LoggedModel, ...]:
        """The models that the run logged, each once, sorted by path."""

    def logged_model(self, model_id: str) -> LoggedModel | None:
        """None where there is no such model, or its upload was not finished."""

    def get_model(self, name: str) -> RegisteredModel | None:
        """With its aliases, as they are now."""

    def create_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        """A new version under the next number, of a registered model that is made if it is missing. Numbers are given
        atomically. source, model_id: a LoggedModel's."""

    def get_version(self, name: str, version: int) -> Version | None: ...

    def search_versions(self, name: str) -> tuple[Version, ...]:
        """Every version of the model, by number; none where there is no such model."""

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None:
        """value: up to 5,000 characters, kept as they are."""

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """The last writer wins."""

    def version_artifacts(self, name: str, version: int) -> str:
        """The address of the folder that holds the version's files."""

    def read_artifact(self, uri: str, path: str, limit: int) -> bytes:
        """The bytes of one file below the folder. InvalidInput where it is missing or larger than the limit in bytes."""

    def download(self, uri: str, folder: Path) -> Path:
        """The whole tree below the address into the folder, which is made. InvalidInput where there is nothing."""

    def download_file(self, uri: str, path: str, target: Path) -> None:
        """One file below the folder, however large, to `target`, which is there only once it is whole. InvalidInput where it
        is missing."""

    def upload(self, uri: str, path: str, data: bytes) -> None:
        """Stores one file below the folder; an existing one is replaced."""

    def ledger(self, model: str, run_id: str = "") -> LedgerStore:
        """The ledger of a registered model. run_id: of the run that new entries are tied to; empty for reading."""
