"""train-model: a version of the model, trained here or elsewhere, registered with all that its record says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Scalar
from modelway.errors import InvalidInput
from modelway.records import Candidate
from modelway.report.candidate import markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.adopt import adopt
from modelway.stages.steps.train import train

SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, kw_only=True)
class ModelTrained(ci.Result):
    model: Annotated[str, Output("the registered model's name")]
    version: Annotated[int, Output("the registered version's number")]
    readable_version: Annotated[str, Output("date and commit, such as 20261121-ab12cd3")]
    run_id: Annotated[str, Output("the MLflow run that trained it; empty when adopted")]
    digest: Annotated[str, Output("sha256 over the stored files: what a verdict holds for")]
    content: Annotated[str, Output("sha256 that repeats when the same model is trained again")]
    data_digest: Annotated[str, Output("sha256 of the training data")]
    commit: Annotated[str, Output("the commit it was trained from")]
    metrics: Annotated[dict[str, float], Output("the run's metrics as a JSON object")]
    report: Annotated[str, Output("the path of train-model.json")]
    candidate: Candidate
    """The whole record."""


@ci.use_case
def train_model(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    tracking_uri: ci.TrackingUri = None,
    data: Annotated[str | None, ci.key("data.train")] = None,
    command: Annotated[str | None, ci.key("train.command")] = None,
    requirements: Annotated[str | None, ci.key("train.requirements")] = None,
    python: Annotated[str | None, ci.key("train.python")] = None,
    parameters: Annotated[
        Mapping[str, Scalar] | None, ci.key("train.parameters", "Hyperparameters as a JSON object.")
    ] = None,
    parameters_file: Annotated[
        str | None, Input("The same as parameters, in a file: needed above 128 KiB.", file_of="parameters")
    ] = None,
    seed: Annotated[int | None, ci.key("train.seed")] = None,
    timeout_minutes: Annotated[float | None, ci.key("train.timeout-minutes")] = None,
    model_uri: Annotated[
        str | None, Input("A model trained elsewhere, such as models:/NAME/3, to adopt.", left_out="a model is trained")
    ] = None,
    semantic_version: Annotated[str, Input("A version that people gave it, such as 2.1.0.", left_out="none")] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelTrained:
    """Train a model by the team's command, or adopt one that was trained elsewhere, and register it as a Candidate.

    Inputs: modelway.yml (sections registry, data, train), and the flags below, each of which overrides one key of it.
    Outputs: the registered version and what names it (digests, commit, metrics).
    Exit codes: 0 registered; 2 wrong input, or the command failed; 4 the registry, the package index or the time limit.
    """
    if semantic_version and not SEMANTIC_VERSION.fullmatch(semantic_version):
        raise InvalidInput(
            f"{ci.shown(semantic_version)} is not MAJOR.MINOR.PATCH",
            where="input semantic-version",
            fix="give e.g. 2.1.0",
        )
    project = workspace.resolve(job, environment)
    adopted = adopt(project, job, model_uri, semantic_version) if model_uri else None
    candidate = adopted or train(project, job, semantic_version)
    return ModelTrained(
        model=candidate.model,
        version=candidate.version,
        readable_version=candidate.readable_version,
        run_id=candidate.run_id,
        digest=candidate.digest,
        content=candidate.content,
        data_digest=candidate.data_digest,
        commit=candidate.commit,
        metrics=candidate.metrics,
        report=str(job.report(candidate, markdown(candidate))),
        candidate=candidate,
    )
