"""notify: people told what became of a step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved
from modelway.config.notify import NoticeOutcome
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.notices.delivery import Delivery, deliver
from modelway.notices.notice import Happening, Notice, notice_of
from modelway.notices.outbox import ReceiverBox, open_boxes
from modelway.notices.receivers import receivers_of, secrets_of_receivers
from modelway.records import digest_of_json
from modelway.stages.steps import workspace

StepResult = Literal["success", "failure", "cancelled", "skipped"]


@dataclass(frozen=True, kw_only=True)
class PeopleNotified(ci.Result):
    outcome: Annotated[
        NoticeOutcome | None,
        Output(
            "what the step came to: success, refused, rolled-back, failed, alarm, inconclusive, paused or ongoing; empty where"
            " there was nothing to tell"
        ),
    ]
    told: Annotated[list[str], Output('who has been told, now or before, as a JSON list such as ["slack releases"]')]
    not_told: Annotated[list[str], Output("who should have been told and was not, as a JSON list")]
    notice: Notice | None = None
    """What was told."""


@ci.use_case
def notify(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    report: Annotated[
        str,
        Input("The report of the step that is told, such as deploy-model's output report.", left_out="there is none"),
    ] = "",
    result: Annotated[
        StepResult | None,
        Input(
            "How that step ended, GitHub's `steps.ID.outcome`: so one is told that failed before it wrote a report.",
            left_out="what the report says",
        ),
    ] = None,
    subject: Annotated[
        str, Input("What is told of, in a word or two.", left_out="what the report is about; without one, step")
    ] = "",
    text: Annotated[str, Input("A sentence to tell.", left_out="the report's own")] = "",
    timeout_seconds: Annotated[float | None, ci.key("notify.timeout-seconds")] = None,
) -> PeopleNotified:
    """Tell people what became of a step: Slack, Teams, a webhook, e-mail, AWS SNS, a GitHub issue. It holds nothing up.

    Inputs: modelway.yml (section notify), a step's report, and the secrets in the variables that the section names.
    Outputs: who was told, and who was not; these are kept, and told by the next call.
    Exit codes: 0 also where somebody could not be told, which is a warning; 2 wrong input; 4 a receiver with `required: true`
    could not be told.
    """
    found = _happening(job, report, result, subject.strip(), text.strip())
    project = workspace.resolve(job, environment or (found.environment if found else None))
    for secret in sorted(set(secrets_of_receivers(project.notify, job.environ)), key=len, reverse=True):
        job.hide(secret)
    receivers = receivers_of(project.notify, job.environ)
    if not receivers:
        fix = "name one below notify, such as `slack: { releases: {} }`"
        raise InvalidInput("nobody is to be told", where=f"{project.source}: notify", fix=fix)
    notice = _notice(job, project, found, report) if found else None
    job.say(f"{notice.title}: {notice.sentence}" if notice else "nothing to tell: the step did nothing")
    boxes = _boxes(job, project, [one.name for one in receivers])
    deliveries = deliver(notice, receivers, boxes, project.notify.timeout_seconds)
    for one in deliveries:
        _say(job, one)
    return PeopleNotified(
        outcome=notice.outcome if notice else None,
        told=[one.receiver.name for one in deliveries if one.state in ("told", "told before")],
        not_told=[one.receiver.name for one in deliveries if one.state == "not told"],
        notice=notice,
        failures=_failures(deliveries),
    )


def _happening(job: ci.Job, report: str, result: StepResult | None, subject: str, text: str) -> Happening | None:
    """None: the step was skipped, or did nothing that a report could tell."""
    if result == "skipped":
        return None
    if report:
        try:
            found = _read(job.folder / report, report)
        except InvalidInput as error:
            if result not in ("failure", "cancelled"):
                raise
            job.warn("notify", error.line())  # a step that failed is told in any case
        else:
            changed = {name: value for name, value in (("subject", subject), ("sentence", text)) if value}
            if result in ("failure", "cancelled") and found.outcome in ("success", "ongoing"):
                ended = "was cancelled" if result == "cancelled" else "failed"
                changed |= {"outcome": "failed", "sentence": f"{text or found.sentence}; the step {ended} all the same"}
            return msgspec.structs.replace(found, **changed)
    if result == "success" and not text:
        return None
    if result is None and not text:
        fix = "give report, or text, or result: ${{ steps.ID.outcome }} for a step that may fail before it writes one"
        raise InvalidInput("there is nothing to tell", where="inputs report and text", fix=fix)
    outcome: NoticeOutcome = "failed" if result in ("failure", "cancelled") else "success" if result else "alarm"
    ended = "was cancelled" if result == "cancelled" else "failed"
    said = text or f"The step {ended} before it wrote a report: see the run's log"
    return Happening(
        subject=subject or "step", outcome=outcome, sentence=said, environment=job.given.get("environment") or ""
    )


def _read(path: Path, name: str) -> Happening:
    from modelway.report.happenings import (
        happening_of,
        report_content,
    )  # all that reports are made of; --help needs none of it

    return happening_of(report_content(path, name), f"report {name[:300]}")


def _notice(job: ci.Job, project: Resolved, found: Happening, report: str) -> Notice:
    found = msgspec.structs.replace(
        found, model=found.model or project.model, environment=found.environment or project.environment
    )
    path = job.folder / report if report else None
    event: list[object] = [found.model, found.environment, found.subject, found.outcome, found.version, found.sentence]
    event.append(_content(path) or _run_id(job.environ))
    return notice_of(
        found,
        identity=digest_of_json(event),
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        run=job.runner.address,
        report=str(path) if path and path.exists() else "",
        clean=job.clean,
    )


def _content(path: Path | None) -> str:
    """The digest of a report: it stands for what happened, whichever run tells it. Empty where there is none."""
    from modelway.records.digests import sha256_of_file

    try:
        return sha256_of_file(path) if path else ""
    except OSError:
        return ""


def _run_id(environ: Mapping[str, str]) -> str:
    """Of the job of a CI system; elsewhere each call is an event of its own."""
    names = ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "CI_JOB_URL")
    known = [environ.get(name, "") for name in names]
    return digest_of_json(known) if any(known) else os.urandom(16).hex()


def _boxes(job: ci.Job, project: Resolved, names: Sequence[str]) -> Mapping[str, ReceiverBox]:
    """Empty where nothing can be kept: then it is told all the same."""
    repository = job.environ.get("GITHUB_REPOSITORY") or job.environ.get("CI_PROJECT_URL") or str(job.folder)
    try:
        return open_boxes((repository, project.model), names)
    except (ModelwayError, OSError) as error:
        said = error.line() if isinstance(error, ModelwayError) else str(error.strerror)
        job.warn("notify", f"nothing is kept of what cannot be told: {said}")
        return {}


def _say(job: ci.Job, one: Delivery) -> None:
    name = one.receiver.name
    if one.state != "not told" and one.failure is None:
        earlier = f", and {one.earlier} from before" if one.earlier else ""
        job.say(f"{name}: {one.state}{earlier}")
    if one.note:
        job.warn(f"notify: {name}", one.note)
    if one.given_up:
        job.warn(f"notify: {name}", f"notices that waited for a week and are given up: {one.given_up}")
    if one.failure is None:
        return
    if one.state == "not told" and one.receiver.settings.required:
        return  # that is the step's failure
    job.warn(f"notify: {name}", f"{_became(one)}: {one.failure.line()}")


def _became(one: Delivery) -> str:
    if one.state != "not told":
        return f"{one.state}, and older ones wait"
    return f"was not told, and is {'kept for the next notify' if one.keeps else 'not kept'}"


def _failures(deliveries: Sequence[Delivery]) -> tuple[ModelwayError, ...]:
    return tuple(
        OutsideFailure(
            f"{_became(one)}: {one.failure.line() if one.failure else 'no time was left'}",
            where=f"{one.receiver.name}, which is required",
        )
        for one in deliveries
        if one.state == "not told" and one.receiver.settings.required
    )
