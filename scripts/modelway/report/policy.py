"""What follows an alarm, and what became of it, as a record and as a person reads it."""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.markdown import cell, number, table
from modelway.monitoring.at_fault import RollbackEvidence, ServedDays
from modelway.monitoring.policy import NotDue, OpenAlarm
from modelway.registry.act_log import ActEnd, ActName


class PolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """act: what is due, or, of a step that says how an act ended, that act. version: that serves, by the ledger, where it was
    asked. to: the version to bring back. claim: the number under which the act is claimed. alarms: that are open.
    not_due: acts of the policy that are not done, and why. started: what was started at GitHub. failure: why it could not
    be. given_up: acts of which nobody has said in time how they ended. result: how the act ended. digest: of monitor-model's
    report, sha256."""

    act: Literal["none", "rollback", "retrain"]
    reason: str
    notify: bool
    model: str
    environment: str
    version: int | None = None
    to: int | None = None
    claim: int | None = None
    alarms: tuple[OpenAlarm, ...] = ()
    not_due: tuple[NotDue, ...] = ()
    evidence: RollbackEvidence | None = None
    started: str = ""
    failure: str = ""
    given_up: tuple[str, ...] = ()
    result: ActEnd | None = None
    digest: str = ""
    schema: Literal["modelway/follow-policy/1"] = "modelway/follow-policy/1"


ENDED: dict[ActEnd, str] = {
    "success": "is done",
    "failure": "failed",
    "cancelled": "was cancelled",
    "not-begun": "was not begun",
    "unknown": "was given up before",
}
DUE: dict[ActName, str] = {"rollback": "A rollback is due", "retrain": "The model is to be trained anew"}


def in_words(report: PolicyReport) -> str:
    """One line."""
    if report.result is not None:
        return f"the {report.act} of claim {report.claim} {ENDED[report.result]}"
    if report.failure:
        return f"{report.reason}; it could not be started: {report.failure}"
    if report.act == "none":
        return f"nothing follows: {report.reason}"
    to = f" to version {report.to}" if report.to else ""
    started = f"; started: {report.started}" if report.started else ""
    return f"{DUE[report.act]}{to}: {report.reason}{started}"


def markdown(report: PolicyReport) -> str:
    where = f"{cell(report.model)} in {cell(report.environment)}"
    lines = [f"## Policy, {where}: {report.act if report.result is None else ENDED[report.result]}", ""]
    lines.append(f"{cell(in_words(report), 1000)}.")
    if report.claim is not None and report.result is None:
        lines += ["", f"Claim {report.claim}: whoever carries it out says with it how it ended."]
    if report.evidence:
        found = report.evidence
        heads = ("Version:", "from", "to", "days:", "labels:", f"{found.metric}:")
        lines += ["", table(heads, [_served(found.before), _served(found.serving)])]
        lines += ["", f"The gate's limit is {number(found.limit)}; version {found.before.version} was better by"]
        lines[-1] += f" {number(found.better_by)} at least."
    if report.alarms:
        rows = [(alarm.kind, alarm.sentence, "new" if alarm.new else "") for alarm in report.alarms[:20]]
        lines += ["", table(("Of", "open alarm", ""), rows)]
    if report.not_due:
        why = ("Not done", "for", "because")
        lines += ["", table(why, [(one.act, one.alarm, one.why) for one in report.not_due[:20]])]
    if report.given_up:
        lines += ["", *(f"> Warning: {cell(said, 400)}" for said in report.given_up)]
    if report.digest:
        lines += ["", f"Report of monitor-model `{report.digest}`."]
    return "\n".join(lines)


def _served(days: ServedDays) -> tuple[str, ...]:
    return (str(days.version), days.first, days.last, str(days.days), f"{days.labels:,}", number(days.value))
