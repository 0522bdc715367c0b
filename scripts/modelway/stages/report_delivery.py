"""report-delivery: how often, how fast and how safely models reach an environment, by its ledger and journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.delivery.changes import EnvironmentChange, changes
from modelway.delivery.figures import DeliveryFigures, figures
from modelway.errors import InvalidInput, Refused
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate
from modelway.report.delivery import markdown
from modelway.report.delivery_page import delivery_page, incident_page
from modelway.rollout.journal import Story
from modelway.stages.rollouts import deployment
from modelway.stages.steps import workspace
from modelway.stages.steps.history import history_of

DAYS = 90
MOST_INCIDENTS = 50
"""Pages that are written, of the newest."""


@dataclass(frozen=True, kw_only=True)
class DeliveryReported(ci.Result):
    deployments: Annotated[int, Output("how many releases reached the environment in that time")]
    failed_changes: Annotated[int, Output("how many were taken back or rolled back")]
    report: Annotated[
        str, Output("the path of report-delivery.json; report-delivery.html beside it, and a page for each incident")
    ]
    figures: DeliveryFigures
    """The figures, each with its n and its interval."""
    changes: tuple[EnvironmentChange, ...]
    """What they were made of, oldest first."""


@ci.use_case
def report_delivery(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    since: Annotated[
        datetime | None, Input("From when on, such as 2026-09-01T00:00:00Z.", left_out="90 days before `until`")
    ] = None,
    until: Annotated[datetime | None, Input("Up to when.", left_out="now")] = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> DeliveryReported:
    """Report how models reach an environment: how often, after how long, how many failed, and until when that was restored.

    Inputs: modelway.yml, the ledger, the journals of the environment's rollouts, and git's history for the times of commits.
    Outputs: the figures with n and interval, as a page with plots and JSON; a page for each incident, from the record.
    Exit codes: 0 reported; 1 entries of the ledger were edited or deleted, so that it tells nothing for certain; 2 wrong
    input; 4 the registry failed.
    """
    end = until or datetime.now(UTC)
    begin = since or end - timedelta(days=DAYS)
    if begin >= end:
        raise InvalidInput(
            f"is not before {end.isoformat()}", where="input since", fix="give a time before `until`, or leave it out"
        )
    project = workspace.resolve(job, environment)
    history, _ = history_of(project, job, audit=True)
    stories = deployment.stories(project) if project.deploy is not None else []
    came = changes(history.on_chain(environment), stories)
    window = [change for change in came if begin.timestamp() <= change.began < end.timestamp()]
    committed = _committed(project, job, {change.version for change in window if change.new})
    found = figures(came, committed, begin.timestamp(), end.timestamp())
    title = f"{project.model} in {environment}"
    record = {
        "schema": "modelway/report-delivery/1",
        "model": project.model,
        "environment": environment,
        "since": begin,
        "until": end,
        "figures": found,
        "availability": found.availability,
        "changes": window,
        "committed": committed,
    }
    report = job.report(record, markdown(f"Delivery of {title}", found, window, committed))
    incidents = _incidents(job, title, [change for change in window if change.failed], stories)
    job.attach("html", delivery_page(f"Delivery of {title}", found, window, committed, incidents, end.timestamp()))
    job.say(f"{found.deployments} deployed, {found.failed} of {found.failure_rate.n} changes failed")
    return DeliveryReported(
        deployments=found.deployments,
        failed_changes=found.failed,
        report=str(report),
        figures=found,
        changes=tuple(window),
        failures=(
            (
                Refused(
                    f"the ledger of {history.model} is not what was written: {'; '.join(history.unaccepted[:5])}",
                    fix="look at it with show-history, then restore it, or accept it as it is with promote-model's adopt",
                ),
            )
            if history.unaccepted
            else ()
        ),
    )


def _incidents(
    job: ci.Job, title: str, failed: Sequence[EnvironmentChange], stories: Sequence[Story]
) -> dict[tuple[float, int], str]:
    """The name of each page that was written, by when its change began, and its version."""
    by_number = {story.plan.number: story for story in stories}
    written = dict[tuple[float, int], str]()
    for change in failed[-MOST_INCIDENTS:]:
        if change.back is None:
            continue
        began = datetime.fromtimestamp(change.began, UTC)
        suffix = f"incident-{began:%Y%m%d-%H%M%S}-version-{change.version}.html"
        own = [by_number[number] for number in change.rollouts if number in by_number]
        page = incident_page(f"{title}: version {change.version} failed", change, own)
        written[change.began, change.version] = job.attach(suffix, page).name
    return written


def _committed(project: Resolved, job: ci.Job, versions: set[int]) -> Mapping[int, float | None]:
    """When the commit was made that each version was trained at; None where that is not known."""
    client = workspace.connect_registry(project, job)
    return {version: _commit_time(client, project, job, version) for version in sorted(versions)}


def _commit_time(client: ModelRegistry, project: Resolved, job: ci.Job, version: int) -> float | None:
    try:
        commit = read_candidate(client, project.model, version).commit
    except InvalidInput:  # it was adopted from outside, or is deleted
        return None
    return workspace.committed_at(job.folder, commit.removesuffix("-dirty"))
