"""follow-policy: what follows an alarm of monitor-model, decided once and claimed before it is done."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.config.keys import Count
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.monitoring.at_fault import RollbackEvidence
from modelway.monitoring.policy import PolicyFacts, decide, open_alarms
from modelway.notices.dispatch import GithubDispatch, dispatch_of
from modelway.notices.sending import AmbiguousDelivery
from modelway.registry.act_log import ActEnd, ActLog, PastAct
from modelway.report.policy import PolicyReport, in_words, markdown
from modelway.stages.notify import StepResult
from modelway.stages.steps import alarm_policy, workspace

ENDS: dict[StepResult, ActEnd] = {
    "success": "success",
    "failure": "failure",
    "cancelled": "cancelled",
    "skipped": "not-begun",
}
LONGEST_REASON = 1000
SECONDS = 20.0
"""For starting a workflow, however often GitHub has to be asked."""


@dataclass(frozen=True, kw_only=True)
class PolicyFollowed(ci.Result):
    act: Annotated[
        Literal["none", "rollback", "retrain"], Output("what is to be done now: none, rollback or retrain; claimed")
    ]
    reason: Annotated[str, Output("why, or why nothing is, in one line")]
    notify: Annotated[bool, Output("true where the policy wants people to be told of a new alarm")]
    version: Annotated[int | None, Output("the version that serves, where the ledger was asked")]
    to: Annotated[int | None, Output("the version to bring back; empty where no rollback is due")]
    claim: Annotated[int | None, Output("the number of the claim; give it back with `result` when the act has ended")]
    started: Annotated[str, Output("the workflow of GitHub's that was started; empty where none was")]
    report: Annotated[str, Output("the path of follow-policy.json")]
    decided: PolicyReport
    """All of it, with the evidence, and what is not done and why."""


@ci.use_case
def follow_policy(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    tracking_uri: ci.TrackingUri = None,
    report: Annotated[
        str, Input("The report of monitor-model.", left_out="begin, or claim and result, say what it is about")
    ] = "",
    claim: Annotated[
        Count | None, Input("The number by which what begins, or has ended, was claimed.", left_out="it was not")
    ] = None,
    result: Annotated[
        StepResult | None,
        Input("How it ended, GitHub's `needs.ID.result`; skipped: it was not begun.", left_out="it has not ended"),
    ] = None,
    begin: Annotated[
        Literal["retrain"] | None,
        Input("retrain: it is to begin now, by its claim, or by a new one.", left_out="nothing begins"),
    ] = None,
    reason: Annotated[str, Input("Why it begins, for the log.", left_out="somebody asked for it")] = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> PolicyFollowed:
    """Decide what follows an alarm of monitor-model: a rollback, retraining, or nothing, by monitor.policy; claim it first.

    Inputs: modelway.yml (section monitor.policy; the environment's overlay), monitor-model's report, the ledger. Or a claim
    and how it ended; or what is to begin, which is refused while a rollout or another act is under way.
    Outputs: the act that is due, the version to bring back, and the claim. Retraining it can start itself, as a workflow of
    GitHub's (monitor.policy.retrain.dispatch); a rollback is left to rollback-release.
    Exit codes: 0 decided, whether something is due or not; 1 the ledger was edited; 2 wrong input, or GitHub refuses to start
    the workflow; 4 the registry failed, or nobody knows whether the workflow was started.
    """
    if sorted([bool(report), result is not None, begin is not None]) != [False, False, True]:
        fix = "name monitor-model's report; or begin; or result, and the claim of what has ended"
        raise InvalidInput("give exactly one of report, begin and result", where="inputs", fix=fix)
    if (claim is None and result is not None) or (claim is not None and report):
        raise InvalidInput(
            "result goes with claim, and report goes without", where="inputs", fix="give both, or neither"
        )
    project = workspace.resolve(job, environment)
    if begin is not None:
        why = " ".join(reason.split())[:LONGEST_REASON] or "somebody asked for it"
        return _begun(project, job, begin, claim, why)
    if claim is not None and result is not None:
        return _ended(project, job, claim, ENDS[result])
    return _decided(project, job, report)


def _decided(project: Resolved, job: ci.Job, name: str) -> PolicyFollowed:
    policy = alarm_policy.checked_policy(project)
    found, content = alarm_policy.monitor_report(job.folder / name, name)
    alarms, now = open_alarms(found), _now()
    if alarms and policy.changes:
        client = workspace.connect_registry(project, job)
        made = alarm_policy.decided(
            project, job, client, alarms, found, now, lambda act: act == "retrain" and _starting(project, job)
        )
    else:  # nobody is asked
        facts = PolicyFacts(now, "the ledger was not asked")
        made = alarm_policy.Decided(decide(alarms, policy, (), facts), facts)
    given_up = tuple(_given_up(one) for one in made.given_up)
    for one in given_up:
        job.warn("follow-policy", one)
    decision, evidence = made.decision, made.facts.evidence
    due = evidence if decision.act == "rollback" and isinstance(evidence, RollbackEvidence) else None
    said = PolicyReport(
        act=decision.act or "none",
        reason=decision.reason,
        notify=decision.notify,
        model=project.model,
        environment=project.environment,
        version=made.version,
        to=due.before.version if due else None,
        claim=made.claim or None,
        alarms=alarms,
        not_due=decision.not_due,
        evidence=due,
        given_up=given_up,
        digest=hashlib.sha256(content).hexdigest(),
    )
    failures: tuple[ModelwayError, ...] = ()
    if made.log is not None and decision.act == "retrain" and (starting := _starting(project, job)):
        said, failures = _started(said, starting, made.log, job)
    return _result(job, said, failures)


def _starting(project: Resolved, job: ci.Job) -> GithubDispatch | None:
    target = project.monitor.policy.retrain.dispatch
    where = f"{project.source}: monitor.policy.retrain.dispatch"
    return dispatch_of(target, job.environ, where) if target else None


def _started(
    said: PolicyReport, starting: GithubDispatch, log: ActLog, job: ci.Job
) -> tuple[PolicyReport, tuple[ModelwayError, ...]]:
    """The workflow started, or its claim given back where GitHub has not taken it for certain."""
    job.hide(starting.token)
    values = {
        "model": said.model,
        "environment": said.environment,
        "version": str(said.version or ""),
        "reason": said.reason,
        "claim": str(said.claim),
        "report": said.digest,
    }
    replace = msgspec.structs.replace
    try:
        starting.send(values, time.monotonic() + SECONDS)
    except AmbiguousDelivery as error:
        fix = "look whether it runs; the claim holds until it says how it ended, or for ends-within-hours"
        unknown = OutsideFailure(f"whether {starting.sentence} was started is not known: {error.what}", fix=fix)
        return replace(said, failure=unknown.what), (unknown,)
    except ModelwayError as error:
        failure = error.as_said(f"{starting.sentence} was not started: {error.what}")
        try:
            log.end(said.claim or 0, "not-begun", error.what)
        except ModelwayError as other:
            job.warn("follow-policy", f"claim {said.claim} could not be given back, and holds for now: {other.line()}")
        return replace(said, act="none", failure=failure.what), (failure,)
    return replace(said, started=starting.sentence), ()


def _begun(project: Resolved, job: ci.Job, act: Literal["retrain"], claim: int | None, why: str) -> PolicyFollowed:
    found = alarm_policy.begun(project, job, workspace.connect_registry(project, job), act, claim, why, _now())
    may = isinstance(found, int)
    said = PolicyReport(
        act=act if may else "none",
        reason=why if may else f"{act}: {found}",
        notify=False,
        model=project.model,
        environment=project.environment,
        claim=found if isinstance(found, int) else None,
    )
    if not may:
        job.warn("follow-policy", in_words(said))
    return _result(job, said, ())


def _ended(project: Resolved, job: ci.Job, number: int, result: ActEnd) -> PolicyFollowed:
    client = workspace.connect_registry(project, job)
    log = alarm_policy.log_of(client, project, job, writing=True)
    found = log.end(number, result)
    if found.result != result:
        job.warn("follow-policy", f"claim {number} has ended before, and stays as it is: {found.result}")
    said = PolicyReport(
        act=found.act,
        reason=found.why,
        notify=found.result != "success",
        model=project.model,
        environment=project.environment,
        claim=number,
        result=found.result,
    )
    return _result(job, said, ())


def _result(job: ci.Job, said: PolicyReport, failures: tuple[ModelwayError, ...]) -> PolicyFollowed:
    job.say(in_words(said))
    return PolicyFollowed(
        act=said.act,
        reason=said.reason,
        notify=said.notify,
        version=said.version,
        to=said.to,
        claim=said.claim,
        started=said.started,
        report=str(job.report(said, markdown(said))),
        decided=said,
        failures=failures,
    )


def _given_up(one: PastAct) -> str:
    ended = f"{one.ends_by.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"the {one.act} of claim {one.number} has not said how it ended until {ended}: its run has died, and it is given up"


def _now() -> datetime:
    return datetime.now(UTC)
