"""A registry that MLflow's own client reaches, by one of its plugins: Databricks, Azure ML, SageMaker (arn:)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from modelway.errors import InvalidInput
from modelway.registry.client_process import ENVIRONMENTS, ClientProcess, scheme_of
from modelway.registry.entities import Experiment, LoggedModel, RegisteredModel, Run, Version
from modelway.registry.mlflow_registry import NAME_A_RUN, MLflowRegistry
from modelway.registry.protocol import ABSENT, Rejected
from modelway.registry.stores import Stores

EXISTS = "RESOURCE_ALREADY_EXISTS"
PAGE = 1000
Entity = TypeVar("Entity")


def connect(tracking_uri: str, environ: Mapping[str, str], seconds: float = math.inf) -> MLflowClient:
    """environ: the credentials, as MLflow's plugin of that address takes them. seconds: for all calls together."""
    return opened(tracking_uri.strip(), ENVIRONMENTS[scheme_of(tracking_uri)], environ, seconds)


def opened(tracking_uri: str, environment: str, environ: Mapping[str, str], seconds: float = math.inf) -> MLflowClient:
    until = time.monotonic() + seconds
    stores = Stores(tracking_uri, environ, until)
    return MLflowClient(stores.client(environment), stores)


@dataclass(frozen=True)
class MLflowClient(MLflowRegistry):
    """One registry. Raises Rejected (InvalidInput) where it says no, OutsideFailure where it fails after retries."""

    client: ClientProcess
    stores: Stores

    def experiment(self, name: str) -> Experiment | None:
        said = self.client.call("find_experiment", name=name)
        return None if said is None else _entity(said, Experiment)

    def create_experiment(self, name: str) -> None:
        self._made("create_experiment", name=name)

    def post_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        said = self.client.call("create_run", once=True, experiment_id=experiment_id, name=name, tags=dict(tags))
        return _entity(said, Run)

    def get_run(self, run_id: str) -> Run:
        found = self._found("get_run", Run, run_id=run_id)
        if found is None:
            raise InvalidInput(f"the registry has no run {run_id}", fix=NAME_A_RUN)
        return found

    def update_run(self, run_id: str, status: str) -> None:
        self.client.call("update_run", run_id=run_id, status=status)

    def search_runs(self, experiment_id: str, condition: str) -> tuple[Run, ...]:
        return tuple(self._rows("search_runs", Run, experiment_id=experiment_id, condition=condition))

    def get_model(self, name: str) -> RegisteredModel | None:
        return self._found("get_model", RegisteredModel, name=name)

    def post_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        arguments: dict[str, Any] = {"name": name, "source": source, "run_id": run_id, "model_id": model_id}
        arguments["tags"] = dict(tags)
        try:
            said = self.client.call("create_version", once=True, **arguments)
        except Rejected as error:
            if error.code != ABSENT:
                raise
            self._made("create_model", name=name)
            said = self.client.call("create_version", once=True, **arguments)
        return _entity(said, Version)

    def get_version(self, name: str, version: int) -> Version | None:
        return self._found("get_version", Version, name=name, version=version)

    def search_versions(self, name: str) -> tuple[Version, ...]:
        return tuple(self._versions(name, "ASC", PAGE))

    def newest_versions(self, name: str, page: int) -> Iterator[Version]:
        return self._versions(name, "DESC", page)

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None:
        self.client.call("set_version_tag", name=name, version=version, key=key, value=value)

    def set_alias(self, name: str, alias: str, version: int, *, once: bool = False) -> None:
        self.client.call("set_alias", once=once, name=name, alias=alias, version=version)

    def delete_alias(self, name: str, alias: str) -> None:
        try:
            self.client.call("delete_alias", name=name, alias=alias)
        except Rejected as error:
            if error.code != ABSENT:
                raise

    def logged_model(self, model_id: str) -> LoggedModel | None:
        try:
            return self._found("logged_model", LoggedModel, model_id=model_id)
        except Rejected as error:
            if error.status != 404:
                raise
            return None  # a server of 2.x knows no such thing

    def download_uri(self, name: str, version: int) -> str:
        return self._found("download_uri", str, name=name, version=version) or ""

    def read_artifact(self, uri: str, path: str, limit: int) -> bytes:
        return self.stores.read_artifact(uri, path, limit)

    def download(self, uri: str, folder: Path) -> Path:
        return self.stores.download(uri, folder)

    def download_file(self, uri: str, path: str, target: Path) -> None:
        self.stores.download_file(uri, path, target)

    def upload(self, uri: str, path: str, data: bytes) -> None:
        self.stores.upload(uri, path, data)

    def _versions(self, name: str, order: str, size: int) -> Iterator[Version]:
        quote = '"' if "'" in name else "'"
        condition = f"name = {quote}{name}{quote}"
        return self._rows("search_versions", Version, condition=condition, order=f"version_number {order}", size=size)

    def _rows(self, call: str, kind: type[Entity], **arguments: Any) -> Iterator[Entity]:
        token = None
        while True:
            answer = self.client.call(call, token=token, **arguments)
            yield from (_entity(row, kind) for row in answer["rows"])
            token = answer["token"]
            if not token:
                return

    def _found(self, call: str, kind: type[Entity], **arguments: Any) -> Entity | None:
        """None where the registry has no such thing."""
        try:
            said = self.client.call(call, **arguments)
        except Rejected as error:
            if error.code == ABSENT:
                return None
            raise
        return None if said is None else _entity(said, kind)

    def _made(self, call: str, name: str) -> None:
        """Safe to repeat: a name exists once."""
        try:
            self.client.call(call, name=name)
        except Rejected as error:
            if error.code != EXISTS:
                raise


def _entity(said: Any, kind: type[Entity]) -> Entity:
    return msgspec.convert(said, kind)
