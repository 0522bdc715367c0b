"""Telling the registry what runs: the ledger's entry and the alias, after the traffic. What cannot be told now is kept with
the target, and the next command tells it; what can never be told is kept there too, as history that the ledger lacks.

The registry is asked without the target's lock: a rollback waits for no server.
"""

from __future__ import annotations

import time

from modelway import ci
from modelway.config import Resolved
from modelway.errors import InvalidInput, ModelwayError
from modelway.records import Candidate, Verdict
from modelway.registry import ledger
from modelway.registry.ledger_entries import VerdictReference
from modelway.registry.protocol import ModelRegistry, Rejected
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.rollout.run import Superseded
from modelway.stages.steps import workspace
from modelway.stages.steps.promote import who
from modelway.targets.local.machine import Machine
from modelway.targets.local.state import Pending, Untold

SECONDS = 20.0
"""For all calls of one telling together: a registry that does not answer holds no rollback up for longer."""


class _NeverTold(Exception):
    """The registry has no place for it any more."""


def announce(project: Resolved, job: ci.Job, machine: Machine, pending: Pending) -> str:
    """Put it among what is to be told, and tell all of it; what went wrong with it, empty where nothing did."""
    with machine.lease.held():
        waiting = [item for item in machine.deployed.pending if item.nonce != pending.nonce]
        machine.change(pending=(*waiting, pending))
    problem = settle(project, job, machine)
    lost = [item.why for item in machine.deployed.untold if item.pending.nonce == pending.nonce]
    return problem or (f"it never can be: {lost[-1]}. Fix: deploy a version that is registered" if lost else "")


def settle(project: Resolved, job: ci.Job, machine: Machine) -> str:
    """Tell what earlier commands could not. Why that failed, empty where there is nothing left to tell."""
    if not machine.deployed.pending:
        return ""
    job.say(f"telling the registry what runs in {project.environment} (at most {SECONDS:.0f} s)")
    until = time.monotonic() + SECONDS
    while machine.deployed.pending:
        first, lost = machine.deployed.pending[0], ""
        try:
            client = workspace.connect_registry(project, job, until - time.monotonic())
            _tell(project, job, client, first)
        except _NeverTold as never:
            lost = str(never)
        except Superseded:
            raise
        except ModelwayError as error:
            return error.line()
        with machine.lease.held():
            left = tuple(item for item in machine.deployed.pending if item.nonce != first.nonce)
            untold = (*machine.deployed.untold, Untold(first, lost, time.time())) if lost else machine.deployed.untold
            machine.change(pending=left, untold=untold)
        if lost:
            said = f"the ledger will never say that version {first.version} came by a {first.kind}: {lost}"
            job.warn("the history has a gap", f"{said}. It is kept in {machine.folder}/target.json")
        else:
            job.say(f"alias {project.alias}: version {first.version}, told to the ledger")
    return ""


def _tell(project: Resolved, job: ci.Job, client: ModelRegistry, pending: Pending) -> None:
    candidate = _candidate(client, project, pending)
    store = client.ledger(project.model, candidate.records_run_id)
    history = ledger.finish(store, project.environment, project.alias, ledger.Writer(who(job.environ)))
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
    ledger.record(store, history, change, ledger.Writer(pending.who, nonce=pending.nonce))


def _candidate(client: ModelRegistry, project: Resolved, pending: Pending) -> Candidate:
    """_NeverTold where the version, or its record, was deleted. A server that knows nothing of the model is another server:
    that is a mistake, and nothing is given up for it."""
    if not ledger.read(client.ledger(project.model)).recorded:
        return read_candidate(client, project.model, pending.version)
    if client.get_version(project.model, pending.version) is None:
        raise _NeverTold(f"version {pending.version} of {project.model} was deleted in MLflow")
    try:
        candidate = read_candidate(client, project.model, pending.version)
    except Rejected as error:
        if error.status != 404:
            raise
        raise _NeverTold(error.what) from None
    except InvalidInput as error:
        raise _NeverTold(error.what) from None
    if pending.model_digest and candidate.digest != pending.model_digest:
        raise _NeverTold(f"version {pending.version} of {project.model} is another model now")
    return candidate
