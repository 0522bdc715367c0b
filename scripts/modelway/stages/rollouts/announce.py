"""Announcing to the registry what runs: the ledger's entry and the alias, after the traffic. What cannot be announced now is
kept with the target, and the next command announces it; what never can be is kept there too, as history that the ledger lacks.

The registry is asked without the target's lock: a rollback waits for no server.
"""

from __future__ import annotations

import time

from modelway import ci
from modelway.config import Resolved
from modelway.errors import InvalidInput, ModelwayError
from modelway.records import Candidate, Verdict
from modelway.registry import ledger
from modelway.registry.protocol import ModelRegistry, Rejected
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.rollout.plan import Plan
from modelway.rollout.run import Superseded
from modelway.stages.rollouts.deployment import AnyClaim
from modelway.stages.steps import workspace
from modelway.targets.state import NeverAnnounced, Pending

SECONDS = 20.0
"""For all calls of one announcement together: a registry that does not answer holds no rollback up for longer."""


class _NeverPossible(Exception):
    """The registry has no place for it any more."""


def announce(project: Resolved, job: ci.Job, claim: AnyClaim, plan: Plan) -> str:
    """Put what a rollout has brought among what is to be announced, and announce all of it; what went wrong with it, empty
    where nothing did."""
    pending = Pending(
        kind=plan.kind,
        version=plan.new.version,
        release=plan.new.config_digest,
        built_for=plan.new.built_for,
        why=plan.why,
        who=plan.who,
        nonce=plan.id,
        model_digest=plan.new.model_digest,
    )
    with claim.held():
        waiting = [item for item in claim.state.pending if item.nonce != pending.nonce]
        claim.change(pending=(*waiting, pending))
    problem = announce_pending(project, job, claim)
    lost = [item.why for item in claim.state.never_announced if item.pending.nonce == pending.nonce]
    return problem or (f"it never can be: {lost[-1]}. Fix: deploy a version that is registered" if lost else "")


def announce_pending(project: Resolved, job: ci.Job, claim: AnyClaim) -> str:
    """Announce what earlier commands could not. Why that failed, empty where nothing is left to announce."""
    if not claim.state.pending:
        return ""
    job.say(f"telling the registry what runs in {project.environment} (at most {SECONDS:.0f} s)")
    until = time.monotonic() + SECONDS
    while claim.state.pending:
        first, lost = claim.state.pending[0], ""
        try:
            client = workspace.connect_registry(project, job, until - time.monotonic())
            _append(project, job, client, first)
        except _NeverPossible as never:
            lost = str(never)
        except Superseded:
            raise
        except ModelwayError as error:
            return error.line()
        with claim.held():
            never_announced = claim.state.never_announced
            if lost:
                never_announced = (*never_announced, NeverAnnounced(first, lost, time.time()))
            left = tuple(item for item in claim.state.pending if item.nonce != first.nonce)
            claim.change(pending=left, never_announced=never_announced)
        if lost:
            said = f"the ledger will never say that version {first.version} came by a {first.kind}: {lost}"
            job.warn("the history has a gap", f"{said}. It is kept with the target, in {claim.records.where}")
        else:
            job.say(f"alias {project.alias}: version {first.version}, told to the ledger")
    return ""


def _append(project: Resolved, job: ci.Job, client: ModelRegistry, pending: Pending) -> None:
    """To the ledger, once; the alias follows it."""
    candidate = _candidate(client, project, pending)
    store = client.ledger(project.model, candidate.records_run_id)
    history = ledger.finish(store, project.environment, project.alias, ledger.Writer(job.author))
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
        verdict=judged.reference if judged else None,
        release=pending.release,
    )
    ledger.record(store, history, change, ledger.Writer(pending.who, nonce=pending.nonce))


def _candidate(client: ModelRegistry, project: Resolved, pending: Pending) -> Candidate:
    """_NeverPossible where the version, or its record, was deleted. A server that knows nothing of the model is another
    server: that is a mistake, and nothing is given up for it."""
    if not pending.version:
        raise _NeverPossible("what ran before modelway came is no registered version")
    if not ledger.read(client.ledger(project.model)).recorded:
        return read_candidate(client, project.model, pending.version)
    if client.get_version(project.model, pending.version) is None:
        raise _NeverPossible(f"version {pending.version} of {project.model} was deleted in MLflow")
    try:
        candidate = read_candidate(client, project.model, pending.version)
    except Rejected as error:
        if error.status != 404:
            raise
        raise _NeverPossible(error.what) from None
    except InvalidInput as error:
        raise _NeverPossible(error.what) from None
    if pending.model_digest and candidate.digest != pending.model_digest:
        raise _NeverPossible(f"version {pending.version} of {project.model} is another model now")
    return candidate
