"""replay-rollout: the rollouts of an environment, read back and decided again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Count
from modelway.errors import InvalidInput, Refused
from modelway.report.rollout import markdown, record
from modelway.report.rollout_page import page
from modelway.rollout import journal
from modelway.stages.rollouts import deployment
from modelway.stages.steps import workspace

FIX = "put the journal back from a backup, or replay it with the release of modelway that wrote it"


@dataclass(frozen=True, kw_only=True)
class RolloutReplayed(ci.Result):
    same: Annotated[bool, Output("true where every decision follows from what was observed")]
    outcomes: Annotated[list[str], Output("the rollouts' outcomes, oldest first, as JSON")]
    report: Annotated[str, Output("the path of replay-rollout.json; replay-rollout.html beside it draws the rollouts")]
    stories: tuple[journal.Story, ...]
    """The rollouts, with every observation and decision."""


@ci.use_case
def replay_rollout(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    number: Annotated[
        Count | None, Input("The number of the rollout to replay, from 1.", left_out="all of them")
    ] = None,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> RolloutReplayed:
    """Read the rollouts of an environment back from their journals, prove that the same decisions follow, and draw them.

    Inputs: modelway.yml (section deploy; the environment's overlay), and which rollout.
    Outputs: a report in Markdown and JSON, and a page that draws each rollout over time.
    Exit codes: 0 every decision follows from what was observed; 1 one does not; 2 wrong input, or a journal that was changed.
    """
    project = workspace.resolve(job, environment)
    target, _ = deployment.existing(project)
    stories = target.stories()
    if number is not None:
        stories = [story for story in stories if story.plan.number == number]
        if not stories:
            raise InvalidInput("there is no such rollout", where="input number", fix="leave it out to see all of them")
    differing = [
        Refused(f"rollout {story.plan.number}: {written} was decided, {follows} follows", fix=FIX)
        for story in stories
        for written, follows in journal.replay(story)
        if written != follows
    ]
    text = "\n\n".join(markdown(story) for story in stories)
    report = job.report([record(story) for story in stories], text)
    job.attach("html", page(stories))
    return RolloutReplayed(
        same=not differing,
        outcomes=[story.outcome for story in stories],
        report=str(report),
        stories=tuple(stories),
        failures=tuple(differing),
    )
