"""End everything that runs for an environment on this machine: Envoy, its recorder, all servers. What ran stays known.

Inputs: modelway.yml (section deploy; the environment's overlay). The alias stays where it is.
Exit codes: 0 nothing of it runs any more, also where nothing did; 2 wrong input.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.stages import deployment
from modelway.stages import project as begin
from modelway.stages.rollout import author
from modelway.targets.local import lease, machine

INPUTS = (ci.CONFIG, ci.WORKING_DIRECTORY, ci.ENVIRONMENT)

OUTPUTS = {"stopped": "true where something ran"}


def work(values: ci.Values, job: ci.Job) -> int:
    project = begin.resolve(values, job, INPUTS)
    folder = deployment.folder_of(project)
    stopped = False
    if folder.is_dir():
        try:
            held = lease.take(folder, author(job), "stopping the deployment", always=True)
        except OSError as error:  # a full disk keeps nobody from stopping
            job.warn("stop-deployment", f"without the target's lease: {error.strerror}")
            stopped = machine.stop(folder)
        else:
            with held.held():
                stopped = machine.stop(folder)
            held.give_back()
    job.say(f"{project.environment}: {'stopped' if stopped else 'nothing ran'}")
    job.set_output("stopped", str(stopped).lower())
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
