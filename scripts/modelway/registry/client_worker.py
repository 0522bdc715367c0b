"""MLflow's own client as a program, for an environment that has mlflow-skinny and what a store needs besides.

It reads one call a line, `{"name": ..., "arguments": {...}}`, and answers one line, `{"answer": ...}` or `{"error": {...}}`,
until its input ends. The first call is `start`. Credentials are in its environment and nowhere else; nobody can look there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LONGEST = 300
DEEPEST = 32
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotTaken(Exception):
    """The store holds something that is not taken, or not what was asked for."""


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from modelway.isolation import hide

    hide()
    calls = Calls()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = {"answer": getattr(calls, request["name"])(**request["arguments"])}
        except Exception as error:
            said = {"error": described(error)}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def described(error: Exception) -> dict[str, Any]:
    """status: of HTTP, 0 where there was none. code: MLflow's. login: whether credentials are missing or wrong. user: whether
    it is the caller who can mend it."""
    name = type(error).__name__
    message = " ".join(str(getattr(error, "message", "") or error).split())[:LONGEST] or name
    status, code = _status(error), str(getattr(error, "error_code", ""))
    lost = status == 400 and "[SQL: " in message  # MLflow answers so where its database rolled back
    login = status in (401, 403) or "credential" in f"{name} {message}".lower()
    refused = 0 < status < 500 and status not in TRANSIENT and not lost
    user = login or refused or isinstance(error, (NotTaken, ImportError))
    return {"message": message, "status": status, "code": code, "login": login, "user": user}


def _status(error: Exception) -> int:
    """Of MLflow's own errors, botocore's, Google's and Azure's."""
    if hasattr(error, "get_http_status_code"):
        return int(error.get_http_status_code())
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = getattr(error, "status_code", None) or getattr(error, "code", 0)
    return found if isinstance(found, int) else 0


class Calls:
    """What can be asked for: each method is one call. Answers are the fields of modelway.registry.entities."""

    def start(self, tracking_uri: str) -> None:
        import mlflow

        mlflow.set_tracking_uri(tracking_uri)  # plugins ask for it there
        self.tracking_uri = tracking_uri
        self.client = mlflow.MlflowClient(tracking_uri, registry_uri=tracking_uri)

    def find_experiment(self, name: str) -> dict[str, str] | None:
        found = self.client.get_experiment_by_name(name)
        return {"id": found.experiment_id, "stage": found.lifecycle_stage} if found else None

    def create_experiment(self, name: str) -> None:
        self.client.create_experiment(name)

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> dict[str, Any]:
        now = time.time_ns() // 1_000_000
        return _run(self.client.create_run(experiment_id, start_time=now, tags=dict(tags), run_name=name))

    def get_run(self, run_id: str) -> dict[str, Any]:
        return _run(self.client.get_run(run_id))

    def update_run(self, run_id: str, status: str) -> None:
        if status == "RUNNING":
            self.client.update_run(run_id, status=status)
        else:
            self.client.set_terminated(run_id, status=status)

    def search_runs(self, experiment_id: str, condition: str, token: str | None) -> dict[str, Any]:
        found = self.client.search_runs([experiment_id], condition, page_token=token)
        return {"rows": [_run(run) for run in found], "token": found.token}

    def create_model(self, name: str) -> None:
        self.client.create_registered_model(name)

    def get_model(self, name: str) -> dict[str, Any]:
        found = self.client.get_registered_model(name)
        aliases = {alias: int(version) for alias, version in found.aliases.items()}
        return {"name": found.name, "aliases": aliases, "tags": dict(found.tags)}

    def create_version(
        self, name: str, source: str, run_id: str, tags: Mapping[str, str], model_id: str | None
    ) -> dict[str, Any]:
        made = self.client.create_model_version(
            name, source, run_id or None, tags=dict(tags), await_creation_for=0, model_id=model_id
        )
        return _version(made)

    def get_version(self, name: str, version: int) -> dict[str, Any]:
        return _version(self.client.get_model_version(name, str(version)))

    def search_versions(self, condition: str, order: str, size: int, token: str | None) -> dict[str, Any]:
        found = self.client.search_model_versions(condition, max_results=size, order_by=[order], page_token=token)
        return {"rows": [_version(version) for version in found], "token": found.token}

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None:
        self.client.set_model_version_tag(name, str(version), key, value)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self.client.set_registered_model_alias(name, alias, str(version))

    def delete_alias(self, name: str, alias: str) -> None:
        self.client.delete_registered_model_alias(name, alias)

    def download_uri(self, name: str, version: int) -> str:
        return str(self.client.get_model_version_download_uri(name, str(version)))

    def logged_model(self, model_id: str) -> dict[str, str] | None:
        found = self.client.get_logged_model(model_id)
        if str(found.status) not in ("READY", "LoggedModelStatus.READY"):
            return None
        uri = found.artifact_location
        return {"source": f"models:/{model_id}", "model_id": model_id, "path": found.name, "artifact_uri": uri}

    def list_files(self, uri: str, path: str) -> list[tuple[str, int | None]]:
        """What lies directly in the folder: name, and size in bytes or None for a folder."""
        return [(name, size) for name, size in self._listed(self._files(uri), path)]

    def read(self, uri: str, path: str, folder: str) -> str:
        """Brings one file into the folder, and gives its path there."""
        return str(self._files(uri).download_artifacts(path, dst_path=folder))

    def download(self, uri: str, folder: str) -> int:
        """Brings the tree into the folder, and gives the number of files."""
        files = self._files(uri)
        sizes = dict(self._tree(files, "", 0))
        if sizes:
            files.download_artifacts("", dst_path=folder)
        for path, size in sizes.items():
            received = Path(folder, path).stat().st_size
            if received != size:
                raise OSError(f"{received} bytes of {path} came instead of {size}")
        return len(sizes)

    def upload(self, uri: str, path: str, file: str) -> None:
        self._files(uri).log_artifact(file, path.rpartition("/")[0] or None)

    def _files(self, uri: str) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def _listed(self, files: Any, path: str) -> list[tuple[str, int | None]]:
        rows = []
        for info in files.list_artifacts(path or None):
            folder, _, name = info.path.rstrip("/").rpartition("/")
            if folder != path.strip("/") or name in ("", ".", "..") or "\\" in name or not name.isprintable():
                raise NotTaken(f"the artifact store names a file {info.path!r}, which is no file name")
            rows.append((name, None if info.is_dir else int(info.file_size or 0)))
        return sorted(rows)

    def _tree(self, files: Any, path: str, depth: int) -> list[tuple[str, int]]:
        if depth > DEEPEST:
            raise NotTaken(f"artifact folders nested deeper than {DEEPEST}")
        found: list[tuple[str, int]] = []
        for name, size in self._listed(files, path):
            inner = f"{path}/{name}" if path else name
            found += self._tree(files, inner, depth + 1) if size is None else [(inner, size)]
        return found


def _run(run: Any) -> dict[str, Any]:
    info, outputs = run.info, getattr(run, "outputs", None)
    models = [output.model_id for output in (outputs.model_outputs if outputs else None) or ()]
    return {
        "id": info.run_id,
        "experiment_id": str(info.experiment_id),
        "status": info.status,
        "artifact_uri": info.artifact_uri or "",
        "tags": dict(run.data.tags),
        "params": dict(run.data.params),
        "metrics": dict(run.data.metrics),
        "model_ids": list(dict.fromkeys(models)),
        "started_ms": int(info.start_time or 0),
    }


def _version(version: Any) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": int(version.version),
        "source": version.source or "",
        "run_id": version.run_id or "",
        "status": str(version.status),
        "tags": dict(version.tags),
        "created_ms": int(version.creation_timestamp or 0),
    }


if __name__ == "__main__":
    main()
