"""Going on with the rollout that is under way, whichever it is: what a schedule can ask for that knows no version."""

from __future__ import annotations

from modelway import ci
from modelway.config import Resolved
from modelway.errors import OutsideFailure, Refused
from modelway.rollout.run import AtWork
from modelway.stages.rollouts import announce, deployment
from modelway.stages.rollouts.deploy import Deployed, deploy


def go_on(project: Resolved, job: ci.Job, *, wait: bool) -> Deployed | None:
    """What became of it; None where none is under way, which the target says without the registry. Where another command is at
    work, the rollout is left to that one."""
    deployment.check_runner(project, job)
    target = deployment.target_of(project)
    state, left = target.state(), target.unfinished()
    if left is None:
        if state is not None and state.pending:
            _announce(project, job, target)
        job.say(f"no rollout is under way in {project.environment}: nothing is to be done")
        return None
    side = left.plan.new
    if left.plan.kind == "rollback":
        raise Refused(
            f"a rollback to {side.name} was cut off", where="input only-unfinished", fix="run rollback-release again"
        )
    try:
        return deploy(project, job, side.version, side.built_for, "", wait=wait, only=left)
    except AtWork as other:
        job.say(f"{other.what}: the rollout is left to it")
        return Deployed(side.version, left, target.address())


def _announce(project: Resolved, job: ci.Job, target: deployment.AnyTarget) -> None:
    """A rollout ended, and the registry could not be told."""
    try:
        claim = target.claim(job.author, "telling the registry what runs", say=job.say)
    except AtWork:
        return  # it tells the registry first of all
    try:
        problem = announce.announce_pending(project, job, claim)
    finally:
        claim.give_back()
    if problem:
        raise OutsideFailure(f"the alias could not be moved: {problem}", fix="then run the same command again")
