"""A registered version made a Candidate: downloaded, digested, locked, compared with its twin, and recorded."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelway import ci
from modelway.config.keys import Scalar
from modelway.environments import locks
from modelway.errors import InvalidInput
from modelway.records import Candidate, Environment, ModelFile, digest_of_json
from modelway.records.digests import sha256_of_text
from modelway.registry import content
from modelway.registry.entities import Run
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate, write_candidate
from modelway.report.candidate import NO_SIGNATURE
from modelway.stages.steps import training_sketch
from modelway.stages.steps.carried import store_wheels

Sketching = Callable[[Mapping[str, Any] | None, int], bytes | None]
"""(signature, version) -> the sketch of what it was trained with."""
INPUTS_TAG = "modelway.inputs"
"""The digest of all that a training was made from: two versions that share it should have one content."""


@dataclass(frozen=True)
class Origin:
    """Where a version comes from. run: its training run, or the run that was made to hold the records of an adoption."""

    run: Run
    readable_version: str
    semantic_version: str = ""
    data_digest: str = ""
    commit: str = ""
    seed: int | None = None
    parameters: Mapping[str, Scalar] | None = None
    trained_here: bool = True


def make_candidate(
    client: ModelRegistry,
    job: ci.Job,
    model: str,
    version: int,
    origin: Origin,
    python: locks.Interpreter,
    lock: str,
    sketch: Sketching | None = None,
) -> Candidate:
    """Record version `version` of `model`, whose environment is `python` with exactly what `lock` names. sketch: of its
    training data, by its signature; None: nobody knows that data."""
    with tempfile.TemporaryDirectory(prefix="modelway-candidate-") as name:
        folder = Path(name)
        client.download(client.version_artifacts(model, version), folder)
        files = content.model_files(folder)
        described = read_mlmodel(folder)
    lacking = what_the_signature_lacks(described.get("signature"))
    if lacking:
        job.warn("train-model", f"version {version} has {lacking}, and {NO_SIGNATURE}{why_none_is_inferred(lock)}")
    sketched = sketch(described.get("signature"), version) if sketch is not None else None
    inputs = digest_of_json(
        [origin.data_digest, origin.commit, origin.seed, dict(origin.parameters or {}), sha256_of_text(lock)]
    )
    candidate = Candidate(
        model=model,
        version=version,
        readable_version=origin.readable_version,
        semantic_version=origin.semantic_version,
        run_id=origin.run.id if origin.trained_here else "",
        records_run_id=origin.run.id,
        digest=content.digest(files),
        content=content.content(files),
        files=files,
        data_digest=origin.data_digest,
        commit=origin.commit,
        seed=origin.seed,
        parameters=dict(origin.parameters or {}),
        metrics=finite_metrics(origin.run, job),
        signature=described.get("signature"),
        environment=Environment(
            python=python.version,
            platform=python.platform,
            requirements=lock,
            requirements_digest=sha256_of_text(lock),
            locked_at="training" if origin.trained_here else "adoption",
        ),
        training_sketch=hashlib.sha256(sketched).hexdigest() if sketched is not None else "",
        repeats=_compared(client, model, version, inputs, files) if origin.trained_here else "",
    )
    store_wheels(client, origin.run, lock)
    if sketched is not None:
        client.upload(origin.run.artifact_uri, training_sketch.PATH, sketched)
    write_candidate(client, candidate)
    client.set_version_tag(model, version, INPUTS_TAG, inputs)
    return candidate


def why_none_is_inferred(lock: str) -> str:
    """MLflow's infer_signature imports scipy for any input, and takes its failure for a type that it does not know."""
    if re.search(r"(?m)^scipy==", lock):
        return ""
    return "; MLflow infers none where scipy is not installed: add it to the training's packages"


def what_the_signature_lacks(signature: Mapping[str, Any] | None) -> str:
    """Why evaluate-gate cannot read rows for a model with this signature; empty where it can. That a column's type is one
    that a table can hold is for it to say."""
    inputs = (signature or {}).get("inputs")
    if not inputs:
        return "no signature"
    named = isinstance(inputs, list) and all(isinstance(item, dict) and item.get("name") for item in inputs)
    return "" if named else "a signature without named columns"


def finite_metrics(run: Run, job: ci.Job) -> dict[str, float]:
    """The run's metrics that are numbers; JSON has no NaN, and what is left out is said."""
    dropped = sorted(name for name, value in run.metrics.items() if not math.isfinite(value))
    if dropped:
        job.warn("train-model", f"metrics that are not finite are left out: {', '.join(dropped)[:300]}")
    return {name: value for name, value in sorted(run.metrics.items()) if math.isfinite(value)}


def _compared(client: ModelRegistry, model: str, version: int, inputs: str, files: tuple[ModelFile, ...]) -> str:
    """What to say of an earlier version that was trained from the same data, seed, parameters, commit and environment."""
    twins = [
        item for item in client.search_versions(model) if item.version < version and item.tags.get(INPUTS_TAG) == inputs
    ]
    if not twins:
        return ""
    twin = max(twins, key=lambda item: item.version)
    differing = content.differing_files(read_candidate(client, model, twin.version).files, files)
    if not differing:
        return f"the same content as version {twin.version}, trained from the same inputs"
    return f"differs from version {twin.version}, trained from the same inputs, in {', '.join(differing)}"


def read_mlmodel(folder: Path) -> dict[str, Any]:
    """MLflow's description of a stored model, with the signature's columns as values."""
    try:
        described = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        signature = described.get("signature")
        if signature:
            described["signature"] = {
                key: json.loads(value) if isinstance(value, str) else value for key, value in signature.items()
            }
        described["flavors"]["python_function"]
    except (OSError, yaml.YAMLError, ValueError, AttributeError, KeyError, TypeError):
        raise InvalidInput(
            "the logged model has no readable MLmodel file with a python_function flavor",
            fix="log it with mlflow.<flavor>.log_model",
        ) from None
    return dict(described)
