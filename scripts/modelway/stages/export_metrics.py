"""export-metrics: what is known of a version, as numbers that other programs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.errors import InvalidInput
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.report.metrics import as_csv, as_prometheus, figures_of, markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.history import standing_version


@dataclass(frozen=True, kw_only=True)
class MetricsExported(ci.Result):
    version: Annotated[int, Output("the version that the figures are of")]
    figures: Annotated[int, Output("how many figures there are")]
    prometheus: Annotated[
        str, Output("the path of export-metrics.prom: Prometheus' text, for a textfile collector or a Pushgateway")
    ]
    csv: Annotated[str, Output("the path of export-metrics.csv")]
    report: Annotated[str, Output("the path of export-metrics.json")]


@ci.use_case
def export_metrics(
    job: ci.Job,
    *,
    environment: Annotated[
        str | None,
        Input(
            "The environment whose version and verdict are exported.",
            left_out="a version is named, and no verdict is exported",
        ),
    ] = None,
    version: Annotated[int | None, Input("The version.", left_out="what is in the environment")] = None,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> MetricsExported:
    """Export what training and gate measured of a version: for Prometheus, as CSV and as JSON, each value with its interval.

    Inputs: modelway.yml (model, section registry), and an environment, a version, or both.
    Outputs: the three files. A value that is not known is left out, never zero.
    Exit codes: 0 exported; 1 the alias and the ledger differ; 2 wrong input, such as a version without figures; 4 the registry
    failed.
    """
    project = workspace.resolve(job, environment)
    client = workspace.connect_registry(project, job)
    number = version
    if number is None:
        if not project.environment:
            raise InvalidInput("neither is given", where="inputs environment and version", fix="give one of them")
        number = standing_version(client, project)
    candidate = read_candidate(client, project.model, number)
    stored = read_verdict(client, project.model, number, project.environment) if project.environment else None
    verdict = stored.record if stored else None
    figures = figures_of(candidate, verdict)
    if not figures:
        raise InvalidInput(
            f"neither its training nor a verdict{f' for {project.environment}' if project.environment else ''} has a figure",
            where=f"{project.model} version {number}",
            fix="log metrics in the training, or judge it with evaluate-gate and name that environment",
        )
    record = {
        "schema": "modelway/export-metrics/1",
        "model": project.model,
        "version": number,
        "environment": project.environment,
        "outcome": verdict.outcome if verdict else "",
        "digest": candidate.digest,
        "figures": figures,
    }
    path = job.report(record, markdown(project.model, number, figures, verdict))
    prometheus = job.attach("prom", as_prometheus(project.model, number, figures, verdict))
    csv = job.attach("csv", as_csv(project.model, number, figures))
    job.say(f"{len(figures)} figures of {project.model} version {number}")
    return MetricsExported(
        version=number, figures=len(figures), prometheus=str(prometheus), csv=str(csv), report=str(path)
    )
