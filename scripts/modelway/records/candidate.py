"""Candidate: what train-model hands on."""

from __future__ import annotations

from typing import Any

import msgspec


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the stored model. `content` is its sha256 with all that differs between two equal trainings left
    out (modelway.registry.content); for most files it equals `sha256`."""

    path: str
    size: int
    sha256: str
    content: str


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model was trained in, and so what it must be loaded in."""

    python: str
    """The full version, such as 3.11.7."""
    platform: str
    """`sysconfig.get_platform()` of the training interpreter, such as linux-x86_64."""
    requirements: str
    """The hash-locked requirements file, as text."""
    requirements_digest: str
    """The sha256 of that text: environments are shared by it."""
    locked_at: str
    """`training`, or `adoption` for a model that was trained elsewhere."""


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A registered version and everything that a later stage needs to judge, build or repeat it."""

    schema: str = "modelway/candidate/1"
    model: str
    version: int
    readable_version: str
    """Date and commit, such as 20261121-ab12cd3."""
    semantic_version: str = ""
    run_id: str
    """The MLflow run that trained it; empty for a model adopted without one."""
    records_run_id: str
    """The MLflow run whose artifacts hold this record and the verdicts."""
    digest: str
    content: str
    files: tuple[ModelFile, ...]
    data_digest: str
    """Of the training data; empty when adopted, where nobody can know it."""
    commit: str
    seed: int | None = None
    parameters: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    signature: dict[str, Any] | None = None
    """MLflow's signature: {"inputs": [{"name", "type", "required"}...], "outputs": ...}."""
    environment: Environment
    training_sketch: str = ""
    """The sha256 of the sketch of the training data, beside this record; empty where there is none."""
    repeats: str = ""
    """How it compares with an earlier training from the same data, seed, parameters and commit."""
