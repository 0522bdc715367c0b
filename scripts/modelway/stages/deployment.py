"""What deploy-model, rollback-release, stop-deployment and replay-rollout begin with: the target of an environment."""

from __future__ import annotations

import re
from pathlib import Path

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.rollout import journal
from modelway.targets.local import machine, state


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
    named = section(project).local.folder
    if named is None:
        kept = re.sub(r"[^\w.-]", "_", f"{project.model}-{project.environment}")
        return home.state_folder() / "targets" / kept
    if not Path(named).is_absolute():
        raise InvalidInput(
            f"{named[:200]!r} is not absolute",
            where="deploy.local.folder",
            fix="a job's own folder is gone when it ends",
        )
    return Path(named)


def open_target(project: Resolved, job: ci.Job) -> machine.Machine:
    """The environment's target, made where it does not exist; refused where the machine ends with the job."""
    local = section(project).local
    if job.environ.get("RUNNER_ENVIRONMENT") == "github-hosted" and not local.ephemeral:
        raise InvalidInput(
            "the local target ends with this GitHub-hosted runner",
            where="deploy.target",
            fix="use a runner of your own, or say deploy.local.ephemeral: true for a try in one job",
        )
    return machine.opened(folder_of(project), project.model, project.environment, local.port)


def existing(project: Resolved) -> Path:
    """The folder of a target that was deployed to; InvalidInput where nothing ever was."""
    folder = folder_of(project)
    if state.read(folder) is None:
        raise InvalidInput(
            f"nothing was ever deployed to {project.environment}",
            where=str(folder),
            fix="deploy first; is this the machine, and the user, that it was deployed with?",
        )
    return folder


def stories(folder: Path) -> list[journal.Story]:
    """Every rollout of a target, oldest first."""
    paths = sorted((folder / machine.JOURNALS).glob("*.jsonl"))
    return [story for path in paths if (story := journal.read(path)) is not None]
