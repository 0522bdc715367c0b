"""record-deployment: tell GitHub which image runs where."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import InvalidInput, ModelwayError
from modelway.notices.deployment_records import DeploymentRecord, put
from modelway.notices.github_api import api_address, checked_token, from_its_own
from modelway.stages.rollouts.deploy import checked_release
from modelway.stages.steps import workspace

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, kw_only=True)
class DeploymentRecorded(ci.Result):
    outcome: Annotated[
        Literal["recorded", "not-recorded"],
        Output("recorded; not-recorded where GitHub did not take it, which is a warning"),
    ]
    image: Annotated[str, Output("the image that runs there: NAME@sha256:...")]
    organization: Annotated[str, Output("whose record it is")]


@ci.use_case
def record_deployment(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: ci.Version,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    built_for: Annotated[
        str | None,
        Input("The environment whose gate it passed and was built for.", left_out="the one it is deployed to"),
    ] = None,
    status: Annotated[
        Literal["deployed", "decommissioned"],
        Input("deployed: it runs there, instead of what ran there before; decommissioned: nothing does any more."),
    ] = "deployed",
    name: Annotated[
        str, Input("The deployment's name, unique in its environment and cluster.", left_out="the model's name")
    ] = "",
    cluster: Annotated[str, Input("The cluster's name, where there are several.", left_out="none")] = "",
    physical_environment: Annotated[str, Input("Where that is, such as a region.", left_out="none")] = "",
    organization: Annotated[
        str, Input("The organization on GitHub whose record it is.", left_out="the owner of the job's repository")
    ] = "",
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=300), Input("For the request; after that it is not recorded.")
    ] = 30.0,
) -> DeploymentRecorded:
    """Tell GitHub which image runs in an environment, so that its pages of artifacts and of alerts know what is deployed.

    Inputs: the registry's Release of the version, whose image was pushed; $GITHUB_TOKEN with `artifact-metadata: write`, in a
    repository of an organization.
    Outputs: whether it was recorded. A later record of the same environment, cluster and name replaces it.
    Exit codes: 0 also where GitHub did not take it, which is a warning: nothing was deployed less; 1 the version was not built
    and judged for it; 2 wrong input, or an image that was pushed nowhere; 4 the registry failed.
    """
    owner = organization.strip() or job.environ.get("GITHUB_REPOSITORY_OWNER", "")
    if not owner:
        fix = "name it, or run it in a job on GitHub"
        raise InvalidInput("is not given, and $GITHUB_REPOSITORY_OWNER is not set", where="input organization", fix=fix)
    token = checked_token(job.environ, TOKEN, from_its_own(TOKEN, "artifact-metadata: write"))
    project = workspace.resolve(job, environment)
    client = workspace.connect_registry(project, job)
    known = workspace.known_environment(job, built_for) or environment
    release, _ = checked_release(client, project, version, known)
    image, _, digest = release.image.partition("@")
    if not digest:
        fix = "set build.image, and build the version again"
        raise InvalidInput(f"version {version} is in no image registry", where="build.image", fix=fix)
    record = DeploymentRecord(
        name=image,
        digest=digest,
        status=status,
        logical_environment=environment,
        deployment_name=name.strip() or project.model,
        version=str(version),
        physical_environment=physical_environment.strip(),
        cluster=cluster.strip(),
        github_repository=job.environ.get("GITHUB_REPOSITORY", ""),
    )
    try:
        put(api_address(job.environ), owner, token, time.monotonic() + timeout_seconds, record)
    except ModelwayError as failure:
        job.warn("record-deployment", f"it was not recorded: {failure.line()}")
        return DeploymentRecorded(outcome="not-recorded", image=release.image, organization=owner)
    job.say(f"{owner}: {release.image} is {status} in {environment}")
    return DeploymentRecorded(outcome="recorded", image=release.image, organization=owner)
