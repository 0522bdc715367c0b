"""What deploy-model, rollback-release, stop-deployment and replay-rollout begin with: the target of an environment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.errors import InvalidInput
from modelway.rollout import journal
from modelway.targets import open_target
from modelway.targets.state import Slot, TargetState
from modelway.targets.target import Claim, Target

AnyTarget = Target[TargetState[Any], Slot]
AnyClaim = Claim[TargetState[Any], Slot]


def section(project: Resolved) -> Deploy:
    """The deploy section; InvalidInput where the environment has none."""
    if project.deploy is None:
        raise InvalidInput(
            f"environment {project.environment} has no deploy section",
            where=project.source,
            fix="add `deploy:` to it, or use promote-model where nothing is deployed",
        )
    return project.deploy


def target_of(project: Resolved) -> AnyTarget:
    """The environment's target, for reading."""
    target = open_target(project.model, project.environment, section(project))
    return target if project.monitor.sketches else replace(target, place=target.place.without_sketches())


def existing(project: Resolved) -> tuple[AnyTarget, TargetState[Any]]:
    """The environment's target, and its state; InvalidInput where nothing was ever deployed to it."""
    target = target_of(project)
    state = target.state()
    if state is None:
        raise InvalidInput(
            f"nothing was ever deployed to {project.environment}",
            where=target.records.where,
            fix="deploy first; is this the machine, and the user, that it was deployed with?",
        )
    return target, state


def check_runner(project: Resolved, job: ci.Job) -> None:
    """InvalidInput where the machine ends with the job, and the target with it."""
    if objection := target_of(project).place.objection(None, ephemeral=job.runner.ends_with_job):
        raise objection


def stop(project: Resolved, job: ci.Job) -> bool:
    """End all that runs for the environment; False where nothing did."""
    return target_of(project).stop(job.author, lambda said: job.warn("stop-deployment", said))


def stories(project: Resolved) -> list[journal.Story]:
    """Every rollout of the environment's target, oldest first."""
    return target_of(project).stories()
