"""Telling the registry what runs: the ledger's entry and the alias, after the traffic. What cannot be told now is kept with
the target, and the next command tells it."""

from __future__ import annotations

from modelway import ci
from modelway.config import Resolved
from modelway.errors import ModelwayError
from modelway.records import Verdict
from modelway.registry import ledger
from modelway.registry.ledger_entries import VerdictReference
from modelway.registry.ledger_mlflow import MLflowLedger
from modelway.registry.mlflow import MLflow
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.stages import project as begin
from modelway.stages.promote import who
from modelway.targets.local.machine import Machine
from modelway.targets.local.state import Pending


def announce(project: Resolved, job: ci.Job, machine: Machine, pending: Pending) -> str:
    """Put it among what is to be told, and tell all of it; what went wrong, empty where nothing did."""
    waiting = [item for item in machine.deployed.pending if item.nonce != pending.nonce]
    machine.change(pending=(*waiting, pending))
    return settle(project, job, machine)


def settle(project: Resolved, job: ci.Job, machine: Machine) -> str:
    """Tell what earlier commands could not. Why that failed, empty where there is nothing left to tell."""
    while machine.deployed.pending:
        first, *rest = machine.deployed.pending
        try:
            _tell(project, job, begin.connect_registry(project, job), first)
        except ModelwayError as error:
            return error.line()
        machine.change(pending=tuple(rest))
        job.say(f"alias {project.alias}: version {first.version}, told to the ledger")
    return ""


def _tell(project: Resolved, job: ci.Job, client: MLflow, pending: Pending) -> None:
    candidate = read_candidate(client, project.model, pending.version)
    store = MLflowLedger(client, project.model, client.get_run(candidate.records_run_id))
    history = ledger.settle(store, project.environment, project.alias, ledger.Writer(who(job.environ)))
    if any(row.state == "valid" for row in history.written_by(pending.nonce)):
        return
    judged = read_verdict(client, project.model, pending.version, pending.built_for)
    verdict: Verdict | None = judged.record if judged else None
    change = ledger.Change(
        environment=project.environment,
        alias=project.alias,
        action=pending.kind,
        version=pending.version,
        why=pending.why,
        model_digest=candidate.digest,
        data_digest=verdict.data_digest if verdict else "",
        policy_digest=verdict.policy_digest if verdict else "",
        verdict=VerdictReference(run=judged.run, path=judged.path, sha256=judged.sha256) if judged else None,
        release=pending.release,
    )
    ledger.append_and_apply(store, history, change, ledger.Writer(pending.who, nonce=pending.nonce))
