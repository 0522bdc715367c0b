"""continue-rollout: a person lets a rollout go on from its pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.sections import Percent
from modelway.report.rollout import continued, continued_markdown
from modelway.stages.rollouts.paused import continue_
from modelway.stages.rollouts.reasons import one_line
from modelway.stages.steps import workspace

NONE_GIVEN = "no reason was given"


@dataclass(frozen=True, kw_only=True)
class RolloutContinued(ci.Result):
    outcome: Annotated[
        Literal["continued", "unchanged"], Output("continued; unchanged where somebody had continued it before")
    ]
    version: Annotated[int, Output("the version that goes on")]
    at: Annotated[int, Output("the step, in percent, from which it goes on")]
    report: Annotated[str, Output("the path of continue-rollout.json: who has continued it, when and why")]


@ci.use_case
def continue_rollout(
    job: ci.Job,
    *,
    environment: ci.Environment,
    version: ci.Version,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    at: Annotated[
        Percent | None,
        Input(
            "The step, in percent, at which it is paused; another pause is refused.", left_out="the one that it is at"
        ),
    ] = None,
    reason: Annotated[str, Input("The reason, for the record: one line.", left_out=NONE_GIVEN)] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> RolloutContinued:
    """Let a rollout go on that is paused at a step of deploy.pause-at. A deploy-model that is at work takes it up within a
    block; else the next one does. A second run changes nothing.

    Inputs: modelway.yml (section deploy; the environment's overlay), and the flags below. Neither the registry nor the image
    is needed.
    Outputs: who has continued it, when and why; the rollout's journal has it too.
    Exit codes: 0 it goes on; 1 that version is not paused there, or was taken back meanwhile; 2 wrong input; 4 an outside
    system failed.
    """
    why = one_line(reason, "reason") if reason else NONE_GIVEN
    project = workspace.resolve(job, environment)
    done = continue_(project, job, version, at, why)
    percent = round(100 * done.said.weight)
    job.say(
        f"version {version} goes on from {percent} %{'' if done.changed else ': ' + done.said.who + ' had said so'}"
    )
    return RolloutContinued(
        outcome="continued" if done.changed else "unchanged",
        version=version,
        at=percent,
        report=str(job.report(continued(done.story, done.said), continued_markdown(done.story, done.said))),
    )
