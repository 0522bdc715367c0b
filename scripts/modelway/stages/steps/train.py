"""train-model: run the team's command, find the one model that it logged, and make it a Candidate."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from modelway import ci
from modelway.adoption.code import SCRIPT, other_data
from modelway.config import Resolved, required
from modelway.config.keys import Scalar
from modelway.data import schemes
from modelway.data.sources import digest_of_data
from modelway.environments import locks
from modelway.errors import InvalidInput
from modelway.records import Candidate
from modelway.registry.entities import LoggedModel, Run
from modelway.registry.protocol import ModelRegistry
from modelway.registry.selection import version_of_run
from modelway.stages.steps import training_sketch, workspace
from modelway.stages.steps.candidate import Origin, make_candidate
from modelway.training import command, handover
from modelway.training.advice import Listener
from modelway.training.guardian import Guardian

DEADLINE_TAG = "modelway.deadline"
"""Milliseconds since 1970 after which a run that still says RUNNING was left behind by a machine that died."""


@dataclass(frozen=True)
class Training:
    parameters: dict[str, Scalar]
    data: Path
    data_digest: str
    commit: str


def train(project: Resolved, job: ci.Job, semantic_version: str) -> Candidate:
    """Train and register. A command that fails, or logs no model or more than one, is InvalidInput; the MLflow run is
    closed in every case, also when this process is killed."""
    shell = str(required(project, "train.command"))
    commit = workspace.commit_of(job.folder)
    handover.check_parameters(project.train.parameters)
    client = workspace.connect_registry(project, job)
    workspace.fetch_data(project, job)
    data = workspace.data_path(project, job, "data.train")
    digest = digest_of_data(data, schemes.name_of(str(project.data.train)))
    training = Training(dict(project.train.parameters), data, digest, commit)
    python = workspace.team_python(project, job)
    if python is None:
        raise InvalidInput(
            "neither train.requirements nor train.python is set",
            where=project.source,
            fix="name the requirements file of the training, or an interpreter that has everything",
        )
    lock = locks.lock_environment(python)

    experiment = client.experiment_id(project.registry.experiment or project.model)
    close_left_behind(client, experiment)
    run = client.create_run(experiment, readable_version(commit), _tags(project, training))
    job.hide_credentials(shell)
    _warn_of_other_data(job, shell, str(project.data.train))
    job.say(f"MLflow run {run.id}: {shell}")
    with Guardian(workspace.tracking_uri(project, job), run.id) as guardian:
        try:
            _run_command(project, job, training, run, shell, guardian)
            finished = client.get_run(run.id)
            logged = _the_one_model(client, finished)
            client.update_run(run.id, "FINISHED")
        except KeyboardInterrupt:
            client.update_run(run.id, "KILLED")
            raise
        except BaseException:
            client.update_run(run.id, "FAILED")
            raise
    version = registered_version(client, project.model, finished, logged)
    origin = Origin(
        run=finished,
        readable_version=readable_version(commit),
        semantic_version=semantic_version,
        data_digest=training.data_digest,
        commit=commit,
        seed=project.train.seed,
        parameters=training.parameters,
    )
    sketch = partial(training_sketch.made, project, job, client, training.data)
    return make_candidate(client, job, project.model, version, origin, python, lock, sketch)


def _warn_of_other_data(job: ci.Job, shell: str, train: str) -> None:
    """Where the script that is run names a data file of its own: it may hold the rows that the gate judges on."""
    script = SCRIPT.search(shell)
    try:
        text = (job.folder / script[0]).read_text(encoding="utf-8") if script else ""
    except (OSError, UnicodeDecodeError):
        return
    if script and (others := other_data(text, shell, train)):
        job.warn(
            "train.command",
            f"{script[0]} names {', '.join(others[:3])}, and data.train is {train}, which is what the version's record will"
            " say: rows that it is judged on may be in there. Let it read what $MODELWAY_DATA names",
        )


def readable_version(commit: str) -> str:
    return f"{datetime.now(UTC):%Y%m%d}-{commit[:7]}"


def close_left_behind(client: ModelRegistry, experiment: str) -> None:
    """Runs of a machine that died as a whole, its guardian with it: nobody else closes them."""
    for run in client.running(experiment, DEADLINE_TAG):
        deadline = run.tags.get(DEADLINE_TAG, "")
        if deadline.isdigit() and int(deadline) < time.time() * 1000:
            client.update_run(run.id, "KILLED")


def registered_version(client: ModelRegistry, model: str, run: Run, logged: LoggedModel) -> int:
    """The version of what the run logged: registered by the command itself, or now."""
    own = version_of_run(client.search_versions(model), run.id)
    if own is not None:
        return own
    return client.create_version(model, logged.source, run.id, tags={}, model_id=logged.model_id or None).version


def _tags(project: Resolved, training: Training) -> dict[str, str]:
    deadline = int((time.time() + project.train.timeout_minutes * 60 + 600) * 1000)
    return {
        DEADLINE_TAG: str(deadline),
        "modelway.commit": training.commit,
        "modelway.data": training.data_digest,
        "modelway.seed": str(project.train.seed),
        "modelway.parameters": json.dumps(training.parameters, sort_keys=True)[:5000],
    }


def _run_command(
    project: Resolved,
    job: ci.Job,
    training: Training,
    run: Run,
    shell: str,
    guardian: Guardian,
) -> None:
    with tempfile.TemporaryDirectory(prefix="modelway-train-") as folder:
        file = Path(folder, "training.json")
        handed = handover.Handover(
            data=str(training.data),
            seed=project.train.seed,
            parameters=training.parameters,
            tracking_uri=workspace.tracking_uri(project, job),
            experiment_id=run.experiment_id,
            run_id=run.id,
        )
        handover.write_file(handed, file)
        environ = handover.environment(workspace.team_environ(project, job), handed, file)
        listener = Listener(job.say, run.id)
        try:
            command.run(shell, job.folder, environ, project.train.timeout_minutes * 60, listener, guardian.guards)
        except InvalidInput as failure:
            if listener.advice is None:
                raise
            why, fix = listener.advice
            raise InvalidInput(f"{failure.what}: {why}", where=failure.where, fix=fix) from None


def _the_one_model(client: ModelRegistry, run: Run) -> LoggedModel:
    logged = client.logged_models(run)
    if len(logged) == 1:
        return logged[0]
    if not logged:
        raise InvalidInput(
            f"the command logged no model to the MLflow run {run.id}",
            where="train.command",
            fix="log it inside the first mlflow.start_run(), which resumes the run of $MLFLOW_RUN_ID",
        )
    names = ", ".join(sorted(model.path for model in logged))
    raise InvalidInput(
        f"the command logged {len(logged)} models to one run ({names[:200]})",
        where="train.command",
        fix="log the one that is to be judged; another belongs in a run of its own",
    )
