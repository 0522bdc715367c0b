"""train-model with model-uri: a version that was trained elsewhere (Databricks, Airflow, by hand) gets the same record."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from modelway import ci
from modelway.config import Resolved
from modelway.environments import locks
from modelway.errors import InvalidInput
from modelway.records import Candidate
from modelway.registry.entities import Run
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate
from modelway.stages.steps import training_sketch, workspace
from modelway.stages.steps.candidate import Origin, make_candidate, read_mlmodel
from modelway.stages.steps.train import readable_version

URI = re.compile(
    r"models:/(?P<name>[^/@]+)/(?P<version>\d+)|models:/(?P<aliased>[^/@]+)@(?P<alias>[^/@]+)"
    r"|models:/(?P<logged>m-[0-9a-f]{32})|runs:/(?P<run>[0-9a-f]{32})/(?P<path>.+)"
)
FORMS = "give models:/NAME/VERSION, models:/NAME@ALIAS, models:/m-ID or runs:/RUN/PATH"


@dataclass(frozen=True)
class StoredModel:
    """A stored model. uri: what a version of it is created from. artifacts: where its files are. version: its version in
    the project's own model, where it has one already."""

    uri: str
    artifacts: str
    run_id: str
    model_id: str | None = None
    version: int | None = None


def adopt(project: Resolved, job: ci.Job, uri: str, semantic_version: str) -> Candidate:
    """Register the model at `uri` under the project's name, unless it is there already, and record it as a Candidate whose
    environment is locked now, from what the model says it needs."""
    commit = workspace.commit_of(job.folder)
    client = workspace.connect_registry(project, job)
    source = find(client, project.model, uri)
    if source.version is not None and _trained_here(client, project.model, source.version):
        raise InvalidInput(
            f"version {source.version} was trained here: its record says more than an adoption could",
            where="input model-uri",
            fix="leave model-uri out, or go on with evaluate-gate",
        )
    with tempfile.TemporaryDirectory(prefix="modelway-adopt-") as name:
        folder = Path(name)
        client.download(source.artifacts, folder)
        python_version = str(read_mlmodel(folder)["flavors"]["python_function"].get("python_version") or "")
        requirements = _requirements(folder)
    if not python_version:
        raise InvalidInput(
            "does not say which Python it was made with", where=uri[:200], fix="log it with MLflow 2.3 or newer"
        )
    base = locks.describe(locks.python_of_minor(python_version))
    lock = locks.lock_text(requirements, base.path)
    run = _records_run(client, project, source, commit)
    version = source.version
    if version is None:
        created = client.create_version(
            project.model, source.uri, source.run_id or run.id, tags={}, model_id=source.model_id
        )
        version = created.version
    origin = Origin(
        run=run,
        readable_version=readable_version(commit),
        semantic_version=semantic_version,
        commit=commit,
        trained_here=False,
    )
    job.say(f"{training_sketch.WITHOUT}: it was trained elsewhere, and nobody knows with what")
    return make_candidate(client, job, project.model, version, origin, base, lock)


def find(client: ModelRegistry, model: str, uri: str) -> StoredModel:
    match = URI.fullmatch(uri)
    if not match:
        raise InvalidInput(f"{ci.shown(uri)} is not a model's address", where="input model-uri", fix=FORMS)
    if match["logged"]:
        model_logged = client.logged_model(match["logged"])
        if model_logged is None:
            raise InvalidInput(f"the server has no model {match['logged']}", where="input model-uri", fix=FORMS)
        return StoredModel(uri, model_logged.artifact_uri, "", model_id=match["logged"])
    if match["run"]:
        run = client.get_run(match["run"])
        logged = [item for item in client.logged_models(run) if item.path == match["path"].strip("/")]
        if logged:
            return StoredModel(logged[0].source, logged[0].artifact_uri, run.id, model_id=logged[0].model_id or None)
        path = f"{run.artifact_uri.rstrip('/')}/{match['path'].strip('/')}"
        return StoredModel(path, path, run.id)
    name = match["name"] or match["aliased"]
    number = int(match["version"]) if match["version"] else _aliased(client, name, match["alias"])
    found = client.get_version(name, number)
    if found is None:
        raise InvalidInput(
            f"{name!r} has no version {number}", where="input model-uri", fix="give one that is registered"
        )
    own = number if name == model else None
    logged_model = URI.fullmatch(found.source)
    model_id = logged_model["logged"] if logged_model else None
    return StoredModel(
        found.source, client.version_artifacts(name, number), found.run_id, model_id=model_id, version=own
    )


def _trained_here(client: ModelRegistry, model: str, version: int) -> bool:
    try:
        return read_candidate(client, model, version).environment.locked_at == "training"
    except InvalidInput:
        return False  # no record, or one that cannot be read: this adoption makes it


def _aliased(client: ModelRegistry, name: str, alias: str) -> int:
    registered = client.get_model(name)
    if registered is None or alias not in registered.aliases:
        known = ", ".join(sorted(registered.aliases)) if registered else "no such model"
        raise InvalidInput(f"{name!r} has no alias {alias!r} ({known})", where="input model-uri", fix=FORMS)
    return registered.aliases[alias]


def _requirements(folder: Path) -> str:
    try:
        return (folder / "requirements.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(
            "the model has no requirements.txt", where="input model-uri", fix="log it with MLflow 2.3 or newer"
        ) from None


def _records_run(client: ModelRegistry, project: Resolved, source: StoredModel, commit: str) -> Run:
    """A finished run that holds the records of a version whose own run belongs to somebody else."""
    experiment = client.experiment_id(project.registry.experiment or project.model)
    run = client.create_run(experiment, f"adopted {source.uri}"[:200], {"modelway.commit": commit})
    client.update_run(run.id, "FINISHED")
    return client.get_run(run.id)
