"""download-model: a version's files in a folder, verified by its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.report.candidate import markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.download import bring, version_of


@dataclass(frozen=True, kw_only=True)
class ModelDownloaded(ci.Result):
    version: Annotated[int, Output("the version that was downloaded")]
    digest: Annotated[str, Output("the digest of its files, which were verified by it")]
    folder: Annotated[str, Output("the folder with the MLflow model")]
    python: Annotated[str, Output("the Python that it was trained with")]
    requirements: Annotated[str, Output("the path of download-model.requirements.txt, its locked environment")]
    report: Annotated[str, Output("the path of download-model.json, with the Candidate's whole record")]


@ci.use_case
def download_model(
    job: ci.Job,
    *,
    folder: Annotated[
        str, Input("Where the model is put, below working-directory; a model that is there is replaced.")
    ] = "model",
    environment: Annotated[
        str | None,
        Input("The environment of modelway.yml whose version is downloaded.", left_out="version or digest says it"),
    ] = None,
    version: Annotated[
        int | None, Input("The version.", left_out="what is in the environment, or has the digest")
    ] = None,
    digest: Annotated[
        str, Input("The digest that the version has to have, or its first 12 characters or more.", left_out="any")
    ] = "",
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelDownloaded:
    """Download a version of the model: by environment, number or digest, verified file by file, whole or not at all.

    Inputs: modelway.yml (model, section registry), which version, and the folder.
    Outputs: the folder, the version and its digest, and the environment that it needs.
    Exit codes: 0 downloaded; 1 its files are not what was recorded, or the environment and the ledger differ; 2 wrong input;
    4 the registry or the disk failed. What has arrived is kept beside the folder, and not fetched again.
    """
    project = workspace.resolve(job, environment)
    client = workspace.connect_registry(project, job)
    candidate = version_of(client, project, version, digest)
    place = bring(client, candidate, job.folder, folder, job.say)
    environ = candidate.environment
    report = job.report({"schema": "modelway/download-model/1", "candidate": candidate}, markdown(candidate))
    lock = job.attach("requirements.txt", environ.requirements)
    return ModelDownloaded(
        version=candidate.version,
        digest=candidate.digest,
        folder=str(place),
        python=environ.python,
        requirements=str(lock),
        report=str(report),
    )
