"""End everything that runs for an environment on this machine: Envoy, its recorder, all servers. What ran stays known.

Inputs: modelway.yml (section deploy; the environment's overlay). The alias stays where it is.
Exit codes: 0 nothing of it runs any more, also where nothing did; 2 wrong input; 4 it is another user's, or does not end.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.stages.rollouts import deployment
from modelway.stages.steps import workspace

INPUTS = (ci.CONFIG, ci.WORKING_DIRECTORY, ci.ENVIRONMENT)

OUTPUTS = {"stopped": "true where something ran"}


def work(values: ci.Values, job: ci.Job) -> int:
    project = workspace.resolve(values, job, INPUTS)
    stopped = deployment.stop(project, job)
    job.say(f"{project.environment}: {'stopped' if stopped else 'nothing ran'}")
    job.set_output("stopped", str(stopped).lower())
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
