"""plan-rollout: whether the next canary can finish in its time, by the traffic of now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from modelway import ci
from modelway.ci import Output
from modelway.rollout.planning import PlanNumbers
from modelway.stages.rollouts.planned import foresee
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class RolloutPlanned(ci.Result):
    outcome: Annotated[
        Literal["possible", "unneeded", "unknown"],
        Output("possible; unneeded where nothing would be compared; unknown where there was too little traffic"),
    ]
    sentence: Annotated[str, Output("how many requests and how long the canary needs, or why nobody can say")]
    report: Annotated[str, Output("the path of plan-rollout.json")]
    numbers: PlanNumbers | None
    """What the sentence says; None where nothing would be compared, or the traffic is not known."""


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
    foreseen = foresee(workspace.resolve(job, environment))
    job.say(foreseen.sentence)
    if foreseen.outcome == "unknown":
        job.warn("plan-rollout", f"{foreseen.sentence}; deploy-model asks again before the canary starts")
    text = f"**{foreseen.outcome.upper()}** {environment}: {foreseen.sentence}"
    return RolloutPlanned(
        outcome=foreseen.outcome,
        sentence=foreseen.sentence,
        report=str(job.report(foreseen, text)),
        numbers=foreseen.numbers,
    )
