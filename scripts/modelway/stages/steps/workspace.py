"""What several stages begin with: the resolved configuration, the registry, the data, the commit."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from modelway import ci
from modelway.config import Resolved, load_project, required
from modelway.config.project import without_file
from modelway.data import engines, schemes
from modelway.data.contract import Contract, load_contract
from modelway.data.values import few
from modelway.environments import home, locks, store
from modelway.errors import InvalidInput
from modelway.records import digest_of_json
from modelway.registry.connection import connect
from modelway.registry.protocol import ModelRegistry
from modelway.training import command, dotenv

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LOCAL_REGISTRY = "MODELWAY_LOCAL_REGISTRY"
"""Set by start-registry for the later steps of its own job, which may use its server."""
FETCHED = "MODELWAY_FETCHED"
"""Set for the later steps of a job: which data.command has run in it."""


def resolve(job: ci.Job, environment: str | None = None) -> Resolved:
    """modelway.yml for one environment (for none: without an overlay), with what was given to the job on top."""
    return load_project(job.config_path, environment or "", job.overrides, job.config)


def has_file(job: ci.Job) -> bool:
    """Whether there is a modelway.yml, or one was named."""
    return "config" in job.given or job.config_path.exists()


def project_of(job: ci.Job, environment: str | None, enough: object) -> Resolved:
    """As `resolve`; where there is no modelway.yml, and what was given is enough, that alone."""
    return without_file(job.overrides) if enough and not has_file(job) else resolve(job, environment)


def known_environment(job: ci.Job, named: str | None) -> str:
    """The environment that another input than `environment` names, empty where it names none; InvalidInput where modelway.yml
    does not know it."""
    if named:
        load_project(job.config_path, named, name=job.config)
    return named or ""


def tracking_uri(project: Resolved, job: ci.Job) -> str:
    """The MLflow server's address, as it was given; it may hold credentials."""
    uri = project.registry.tracking_uri or job.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InvalidInput(
            "the key registry.tracking-uri is not set",
            where=project.source,
            fix="set it, the input tracking-uri, or $MLFLOW_TRACKING_URI",
        )
    job.hide_credentials(uri)
    if job.runner.ends_with_job and urlsplit(uri).hostname in LOOPBACK and job.environ.get(LOCAL_REGISTRY) != uri:
        raise InvalidInput(
            "the MLflow server is on this machine, and the next job of a GitHub-hosted runner is another machine",
            where=project.source,
            fix="name a server that every job reaches, use check.yml (one job), or runners of your own",
        )
    return uri


def connect_registry(project: Resolved, job: ci.Job, seconds: float = math.inf) -> ModelRegistry:
    """seconds: for all calls together."""
    return connect(tracking_uri(project, job), job.environ, seconds)


def fetch_data(project: Resolved, job: ci.Job) -> None:
    """Run data.command, where there is one, in the team's environment. Every job that needs the data runs it once; the
    digest proves sameness."""
    wanted = project.data.command
    mark = digest_of_json([wanted, str(job.folder)])
    if not wanted or job.environ.get(FETCHED) == mark:
        return
    environ = team_environ(project, job)
    job.hide_credentials(wanted)
    job.say(f"fetching the data: {wanted}")
    command.run(wanted, job.folder, environ, project.data.timeout_minutes * 60, job.say, where="data.command")
    job.runner.export(FETCHED, mark)


def team_python(project: Resolved, job: ci.Job) -> locks.Interpreter | None:
    """The team's interpreter: the one that train.python names, or that of its requirements file; None where neither is set."""
    named, requirements = project.train.python, project.train.requirements
    if named and requirements:
        raise InvalidInput(
            "train.python and train.requirements are both set", where=project.source, fix="keep one of the two"
        )
    if named:
        return locks.describe(str(job.folder / named) if "/" in named else named)
    if not requirements:
        return None
    return _installed(job, requirements)


@lru_cache(maxsize=1)
def _installed(job: ci.Job, requirements: str) -> locks.Interpreter:
    began = time.monotonic()
    python = locks.team_environment(job.folder / requirements, locks.base_python(), job.folder)
    job.say(f"environment of {requirements}: Python {python.version}, ready after {time.monotonic() - began:.1f} s")
    if packages := locks.conda_packages(job.folder / requirements, python.path):
        channels = few(list(dict.fromkeys(package.channel for package in packages)))
        job.say(f"of conda ({channels}): {few([f'{package.name} {package.version}' for package in packages])}")
    return python


def team_environ(project: Resolved, job: ci.Job) -> dict[str, str]:
    """The environment variables of the team's own commands: its interpreter first on PATH, and what $MODELWAY_ENV (a
    dotenv text, each value hidden) holds; nothing that steers a Python."""
    environ = home.without_python_settings(job.environ)
    own = dotenv.parse(environ.pop(dotenv.VARIABLE, ""))
    for value in own.values():
        job.hide(value)
    python = team_python(project, job)
    path = environ.get("PATH", "/usr/bin:/bin")
    first: dict[str, str] = {}
    if python and "/" in python.path:
        first = {"PATH": path, **store.conda_variables(python.path, path)}
        first["PATH"] = f"{os.path.dirname(python.path)}:{first['PATH']}"
    return {"OMP_NUM_THREADS": "1", **environ, **first, **own}


def data_path(project: Resolved, job: ci.Job, key: str) -> Path:
    """Where the data of data.train or data.test is on this machine."""
    return schemes.path_of(str(required(project, key)), job.folder, f"{project.source}: {key}", job.say)


def addressed_sets(project: Resolved, job: ci.Job, data: str) -> dict[str, Path | str]:
    """As `data_sets`; an address that the project's engine opens itself stays one."""
    found: dict[str, Path | str] = {}
    for where, address in _named_data(project, job, data).items():
        job.hide_credentials(address)
        stays = engines.opening(address, project.data.engine)
        found[schemes.name_of(address)] = address if stays else schemes.path_of(address, job.folder, where, job.say)
    return found


def data_sets(project: Resolved, job: ci.Job, data: str) -> dict[str, Path]:
    """The data that the input names, else data.train and data.test, each by what reports call it."""
    named = _named_data(project, job, data)
    return {
        schemes.name_of(address): schemes.path_of(address, job.folder, where, job.say)
        for where, address in named.items()
    }


def _named_data(project: Resolved, job: ci.Job, data: str) -> dict[str, str]:
    """Each address by the input or key that names it, once data.command has run."""
    keys = {"data.train": project.data.train, "data.test": project.data.test}
    named = {f"{project.source}: {key}": value for key, value in keys.items() if value}
    if data:
        named = {"input data": data}
    if not named:
        raise InvalidInput(
            "neither data.train nor data.test is set", where=project.source, fix="set one, or the input data"
        )
    fetch_data(project, job)
    return named


def contract_of(project: Resolved, job: ci.Job) -> Contract:
    """The contract that says how the project's data is written; where there is none, its defaults."""
    name = project.data.contract
    return load_contract(job.folder / name, name, may_ask_nothing=True) if name else Contract()


def commit_of(folder: Path) -> str:
    """The commit that is checked out, with `-dirty` where tracked files differ from it. Detached and shallow are fine."""
    fix = "run this in a git checkout with a commit: the record names what the model was made from"
    try:
        head = _git(folder, "rev-parse", "--verify", "HEAD")
        dirty = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:
        raise InvalidInput("git is not on PATH", fix="install git") from None
    except subprocess.CalledProcessError as error:
        if "dubious ownership" in error.stderr:
            raise InvalidInput(
                "the commit is not known: git refuses to look into a folder of another user (a container job?)",
                where=str(folder),
                fix=f"run `git config --global --add safe.directory {folder}` before, such as in modelway-setup",
            ) from None
        reason = (error.stderr.strip().splitlines() or ["no commit yet"])[-1]
        raise InvalidInput(f"the commit is not known: {reason[:200]}", where=str(folder), fix=fix) from None
    return f"{head}-dirty" if dirty else head


def committed_at(folder: Path, commit: str) -> float | None:
    """When a commit was made, in seconds of the epoch; None where the checkout does not hold it, or is none."""
    if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    said = git_says(folder, "show", "--no-patch", "--format=%ct", f"{commit}^{{commit}}")
    try:
        return float(said) if said is not None else None
    except ValueError:
        return None


def git_says(folder: Path, *arguments: str) -> str | None:
    """None where it says no, is not there, or the folder is no checkout."""
    try:
        return _git(folder, *arguments)
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}  # what git says is looked into: in English
    command = ["git", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, encoding="utf-8", errors="replace", check=True
    )
    return done.stdout.strip()
