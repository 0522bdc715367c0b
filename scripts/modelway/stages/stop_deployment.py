"""stop-deployment: the end of all that runs for an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Output
from modelway.stages.rollouts import deployment
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class DeploymentStopped(ci.Result):
    stopped: Annotated[bool, Output("true where something ran")]


@ci.use_case
def stop_deployment(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
) -> DeploymentStopped:
    """End everything that runs for an environment on this machine: Envoy, its recorder, all servers. What ran stays known.

    Inputs: modelway.yml (section deploy; the environment's overlay). The alias stays where it is.
    Exit codes: 0 nothing of it runs any more, also where nothing did; 2 wrong input; 4 it is another user's, or does not end.
    """
    project = workspace.resolve(job, environment)
    stopped = deployment.stop(project, job)
    job.say(f"{project.environment}: {'stopped' if stopped else 'nothing ran'}")
    return DeploymentStopped(stopped=stopped)
