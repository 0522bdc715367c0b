"""What a report of ours says happened, for a notice: one function for each schema, in the sentences that the reports have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from modelway.config.notify import NoticeOutcome
from modelway.data.drift.report import DriftReport
from modelway.data.report import QualityReport, ValidationReport
from modelway.data.values import few
from modelway.errors import InvalidInput
from modelway.monitoring.report import MonitorReport
from modelway.notices.notice import Happening
from modelway.records import Verdict
from modelway.registry.ledger_entries import Entry
from modelway.report import drift, monitoring, policy, quality, validation, verdict
from modelway.report.group import GroupReport
from modelway.report.group import in_words as group_in_words
from modelway.report.rollout import WORDS

T = TypeVar("T")
LARGEST = 64 << 20
"""Bytes of a report."""


def happening_of(content: bytes, where: str) -> Happening:
    """InvalidInput where it is no report of ours, or of a kind that nobody is told of. where: its path."""
    return read_record(content, where, READERS)


def read_record(content: bytes, where: str, readers: Mapping[str, Callable[[Any], T]]) -> T:
    """What the reader of the report's schema makes of it. InvalidInput where it has none, or is not whole. where: its path."""
    try:
        record = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("is not JSON: it is damaged, or no report", where=where, fix=NAME_ONE) from None
    schema = _schema_of(record)
    if schema not in readers:
        known = ", ".join(sorted(one.removeprefix("modelway/") for one in readers))
        what = f"has the schema {schema[:100]!r}" if schema else "says no schema of ours"
        raise InvalidInput(what, where=where, fix=f"{NAME_ONE}; known are {known}")
    try:
        return readers[schema](record)
    except (msgspec.ValidationError, IndexError) as error:
        raise InvalidInput(
            f"is no whole {schema}: {error}", where=where, fix=f"{NAME_ONE}, of this version of modelway"
        ) from None


def report_content(path: Path, name: str) -> bytes:
    """InvalidInput where it cannot be read. name: as it was given."""
    where = f"report {name[:300]}"
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        fix = "name the file that the step wrote, `${{ steps.ID.outputs.report }}`, in the same job"
        raise InvalidInput(f"cannot be read: {error.strerror}", where=where, fix=fix) from None
    if len(content) > LARGEST:
        raise InvalidInput(f"is over {LARGEST >> 20} MiB", where=where, fix="name the report of a step")
    return content


NAME_ONE = "name the report of a step, `${{ steps.ID.outputs.report }}`"


def _schema_of(record: Any) -> str:
    """A rollout's is its plan's; a history's that of its entries."""
    if isinstance(record, list) and record and isinstance(record[-1], dict):
        record = record[-1].get("entry")
    if isinstance(record, dict) and "schema" not in record:
        record = record.get("plan")
    schema = record.get("schema") if isinstance(record, dict) else None
    return schema if isinstance(schema, str) else ""


class RolloutSide(msgspec.Struct, frozen=True):
    version: int


class RolloutPlan(msgspec.Struct, frozen=True):
    """Of a Plan what a notice says."""

    kind: str
    model: str
    environment: str
    new: RolloutSide
    stable: RolloutSide | None = None
    why: str = ""


class RolloutRecord(msgspec.Struct, frozen=True):
    plan: RolloutPlan
    outcome: str
    reasons: tuple[str, ...]
    problem: str = ""
    paused: str = ""


def _rollout(record: Any) -> Happening:
    found = msgspec.convert(record, RolloutRecord)
    plan, back = found.plan, found.plan.kind == "rollback"
    outcomes: dict[str, NoticeOutcome] = {
        "deployed": "rolled-back" if back else "success",
        "shadowed": "success",
        "compared": "success",
        "rolled-back": "rolled-back",
        "failed": "failed",
        "": "paused" if found.paused else "ongoing",
    }
    words = WORDS.get(found.outcome, found.outcome)
    said = f"Version {plan.new.version} {words} {plan.environment}"
    if found.outcome == "rolled-back" and plan.stable is not None:
        said += f"; version {plan.stable.version} has the traffic"
    if back and found.outcome == "deployed":
        said += f" again: {plan.why}" if plan.why else " again"
    if found.paused:
        said += f": {found.paused}; continue-rollout lets it go on"
    outcome = outcomes.get(found.outcome, "failed")
    if found.problem:
        outcome = "failed" if outcome == "success" else outcome
        said += f"; the alias could not be moved: {found.problem}"
    return Happening(
        subject="rollout",
        outcome=outcome,
        sentence=said,
        model=plan.model,
        environment=plan.environment,
        version=plan.new.version,
        reasons=found.reasons,
    )


def _verdict(record: Any) -> Happening:
    found = msgspec.convert(record, Verdict)
    outcomes: dict[str, NoticeOutcome] = {"pass": "success", "fail": "refused", "inconclusive": "inconclusive"}
    return Happening(
        subject="gate",
        outcome=outcomes[found.outcome],
        sentence=verdict.sentence(found),
        model=found.model,
        environment=found.environment,
        version=found.version,
    )


def _monitoring(record: Any) -> Happening:
    found = msgspec.convert(record, MonitorReport)
    outcomes: dict[str, NoticeOutcome] = {
        "alarm": "alarm",
        "inconclusive": "inconclusive",
        "changed": "ongoing",
        "quiet": "success",
    }
    said = monitoring.in_words(found, values=False)
    return Happening(subject="monitoring", outcome=outcomes[found.outcome], sentence=said)


def _validation(record: Any) -> Happening:
    found = msgspec.convert(record, ValidationReport)
    failing = [(one.data, check.name) for one in found.reports for check in one.failing]
    return Happening(
        subject="data contract",
        outcome="success" if found.outcome == "pass" else "refused",
        sentence="; ".join(f"{one.data}: {validation.counts_in_words(one)}" for one in found.reports) or "no data",
        reasons=tuple(f"{data}: {name}" for data, name in failing),
    )


def _quality(record: Any) -> Happening:
    found = msgspec.convert(record, QualityReport)
    worse = [(one.data, check) for one in found.reports for check in (*one.failing, *one.warnings)]
    return Happening(
        subject="data quality",
        outcome="refused" if found.outcome == "fail" else "success",
        sentence="; ".join(f"{one.data}: {quality.counts_in_words(one)}" for one in found.reports) or "no data",
        reasons=tuple(f"{data}: {check.name} ({check.outcome})" for data, check in worse),
    )


def _drift(record: Any) -> Happening:
    found = msgspec.convert(record, DriftReport)
    outcomes: dict[str, NoticeOutcome] = {"drift": "alarm", "no drift": "success", "inconclusive": "inconclusive"}
    return Happening(subject="drift", outcome=outcomes[found.outcome], sentence=drift.in_words(found))


class EndpointCheckRecord(msgspec.Struct, frozen=True):
    about: str
    name: str
    outcome: str


class EndpointRecord(msgspec.Struct, frozen=True):
    outcome: str
    checks: tuple[EndpointCheckRecord, ...]


def _endpoint(record: Any) -> Happening:
    found = msgspec.convert(record, EndpointRecord)
    failed = [f"{check.about}: {check.name}" for check in found.checks if check.outcome == "fail"]
    good = found.outcome == "pass"
    said = "all checks pass" if good else f"{len(failed)} of {len(found.checks)} checks fail"
    outcome: NoticeOutcome = "success" if good else "refused"
    return Happening(subject="endpoint", outcome=outcome, sentence=f"The endpoint: {said}", reasons=tuple(failed))


class InterimRecord(msgspec.Struct, frozen=True):
    reason: str


def _interim(record: Any) -> Happening:
    found = msgspec.convert(record, InterimRecord)
    return Happening(subject="data", outcome="failed", sentence=f"It did not come to its end: {found.reason}")


class ComparisonRecord(msgspec.Struct, frozen=True):
    outcome: str
    earlier: str
    contract: str
    changes: tuple[Mapping[str, Any], ...]


def _comparison(record: Any) -> Happening:
    found = msgspec.convert(record, ComparisonRecord)
    broken = tuple(str(change.get("where")) for change in found.changes if change.get("effect") == "breaking")
    if found.outcome == "breaking":
        said = f"{found.contract} breaks who relies on {found.earlier}: {few(broken)}"
        return Happening(subject="contract change", outcome="refused", sentence=said)
    said = f"{found.contract}, since {found.earlier}: {found.outcome}"
    return Happening(subject="contract change", outcome="success", sentence=said)


class LedgerRow(msgspec.Struct, frozen=True):
    entry: Entry


def _history(record: Any) -> Happening:
    """The last entry: what promote-model, or rollback-release without a deployment, has just done."""
    rows: Sequence[LedgerRow] = msgspec.convert(record, tuple[LedgerRow, ...])
    entry = rows[-1].entry
    what = f"Version {entry.there}" if entry.there is not None else "No version"
    return Happening(
        subject="rollout",
        outcome="rolled-back" if entry.action == "rollback" else "success",
        sentence=f"{what} is in {entry.environment} ({entry.action}): {entry.why}",
        model=entry.model,
        environment=entry.environment,
        version=entry.there,
    )


def _group(record: Any) -> Happening:
    found = msgspec.convert(record, GroupReport)
    outcomes: dict[str, NoticeOutcome] = {
        "deployed": "success",
        "unchanged": "success",
        "taken-back": "rolled-back",
        "failed": "failed",
    }
    environments = {member.environment for member in found.members}
    return Happening(
        subject="rollout of the group",
        outcome=outcomes[found.outcome],
        sentence=f"{found.group}: {group_in_words(found)}",
        model=found.group,
        environment=environments.pop() if len(environments) == 1 else "",
        reasons=tuple(f"{member.name}: {member.why}" for member in found.members if member.why),
    )


class VersionRecord(msgspec.Struct, frozen=True):
    """Of what makes, builds or continues a version. environment: of a Candidate, what it was trained in."""

    model: str
    version: int
    environment: Any = None


def _of_version(subject: str, said: str, outcome: NoticeOutcome = "success") -> Callable[[Any], Happening]:
    """said: what was done to the version, which no such report says where it was not done."""

    def read(record: Any) -> Happening:
        found = msgspec.convert(record, VersionRecord)
        environment = found.environment if isinstance(found.environment, str) else ""
        return Happening(
            subject=subject,
            outcome=outcome,
            sentence=f"Version {found.version} {said}{f' {environment}' if environment else ''}",
            model=found.model,
            environment=environment,
            version=found.version,
        )

    return read


class ForeseenRecord(msgspec.Struct, frozen=True):
    outcome: str
    sentence: str


def _plan(record: Any) -> Happening:
    found = msgspec.convert(record, ForeseenRecord)
    outcomes: dict[str, NoticeOutcome] = {"impossible": "refused", "unknown": "inconclusive"}
    return Happening(subject="plan", outcome=outcomes.get(found.outcome, "success"), sentence=found.sentence)


class LoadRecord(msgspec.Struct, frozen=True):
    outcome: str
    reason: str
    requests: int


class LoadRun(msgspec.Struct, frozen=True):
    measured: LoadRecord


class BenchmarkRecord(msgspec.Struct, frozen=True):
    run: LoadRun


def _benchmark(record: Any) -> Happening:
    found = msgspec.convert(record, BenchmarkRecord).run.measured
    outcomes: dict[str, NoticeOutcome] = {"pass": "success", "fail": "refused", "inconclusive": "inconclusive"}
    said = f"{found.requests:,} requests: {found.reason or 'within the limits'}"
    return Happening(subject="load", outcome=outcomes.get(found.outcome, "failed"), sentence=said)


def _policy(record: Any) -> Happening:
    found = msgspec.convert(record, policy.PolicyReport)
    outcome: NoticeOutcome = "ongoing" if found.not_due else "success"
    if found.failure or found.result not in (None, "success"):
        outcome = "failed"
    elif found.result == "success":
        outcome = "rolled-back" if found.act == "rollback" else "success"
    elif found.act != "none":
        outcome = "alarm"
    return Happening(
        subject="policy",
        outcome=outcome,
        sentence=policy.in_words(found),
        model=found.model,
        environment=found.environment,
        version=found.to or found.version,
        reasons=tuple(f"{one.act}: {one.why}" for one in found.not_due) + found.given_up,
    )


READERS: Mapping[str, Callable[[Any], Happening]] = {
    "modelway/rollout/1": _rollout,
    "modelway/verdict/1": _verdict,
    "modelway/monitor-model/1": _monitoring,
    "modelway/follow-policy/1": _policy,
    "modelway/validation-report/1": _validation,
    "modelway/quality-report/1": _quality,
    "modelway/drift-report/1": _drift,
    "modelway/endpoint-tests/1": _endpoint,
    "modelway/interim-report/1": _interim,
    "modelway/contract-comparison/1": _comparison,
    "modelway/ledger/1": _history,
    "modelway/group/1": _group,
    "modelway/candidate/1": _of_version("training", "was trained and registered"),
    "modelway/release/1": _of_version("image", "was built for"),
    "modelway/continue-rollout/1": _of_version("rollout", "goes on in", "ongoing"),
    "modelway/plan-rollout/1": _plan,
    "modelway/endpoint-benchmark/1": _benchmark,
}
