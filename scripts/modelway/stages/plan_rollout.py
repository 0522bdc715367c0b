"""plan-rollout: whether the next canary can finish in its time, by the traffic of now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Output
from modelway.markdown import cell
from modelway.rollout.planning import PlanNumbers, time_said
from modelway.rollout.ways import Way
from modelway.stages.rollouts.planned import Foreseen, foresee
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class RolloutPlanned(ci.Result):
    outcome: Annotated[
        Literal["possible", "impossible", "unneeded", "unknown"],
        Output(
            "possible; impossible where it cannot finish in its time; unneeded where nothing would be compared; unknown where"
            " there was too little traffic"
        ),
    ]
    sentence: Annotated[str, Output("how many requests and how long the canary needs, or why nobody can say")]
    report: Annotated[str, Output("the path of plan-rollout.json")]
    numbers: PlanNumbers | None
    """What the sentence says; None where nothing would be compared, or the traffic is not known."""
    ways: tuple[Way, ...] = ()
    """What would let it finish, each with its number; none where it can."""


@ci.use_case
def plan_rollout(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> RolloutPlanned:
    """Say from an environment's traffic as it is whether the next canary can finish in its time; nothing is changed.

    Inputs: modelway.yml (section deploy; the environment's overlay), and what the target on this machine recorded.
    Outputs: the outcome and the sentence that deploy-model would say. Run it before training: hours are not spent on a model
    that cannot be rolled out. Where too little traffic is known it warns, and deploy-model asks again before the canary
    starts.
    Exit codes: 0 it can, nothing would be compared, or the traffic is not known; 1 it cannot; 2 wrong input or configuration.
    """
    foreseen, refusal = foresee(workspace.resolve(job, environment))
    job.say(foreseen.sentence)
    if foreseen.outcome == "unknown":
        job.warn("plan-rollout", f"{foreseen.sentence}; deploy-model asks again before the canary starts")
    return RolloutPlanned(
        outcome=foreseen.outcome,
        sentence=foreseen.sentence,
        report=str(job.report(foreseen, markdown(foreseen, environment, refusal.what if refusal else ""))),
        numbers=foreseen.numbers,
        ways=foreseen.ways,
        failures=(refusal,) if refusal else (),
    )


def markdown(foreseen: Foreseen, environment: str, why: str) -> str:
    """For the job's summary. why: it cannot finish in its time."""
    lines = [f"**{foreseen.outcome.upper()}** {environment}: {why or foreseen.sentence}"]
    if foreseen.ways:
        lines += ["", "| what would do | it takes at most | what to know of it |", "|---|--:|---|"]
        lines += [
            f"| {cell(way.change)} | {time_said(way.takes_seconds)} | {cell(way.price)} |" for way in foreseen.ways
        ]
    return "\n".join(lines)
