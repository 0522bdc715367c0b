"""What was in each environment, by the ledger, and what the aliases say of it now; the alias put right, and put back."""

from __future__ import annotations

from dataclasses import dataclass

from modelway import ci
from modelway.config import Resolved
from modelway.errors import InvalidInput, Refused
from modelway.registry import ledger
from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_history import History, Recorded
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate
from modelway.stages.steps import workspace


@dataclass(frozen=True)
class AliasBack:
    """What an alias says now, and what it said before; `left` is None where nothing was changed."""

    version: int | None
    left: int | None
    changed: bool
    history: History


def history_of(project: Resolved, job: ci.Job, *, audit: bool) -> tuple[History, tuple[str, ...]]:
    """The ledger, and a line for each environment whose alias differs from it. audit: every entry, from the first one."""
    store = workspace.connect_registry(project, job).ledger(project.model)
    history = (ledger.audit if audit else ledger.read)(store)
    return history, tuple(_differing(store, history))


def _differing(store: ledger.LedgerStore, history: History) -> list[str]:
    found = []
    for environment, row in history.heads.items():
        stands = store.alias(row.entry.alias)
        if row.applied and stands != row.entry.there:  # one that is not finished is shown as such
            found.append(str(ledger.MovedByHand(history, environment, row.entry.alias, row, stands)))
    return found


def repair(project: Resolved, job: ci.Job, kind: str, reason: str) -> tuple[History, Recorded | None]:
    """adopt: record an alias that was moved by hand as right. restore: set it back to what the ledger says."""
    client = workspace.connect_registry(project, job)
    store = _store_for_writing(client, project, f"{kind} in {project.environment}")
    writer = ledger.Writer(job.author)
    why = reason or f"{kind} by hand"
    if kind == "adopt":
        done = ledger.adopt(
            store, project.environment, project.alias, why, writer, lambda version: _digest(client, project, version)
        )
    else:
        done = ledger.restore(
            store, project.environment, project.alias, why, writer, lambda entry: _check(client, project, entry)
        )
    return (done.history, done.recorded) if done else (ledger.read(store), None)


def roll_back_alias(project: Resolved, job: ci.Job, to: int | None, why: str) -> AliasBack:
    """Bring the alias of an environment without a deployment back to the version before, or to a named one, through the
    ledger: it was judged when it came, and is not judged anew. A second run changes nothing.

    Refused where there is none to go back to, or it is not in the registry any more as the ledger knows it."""
    client = workspace.connect_registry(project, job)
    store = _store_for_writing(client, project, f"rollback in {project.environment}")
    writer = ledger.Writer(job.author)
    history = ledger.finish(store, project.environment, project.alias, writer)
    goal = _goal(history if history.whole else ledger.audit(store), project.environment, to)
    head = history.head_of(project.environment)
    there = head.entry.there if head else None
    if goal is None:
        job.say(f"{ledger.named(there)} is in {project.environment}: nothing was changed")
        return AliasBack(there, None, False, history)
    _check(client, project, goal)
    change = ledger.once_more(goal, "rollback", why or f"rolled back from {ledger.named(there)}")
    done = ledger.record(store, history, change, writer)
    job.say(f"alias {goal.alias}: version {goal.version}, by entry {done.recorded.number}")
    return AliasBack(goal.there, there, True, done.history)


def finish_alias(project: Resolved, job: ci.Job) -> AliasBack:
    """What an earlier command left unfinished is finished; nothing else is changed."""
    store = workspace.connect_registry(project, job).ledger(project.model)
    history = ledger.finish(store, project.environment, project.alias, ledger.Writer(job.author))
    head = history.head_of(project.environment)
    return AliasBack(head.entry.there if head else None, None, False, history)


def _goal(history: History, environment: str, to: int | None) -> Entry | None:
    """The entry that put the wanted version there; None where it is there."""
    chain = [row.entry for row in history.on_chain(environment)]
    if not chain:
        raise Refused(f"nothing was ever in {environment}, so there is nothing to roll back", fix="promote a version")
    current = chain[-1]
    if to is not None:
        if current.there == to:
            return None
        known = [entry for entry in chain if entry.there == to]
        if not known:
            versions = ", ".join(map(str, sorted({entry.there for entry in chain if entry.there is not None})))
            raise Refused(
                f"version {to} was never in {environment}; known are {versions or 'none'}",
                where="input to",
                fix="name one of these, or promote the version",
            )
        return known[-1]
    if current.action == "rollback":
        return None
    before = [entry for entry in chain[:-1] if entry.there not in (None, current.there)]
    if not before:
        raise Refused(
            f"{ledger.named(current.there)} is the first in {environment}: there is nothing to roll back to",
            fix="promote another version",
        )
    return before[-1]


def _check(client: ModelRegistry, project: Resolved, entry: Entry) -> None:
    """Refused where the entry's version is gone, or is another model: MLflow gives the number of a deleted version again."""
    if entry.there is None:
        return
    fix = "record what is there now with promote-model --adopt true, then promote or deploy another version"
    if client.get_version(project.model, entry.there) is None:
        raise Refused(f"version {entry.there} of {project.model} was deleted in MLflow", fix=fix)
    if entry.model_digest and _digest(client, project, entry.there) != entry.model_digest:
        raise Refused(
            f"version {entry.there} of {project.model} is not the model that the ledger says was there", fix=fix
        )


def _store_for_writing(client: ModelRegistry, project: Resolved, what: str) -> ledger.LedgerStore:
    """An entry belongs to a run: one of its own, since the version's own may be gone."""
    run = client.create_run(client.experiment_id(project.registry.experiment or project.model), what, {})
    client.update_run(run.id, "FINISHED")
    return client.ledger(project.model, run.id)


def _digest(client: ModelRegistry, project: Resolved, version: int) -> str:
    try:
        return read_candidate(client, project.model, version).digest
    except InvalidInput:
        return ""  # adopted from outside, without a record: the entry says only which version it was


def standing_version(client: ModelRegistry, project: Resolved) -> int:
    """As `standing`; InvalidInput where there is none."""
    number = standing(client, project)
    if number is None:
        fix = "promote one with promote-model, or name a version"
        raise InvalidInput(f"no version is in {project.environment} yet", where="input environment", fix=fix)
    return number


def standing(client: ModelRegistry, project: Resolved) -> int | None:
    """The version that is in the environment, by alias and ledger; Refused where the two differ, or where that version is
    another model than the one that came there. Nothing is written."""
    registered = client.get_model(project.model)
    history = ledger.read(client.ledger(project.model))
    head = history.head_of(project.environment)
    if head is None:
        return registered.aliases.get(project.alias) if registered else None
    stands = registered.aliases.get(head.entry.alias) if registered else None
    if head.applied and stands != head.entry.there:
        raise ledger.MovedByHand(history, project.environment, project.alias, head, stands)
    _check(client, project, head.entry)
    return head.entry.there
