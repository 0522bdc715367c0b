"""Say from an environment's traffic as it is whether the next canary can finish in its time; nothing is changed.

Inputs: modelway.yml (section deploy; the environment's overlay), and what the target on this machine recorded.
Outputs: the outcome and the sentence that deploy-model would say. Run it before training: hours are not spent on a model
that cannot be rolled out. Where too little traffic is known it warns, and deploy-model asks again before the canary starts.
Exit codes: 0 it can, nothing would be compared, or the traffic is not known; 1 it cannot; 2 wrong input or configuration.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.stages.rollouts.planned import foresee
from modelway.stages.steps import workspace

INPUTS = (ci.CONFIG, ci.WORKING_DIRECTORY, ci.ENVIRONMENT, ci.REPORT_DIRECTORY)

OUTPUTS = {
    "outcome": "possible; unneeded where nothing would be compared; unknown where there was too little traffic",
    "sentence": "how many requests and how long the canary needs, or why nobody can say",
    "report": "the path of plan-rollout.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    foreseen = foresee(workspace.resolve(values, job, INPUTS))
    job.say(foreseen.sentence)
    if foreseen.outcome == "unknown":
        job.warn("plan-rollout", f"{foreseen.sentence}; deploy-model asks again before the canary starts")
    job.set_output("outcome", foreseen.outcome)
    job.set_output("sentence", foreseen.sentence)
    text = f"**{foreseen.outcome.upper()}** {values[ci.ENVIRONMENT.name]}: {foreseen.sentence}"
    job.set_output("report", str(job.report(foreseen, text)))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
