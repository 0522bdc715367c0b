"""rollback-release: the version that was there before, brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.config.keys import Count
from modelway.errors import ModelwayError, OutsideFailure
from modelway.report.history import markdown as history_markdown
from modelway.report.rollout import markdown, record
from modelway.rollout.journal import Story
from modelway.stages.rollouts.rollback import RolledBack, roll_back
from modelway.stages.steps import workspace
from modelway.stages.steps.history import finish_alias, roll_back_alias


@dataclass(frozen=True, kw_only=True)
class ReleaseRolledBack(ci.Result):
    outcome: Annotated[Literal["reverted", "unchanged", "failed"], Output("reverted, unchanged or failed")]
    version: Annotated[int | None, Output("the version that has the traffic now")]
    previous_version: Annotated[
        int | None, Output("the version that had it, or was about to; empty where nothing was changed")
    ]
    alias_moved: Annotated[bool, Output("true where the registry says what runs")]
    report: Annotated[str, Output("the path of rollback-release.json")] = ""
    stories: tuple[Story, ...] = ()
    """The rollouts that this command ended or began."""


@ci.use_case
def rollback_release(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    to: Annotated[Count | None, Input("The version to bring back.", left_out="the one before")] = None,
    only_unfinished: Annotated[
        bool, Input("true: end a rollout that is under way, and change nothing where none is.")
    ] = False,
    reason: Annotated[str, Input("The reason, for the history.", left_out="rolled back, and from which version")] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ReleaseRolledBack:
    """Bring back the version that was in an environment before: traffic first, then the alias. A running rollout is ended.

    Inputs: modelway.yml (section deploy; the environment's overlay), and the flags below. Neither the registry nor the image
    is needed: what the registry could not be told, the next command tells it. An environment without a deploy section is its
    alias: that goes back, through the ledger.
    Exit codes: 0 it is there, also where it was there already; 1 there is nothing to go back to; 2 wrong input; 4 it could not
    be started, or it is there and the registry does not know it yet.
    """
    project = workspace.resolve(job, environment)
    if project.deploy is None:
        return _alias_back(project, job, to, reason, only_unfinished)
    done = roll_back(project, job, to, reason, only_unfinished=only_unfinished)
    last = done.stories[-1] if done.stories else None
    failed = last is not None and last.outcome == "failed"
    return ReleaseRolledBack(
        outcome="failed" if failed else "reverted" if last else "unchanged",
        version=done.version or None,
        previous_version=done.left,
        alias_moved=not done.problem and done.version > 0,  # what ran before modelway came has no version
        report=str(job.report(record(last), markdown(last))) if last else "",
        stories=done.stories,
        failures=_failures(done, last),
    )


def _failures(done: RolledBack, last: Story | None) -> tuple[ModelwayError, ...]:
    if last is not None and last.outcome == "failed":
        return (OutsideFailure(f"traffic is where it was: {'; '.join(last.state.reasons)}"),)
    if done.problem:
        said = f"version {done.version} has the traffic; the registry was not told: {done.problem}"
        return (OutsideFailure(f"{said}. The next command tells it"),)
    return ()


def _alias_back(project: Resolved, job: ci.Job, to: int | None, why: str, only_unfinished: bool) -> ReleaseRolledBack:
    done = finish_alias(project, job) if only_unfinished else roll_back_alias(project, job, to, why)
    chain = done.history.on_chain(project.environment)
    return ReleaseRolledBack(
        outcome="reverted" if done.changed else "unchanged",
        version=done.version,
        previous_version=done.left,
        alias_moved=True,
        report=str(job.report(chain, history_markdown(done.history, project.environment))),
    )
