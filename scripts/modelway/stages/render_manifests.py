"""render-manifests: the Kubernetes objects of a release, for a team that keeps them in Git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import InvalidInput
from modelway.stages.rollouts import deployment
from modelway.stages.rollouts.deploy import checked_release
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class ManifestsRendered(ci.Result):
    manifests: Annotated[str, Output("the path of render-manifests.yaml")]
    text: str
    """What it holds."""


@ci.use_case
def render_manifests(
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
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ManifestsRendered:
    """Write the Kubernetes objects that deploy-model would make for a version, as YAML; no cluster is asked.

    Inputs: modelway.yml (deploy.kubernetes.create of the environment), the registry's Release, and the flags below.
    Outputs: Deployment, Service, HTTPRoute, PodDisruptionBudget and, with max-replicas, HorizontalPodAutoscaler.
    Exit codes: 0 written; 1 the version was not built and judged for it; 2 wrong input, or the objects are the team's own
    already; 4 the registry failed.
    """
    project = workspace.resolve(job, environment)
    client = workspace.connect_registry(project, job)
    known = workspace.known_environment(job, built_for) or environment
    release, _ = checked_release(client, project, version, known)
    text = deployment.target_of(project).place.manifests(release)
    if not text:
        raise InvalidInput(
            f"environment {environment} has no objects of modelway's to write down",
            where="deploy.kubernetes.create",
            fix="add that section; without it the Deployment and the rest are the team's own",
        )
    path = job.attach("yaml", text)
    job.say(text.rstrip())
    return ManifestsRendered(manifests=str(path), text=text)
