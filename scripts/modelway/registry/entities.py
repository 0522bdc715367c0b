"""What the registry holds, as MLflow's answers say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """stage: `active` or `deleted`."""

    id: str
    stage: str


@dataclass(frozen=True)
class Run:
    """One MLflow run. model_ids: of the models logged in it, where the server keeps those (3.x)."""

    id: str
    experiment_id: str
    status: str
    artifact_uri: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    model_ids: tuple[str, ...]
    started_ms: int = 0
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class RegisteredModel:
    name: str
    aliases: Mapping[str, int]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Version:
    """One version of a registered model."""

    name: str
    version: int
    source: str
    run_id: str
    status: str
    tags: Mapping[str, str]
    created_ms: int


@dataclass(frozen=True)
class LoggedModel:
    """A model that a run logged. source and model_id are what a version of it is created from; path is the name that
    it was logged under; model_id is empty where the server keeps models as plain run artifacts (2.x)."""

    source: str
    model_id: str
    path: str
    artifact_uri: str


@dataclass(frozen=True)
class Artifact:
    """One entry of an artifact folder. size in bytes, None for a folder."""

    name: str
    size: int | None


def pairs(rows: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {str(row["key"]): row.get("value", "") for row in rows or ()}


def run_of(answer: Mapping[str, Any]) -> Run:
    info, data = answer["info"], answer.get("data") or {}
    outputs = (answer.get("outputs") or {}).get("model_outputs") or ()
    return Run(
        id=str(info["run_id"]),
        experiment_id=str(info["experiment_id"]),
        status=str(info.get("status", "")),
        artifact_uri=str(info.get("artifact_uri", "")),
        tags=pairs(data.get("tags")),
        params=pairs(data.get("params")),
        # a metric that is not finite comes as the text NaN or Infinity
        metrics={key: float(value) for key, value in pairs(data.get("metrics")).items()},
        model_ids=tuple(dict.fromkeys(str(output["model_id"]) for output in outputs)),
        started_ms=int(info.get("start_time") or 0),
    )


def registered_model_of(answer: Mapping[str, Any]) -> RegisteredModel:
    aliases = {str(row["alias"]): int(row["version"]) for row in answer.get("aliases") or ()}
    return RegisteredModel(name=str(answer["name"]), aliases=aliases, tags=pairs(answer.get("tags")))


def version_of(answer: Mapping[str, Any]) -> Version:
    return Version(
        name=str(answer["name"]),
        version=int(answer["version"]),
        source=str(answer.get("source", "")),
        run_id=str(answer.get("run_id", "")),
        status=str(answer.get("status", "")),
        tags=pairs(answer.get("tags")),
        created_ms=int(answer.get("creation_timestamp", 0)),
    )
