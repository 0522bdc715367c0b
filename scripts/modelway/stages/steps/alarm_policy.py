"""What follow-policy asks before it decides, and the log in which it claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.config.alarm_policy import AlarmPolicy, ChangingAct, refuse_impossible
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.monitoring.at_fault import rollback_evidence, tenures_of
from modelway.monitoring.performance import gate_limits
from modelway.monitoring.policy import OpenAlarm, PolicyDecision, PolicyFacts, decide, expired, under_way
from modelway.monitoring.report import MonitorReport
from modelway.registry import ledger
from modelway.registry.act_log import SUFFIX, ActLog, PastAct
from modelway.registry.protocol import ModelRegistry
from modelway.stages.rollouts import deployment

LARGEST = 64 << 20
"""Bytes of a report."""
TRIES = 8
"""Of a claim that others come before."""


@dataclass(frozen=True)
class Decided:
    """claim: its number, and log: what it was written into, where something is due. version: that serves, by the ledger; None
    where nothing does, or it was not asked."""

    decision: PolicyDecision
    facts: PolicyFacts
    given_up: tuple[PastAct, ...] = ()
    version: int | None = None
    claim: int = 0
    log: ActLog | None = None


def monitor_report(path: Path, name: str) -> tuple[MonitorReport, bytes]:
    """name: for messages."""
    where, fix = f"report {name[:300]}", "name monitor-model's, `${{ steps.ID.outputs.report }}`, in the same job"
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=where, fix=fix) from None
    if len(content) > LARGEST:
        raise InvalidInput(f"is over {LARGEST >> 20} MiB", where=where, fix=fix)
    try:
        found = msgspec.json.decode(content, type=MonitorReport)
        for day in _days(found):
            date.fromisoformat(day)
        return found, content
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        what = f"is no report of monitor-model, of this version of modelway: {str(error)[:200]}"
        raise InvalidInput(what, where=where, fix=fix) from None


def _days(report: MonitorReport) -> Iterator[str]:
    """All that a decision reads as a day."""
    yield from (alarm.day for alarm in report.alarms)
    if live := report.performance:
        yield from (day.day for day in live.days)
        for alarm in live.alarms:
            yield from (alarm.day, alarm.told, *(fall.since for fall in alarm.falls))


def checked_policy(project: Resolved) -> AlarmPolicy:
    """monitor.policy, where all of it can be."""
    policy, of = project.monitor.policy, project.monitor.performance
    limits = {} if of.fall is not None else gate_limits(project.gate)
    watched = [name for name in of.metrics or limits if name in limits]
    where = f"{project.source}: monitor.policy.performance"
    refuse_impossible(policy, where, watched=of.prediction is not None, limited=bool(watched))
    return policy


def log_of(client: ModelRegistry, project: Resolved, job: ci.Job, *, writing: bool) -> ActLog:
    """writing: with a run of its own, that its entries belong to."""
    run = ""
    if writing:
        made = client.create_run(
            client.experiment_id(project.registry.experiment or project.model),
            f"policy in {project.environment}",
            {},
        )
        client.update_run(made.id, "FINISHED")
        run = made.id
    return ActLog(client.ledger(project.model + SUFFIX, run), project.environment, job.author)


def decided(
    project: Resolved,
    job: ci.Job,
    client: ModelRegistry,
    alarms: tuple[OpenAlarm, ...],
    report: MonitorReport,
    now: datetime,
    check: Callable[[ChangingAct], object],
) -> Decided:
    """What is due, claimed: where another monitor was first, it is decided anew by what that one has written. check: raises
    where an act could not be begun at all; then nothing is claimed."""
    policy, store = project.monitor.policy, client.ledger(project.model)
    history = ledger.audit(store)
    if history.unaccepted:
        raise ledger.ChainBroken(history)
    tenures = tenures_of(history.on_chain(project.environment))
    head = history.head_of(project.environment)
    evidence = rollback_evidence(report.performance, tenures)
    if head and (stands := store.alias(head.entry.alias)) != head.entry.there:
        says = "is not set" if stands is None else f"says version {stands}"
        evidence = f"the alias {head.entry.alias} {says}, the ledger {ledger.named(head.entry.there)}: see show-history"
    version = tenures[-1].version if tenures else None
    facts = PolicyFacts(now, evidence, _busy(project, job, version))
    reading, writing, given_up = log_of(client, project, job, writing=False), None, list[PastAct]()
    for _ in range(TRIES):
        past = reading.read()
        for one in expired(past.acts, now):
            writing = writing or log_of(client, project, job, writing=True)
            if writing.end(one.number, "unknown", "nobody has said how it ended").result == "unknown":
                given_up.append(one)
            past = reading.read()
        decision = decide(alarms, policy, past.acts, facts)
        if decision.act is None:
            return Decided(decision, facts, tuple(given_up), version)
        check(decision.act)
        writing = writing or log_of(client, project, job, writing=True)
        ends_by = now + timedelta(hours=policy.limits(decision.act).ends_within_hours)
        names = [alarm.id for alarm in decision.alarms]
        number = writing.claim(decision.act, names, decision.reason, now, ends_by, past)
        if number is not None:
            return Decided(decision, facts, tuple(given_up), version, number, writing)
    raise OutsideFailure("others write into the log of acts all the time", fix="run one monitor at a time")


def begun(
    project: Resolved, job: ci.Job, client: ModelRegistry, act: ChangingAct, claim: int | None, why: str, now: datetime
) -> int | str:
    """The claim of an act that somebody begins: the one that was claimed for it before, else a new one. Or why it may not
    begin, where it is given back. claim: None where it was not claimed before."""
    log = log_of(client, project, job, writing=True)
    busy = _busy(project, job)
    for _ in range(TRIES):
        past = log.read()
        known = past.numbered(claim) if claim is not None else None
        if claim is not None and known is None:
            what = f"the log of {project.model} has no claim {claim} in {project.environment}"
            raise InvalidInput(what, where="input claim", fix="leave it out for an act that nobody has claimed")
        if known and known.act != act:
            raise InvalidInput(f"claim {claim} is of a {known.act}", where="input claim", fix="give that of this act")
        if known and known.result not in (None, "unknown"):
            return f"claim {known.number} has ended before: {known.result}"
        if known and known.is_running(now):
            if busy:
                log.end(known.number, "not-begun", busy)
            return busy or known.number
        if stopped := under_way(past.acts, PolicyFacts(now, "", busy)):
            return stopped
        ends_by = now + timedelta(hours=project.monitor.policy.limits(act).ends_within_hours)
        number = log.claim(act, known.alarms if known else (), why, now, ends_by, past)
        if number is not None:
            return number
    raise OutsideFailure("others write into the log of acts all the time", fix="run it again")


def _busy(project: Resolved, job: ci.Job, version: int | None = None) -> str:
    """Of a rollout that is under way; what cannot be known is no leave to change anything. version: that serves, by the
    ledger."""
    if project.deploy is None:
        return ""
    try:
        target = deployment.target_of(project)
        story, state = target.unfinished(), target.state()
    except ModelwayError as error:
        job.warn("follow-policy", f"whether a rollout is under way is not known: {error.line()}")
        return f"whether a rollout is under way is not known: {error.what}"
    if story:
        return f"the rollout of version {story.plan.new.version} is under way"
    serves = state.current.side.version if state and state.current else None
    if version is not None and serves not in (None, version):
        return f"the target runs version {serves}, and the ledger says version {version}"
    return ""
