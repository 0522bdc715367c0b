"""The MLflow server, by the REST calls that 2.3 and every newer version have.

No mlflow package: importing it costs a second in every step, and its environment is a hundred times larger. What 3.x
adds (models that are not run artifacts) is used where the server shows it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelway.errors import InvalidInput
from modelway.registry import artifacts
from modelway.registry.client_process import ENVIRONMENTS, scheme_of
from modelway.registry.entities import (
    Experiment,
    LoggedModel,
    RegisteredModel,
    Run,
    Version,
    registered_model_of,
    run_of,
    version_of,
)
from modelway.registry.mlflow_registry import NAME_A_RUN, MLflowRegistry
from modelway.registry.protocol import ABSENT, Rejected
from modelway.registry.server_address import open_transport
from modelway.registry.stores import Stores
from modelway.registry.transport import Transport

EXISTS = "RESOURCE_ALREADY_EXISTS"
PAGE = 1000


def connect(tracking_uri: str, environ: Mapping[str, str], seconds: float = math.inf) -> MLflow:
    """The server at the address, with the credentials that MLflow's own variables name (MLFLOW_TRACKING_TOKEN, or
    _USERNAME and _PASSWORD; _SERVER_CERT_PATH, _CLIENT_CERT_PATH, _INSECURE_TLS). InvalidInput for an address that is
    no MLflow server of 2.3 or newer; OutsideFailure where it cannot be reached, or all calls together
    take longer than `seconds`."""
    transport = open_transport(tracking_uri, environ, seconds)
    return MLflow(transport, Stores(tracking_uri.strip(), environ, transport.until))


@dataclass(frozen=True)
class MLflow(MLflowRegistry):
    """One server. Raises Rejected (InvalidInput) where it says no, OutsideFailure where it fails after retries."""

    transport: Transport
    stores: Stores

    def experiment(self, name: str) -> Experiment | None:
        found = self._get("experiments/get-by-name", "experiment", experiment_name=name)
        return Experiment(str(found["experiment_id"]), str(found.get("lifecycle_stage", "active"))) if found else None

    def create_experiment(self, name: str) -> None:
        self._create("experiments/create", {"name": name})

    def post_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
        rows = _rows({**tags, "mlflow.runName": name})
        now = time.time_ns() // 1_000_000
        body = {"experiment_id": experiment_id, "run_name": name, "start_time": now, "tags": rows}
        return run_of(self.transport.api("POST", "runs/create", body, once=True)["run"])

    def get_run(self, run_id: str) -> Run:
        found = self._get("runs/get", "run", run_id=run_id)
        if found is None:
            raise InvalidInput(f"the MLflow server at {self.transport.host} has no run {run_id}", fix=NAME_A_RUN)
        return run_of(found)

    def update_run(self, run_id: str, status: str) -> None:
        """status: FINISHED, FAILED, KILLED or RUNNING."""
        now = time.time_ns() // 1_000_000
        ended = {} if status == "RUNNING" else {"end_time": now}
        self.transport.api("POST", "runs/update", {"run_id": run_id, "status": status, **ended})

    def search_runs(self, experiment_id: str, condition: str) -> tuple[Run, ...]:
        body = {"experiment_ids": [experiment_id], "filter": condition, "max_results": PAGE}
        found: list[Run] = []
        while True:
            answer = self.transport.api("POST", "runs/search", body)
            found += (run_of(row) for row in answer.get("runs") or ())
            if not answer.get("next_page_token"):
                return tuple(found)
            body["page_token"] = answer["next_page_token"]

    def ensure_model(self, name: str) -> None:
        """Makes the registered model if it is missing."""
        self._create("registered-models/create", {"name": name})

    def get_model(self, name: str) -> RegisteredModel | None:
        found = self._get("registered-models/get", "registered_model", name=name)
        return registered_model_of(found) if found else None

    def post_version(
        self, name: str, source: str, run_id: str, *, tags: Mapping[str, str], model_id: str | None = None
    ) -> Version:
        """One attempt: AmbiguousAnswer where nobody can say whether the version was made. The server gives the number,
        and makes version and tags in one transaction. The registered model is made if it is missing."""
        body: dict[str, Any] = {"name": name, "source": source, "tags": _rows(tags)}
        if run_id:
            body["run_id"] = run_id
        if model_id:
            body["model_id"] = model_id
        try:
            answer = self.transport.api("POST", "model-versions/create", body, once=True)
        except Rejected as error:
            if error.code != ABSENT:
                raise
            self.ensure_model(name)
            answer = self.transport.api("POST", "model-versions/create", body, once=True)
        return version_of(answer["model_version"])

    def get_version(self, name: str, version: int) -> Version | None:
        found = self._get("model-versions/get", "model_version", name=name, version=str(version))
        return version_of(found) if found else None

    def search_versions(self, name: str) -> tuple[Version, ...]:
        """Every version of the model, by number. Without aliases: MLflow leaves them out of this answer."""
        return tuple(self._pages(name, "ASC", PAGE))  # so that a version made meanwhile shifts no page

    def newest_versions(self, name: str, page: int) -> Iterator[Version]:
        """The same, newest first, asked for page by page as they are taken. One that is made meanwhile shifts the pages."""
        return self._pages(name, "DESC", page)

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None:
        body = {"name": name, "version": str(version), "key": key, "value": value}
        self.transport.api("POST", "model-versions/set-tag", body)

    def set_alias(self, name: str, alias: str, version: int, *, once: bool = False) -> None:
        """The last writer wins: MLflow has no compare-and-swap for aliases. once: see Transport.send."""
        body = {"name": name, "alias": alias, "version": str(version)}
        self.transport.api("POST", "registered-models/alias", body, once=once)

    def delete_alias(self, name: str, alias: str) -> None:
        try:
            self.transport.api("DELETE", "registered-models/alias", {"name": name, "alias": alias})
        except Rejected as error:
            if error.code != ABSENT:
                raise

    def download_uri(self, name: str, version: int) -> str:
        return self._get("model-versions/get-download-uri", "artifact_uri", name=name, version=str(version)) or ""

    def read_artifact(self, uri: str, path: str, limit: int) -> bytes:
        if scheme_of(uri) in ENVIRONMENTS:
            return self.stores.read_artifact(uri, path, limit)
        return artifacts.read_artifact(self.transport, uri, path, limit)

    def download(self, uri: str, folder: Path) -> Path:
        if scheme_of(uri) in ENVIRONMENTS:
            return self.stores.download(uri, folder)
        return artifacts.download(self.transport, uri, folder)

    def download_file(self, uri: str, path: str, target: Path) -> None:
        if scheme_of(uri) in ENVIRONMENTS:
            self.stores.download_file(uri, path, target)
        else:
            artifacts.download_file(self.transport, uri, path, target)

    def upload(self, uri: str, path: str, data: bytes) -> None:
        if scheme_of(uri) in ENVIRONMENTS:
            self.stores.upload(uri, path, data)
        else:
            artifacts.upload(self.transport, uri, path, data)

    def logged_model(self, model_id: str) -> LoggedModel | None:
        """None where the server has no such model, or its upload was not finished."""
        try:
            found = self._get(f"logged-models/{model_id}", "model")
        except Rejected as error:
            if error.status != 404:
                raise
            found = None  # a server of 2.x knows no such thing
        info = found["info"] if found else {}
        if info.get("status") not in ("LOGGED_MODEL_READY", 2):
            return None
        uri, name = str(info["artifact_uri"]), str(info.get("name", ""))
        return LoggedModel(source=f"models:/{model_id}", model_id=model_id, path=name, artifact_uri=uri)

    def _pages(self, name: str, order: str, page_size: int) -> Iterator[Version]:
        quote = '"' if "'" in name else "'"
        query = [("filter", f"name = {quote}{name}{quote}"), ("max_results", str(page_size))]
        query.append(("order_by", f"version_number {order}"))
        token = ""
        while True:
            page = [("page_token", token)] if token else []
            answer = self.transport.api("GET", "model-versions/search", query=query + page)
            yield from (version_of(row) for row in answer.get("model_versions") or ())
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def _get(self, endpoint: str, key: str, **query: str) -> Any:
        """The named part of the answer, or None where the server has no such thing."""
        try:
            return self.transport.api("GET", endpoint, query=query.items())[key]
        except Rejected as error:
            if error.code == ABSENT:
                return None
            raise

    def _create(self, endpoint: str, body: Mapping[str, Any]) -> None:
        """Safe to repeat: a name exists once."""
        try:
            self.transport.api("POST", endpoint, body)
        except Rejected as error:
            if error.code != EXISTS:
                raise


def _rows(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]
