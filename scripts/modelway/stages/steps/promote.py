"""promote-model: put a judged version into an environment that has no deployment, by the ledger."""

from __future__ import annotations

import tempfile
from pathlib import Path

from modelway import ci
from modelway.config import Resolved
from modelway.data import schemes
from modelway.data.sources import digest_of_data
from modelway.errors import InvalidInput, Refused
from modelway.records import Candidate, Verdict
from modelway.registry import ledger
from modelway.registry.ledger_history import History, Recorded
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import Stored, read_candidate
from modelway.stages.steps import workspace
from modelway.stages.steps.verdicts import download_model, passing_verdict

AGAIN = "run evaluate-gate again, then promote"


def promote(project: Resolved, job: ci.Job, version: int, reason: str) -> tuple[History, Recorded]:
    """The history afterwards, and the entry that put `version` there; that of an earlier run where it is there already.

    Refused without a passing Verdict for this environment whose digests of model, data and policy are those of now, and
    which compared with what is there now; Refused too where another promotion came first.
    """
    if project.deploy is not None:
        raise InvalidInput(
            f"{project.environment} has a deploy section, so its alias says what runs there, and deploy-model moves it",
            where=project.source,
            fix="build-image, then deploy-model; in gate.yml set promote: false",
        )
    client = workspace.connect_registry(project, job)
    candidate = read_candidate(client, project.model, version)
    store = client.ledger(project.model, candidate.records_run_id)
    writer = ledger.Writer(job.author)
    history = ledger.finish(store, project.environment, project.alias, writer)
    head = history.head_of(project.environment)
    if head is not None and head.entry.version == version:
        job.say(f"version {version} is in {project.environment} already, by entry {head.number}")
        return history, head
    workspace.fetch_data(project, job)
    stored = _passing(client, project, job, candidate, head)
    change = ledger.Change(
        environment=project.environment,
        alias=project.alias,
        action="promote",
        version=version,
        why=reason or "passed the gate",
        model_digest=stored.record.model_digest,
        data_digest=stored.record.data_digest,
        policy_digest=stored.record.policy_digest,
        verdict=stored.reference,
    )
    appended = ledger.record(store, history, change, writer)
    if appended.later:
        later = appended.later.entry
        job.warn("promote-model", f"version {later.version} has followed it into {project.environment} since")
    return appended.history, appended.recorded


def _passing(
    client: ModelRegistry, project: Resolved, job: ci.Job, candidate: Candidate, head: Recorded | None
) -> Stored[Verdict]:
    named = f"version {candidate.version} for {project.environment}"
    stored = passing_verdict(client, project, candidate, "promote")
    verdict = stored.record
    with tempfile.TemporaryDirectory(prefix="modelway-model-") as name:
        download_model(client, candidate, Path(name))
    name = schemes.name_of(str(project.data.test))
    data = digest_of_data(workspace.data_path(project, job, "data.test"), name)
    if verdict.data_digest != data:
        changed = f"{verdict.data_digest[:12]}, now {data[:12]}"
        raise Refused(f"the held-out data changed since the verdict on {named}: {changed}", fix=AGAIN)
    present = head.entry.there if head else None
    if verdict.production_version != present:
        raise Refused(
            f"the verdict on {named} compared it with {ledger.named(verdict.production_version)}, and"
            f" {ledger.named(present)} is there now",
            fix=AGAIN,
        )
    return stored
