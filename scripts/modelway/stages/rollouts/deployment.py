"""What deploy-model, rollback-release, stop-deployment and replay-rollout begin with: the target of an environment."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.rollout import journal
from modelway.stages.steps.promote import who
from modelway.targets.local import lease, machine
from modelway.targets.local.state import Deployed


def section(project: Resolved) -> Deploy:
    """The deploy section; InvalidInput where the environment has none."""
    if project.deploy is None:
        raise InvalidInput(
            f"environment {project.environment} has no deploy section",
            where=project.source,
            fix="add `deploy:` to it, or use promote-model where nothing is deployed",
        )
    return project.deploy


def folder_of(project: Resolved) -> Path:
    """Without symbolic links: processes are found again by this path, whichever way it was reached."""
    named = section(project).local.folder
    if named is None:
        kept = re.sub(r"[^\w.-]", "_", f"{project.model}-{project.environment}")
        return (home.state_folder() / "targets" / kept).resolve()
    if not Path(named).is_absolute():
        raise InvalidInput(
            f"{named[:200]!r} is not absolute",
            where="deploy.local.folder",
            fix="a job's own folder is gone when it ends",
        )
    return Path(named).resolve()


def look(project: Resolved) -> Deployed | None:
    """What is known of the environment's target, for reading; None where nothing was ever deployed there."""
    return machine.look(folder_of(project), project.model, project.environment)


def existing(project: Resolved) -> Deployed:
    """The same; InvalidInput where nothing ever was."""
    deployed = look(project)
    if deployed is None:
        raise InvalidInput(
            f"nothing was ever deployed to {project.environment}",
            where=str(folder_of(project)),
            fix="deploy first; is this the machine, and the user, that it was deployed with?",
        )
    return deployed


def claimed(project: Resolved, job: ci.Job, what: str, *, always: bool = False) -> machine.Machine:
    """The environment's target, for this command alone."""
    port = section(project).local.port
    folder, who = folder_of(project), author(job)
    return machine.claimed(folder, project.model, project.environment, port, who, what, always=always)


def check_runner(project: Resolved, job: ci.Job) -> None:
    """InvalidInput where the machine ends with the job, and the target with it."""
    if job.runner.ends_with_job and not section(project).local.ephemeral:
        raise InvalidInput(
            "the local target ends with this GitHub-hosted runner",
            where="deploy.target",
            fix="use a runner of your own, or say deploy.local.ephemeral: true for a try in one job",
        )


def other_port(project: Resolved, deployed: Deployed) -> str:
    """What to say where modelway.yml names another port than the one that the target listens on; else empty."""
    port = section(project).local.port
    if port == deployed.port or not machine.is_listening(folder_of(project)):
        return ""
    return f"{project.environment} listens on port {deployed.port}, and modelway.yml says {port}"


def stop(project: Resolved, job: ci.Job) -> bool:
    """End all that runs for the environment; False where nothing did."""
    folder = folder_of(project)
    if not folder.is_dir():
        return False
    try:
        held = lease.take(folder, author(job), "stopping the deployment", always=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        job.warn("stop-deployment", f"without the target's lease: {error.strerror}")  # a full disk keeps nobody from it
        return machine.stop(folder)
    try:
        with held.held():
            return machine.stop(folder)
    finally:
        held.give_back()


def author(job: ci.Job) -> str:
    return who(job.environ)


def stories(project: Resolved) -> list[journal.Story]:
    """Every rollout of the environment's target, oldest first."""
    paths = sorted((folder_of(project) / machine.JOURNALS).glob("*.jsonl"))
    return [story for path in paths if (story := journal.read(path)) is not None]
