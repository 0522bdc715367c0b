"""comment-report: one comment on a pull request, which says what the stages found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.ci.pull_request import pull_request_of
from modelway.errors import InvalidInput, ModelwayError
from modelway.notices.comments import LARGEST_BODY, PullRequestComments
from modelway.notices.github_api import api_address, checked_token, from_its_own
from modelway.notices.sending import Rejection
from modelway.records import digest_of_json
from modelway.stages.notify import StepResult

if TYPE_CHECKING:
    from modelway.report.review import StageReview

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
ENDED_EARLY = ("failure", "cancelled")
MARKER_ROOM = 200
"""Bytes of a comment that are not its text."""
FROM_A_FORK = "its pull request comes from a fork, whose token may only read: the report is on the run's page"


@dataclass(frozen=True, kw_only=True)
class ReportCommented(ci.Result):
    outcome: Annotated[
        Literal["created", "updated", "outdated", "not-written", "no-pull-request"],
        Output(
            "created or updated; outdated where a newer run for another commit has written it; not-written where GitHub did"
            " not take it, which is a warning; no-pull-request"
        ),
    ]
    url: Annotated[str, Output("the address of the comment; empty where there is none")] = ""
    text: str = ""
    """What it says, as Markdown."""


@ci.use_case
def comment_report(
    job: ci.Job,
    *,
    reports: Annotated[
        tuple[str, ...],
        Input(
            "The reports of the steps, as paths with commas between them, in the order of the table; those that a step did not"
            " write may be empty.",
            left_out="none, where result says that the job failed before it wrote one",
        ),
    ] = (),
    result: Annotated[
        StepResult | None,
        Input(
            "How the job has gone so far, GitHub's `job.status`: so a comment of an earlier run does not stand where this one"
            " failed before it judged.",
            left_out="what the reports say",
        ),
    ] = None,
    key: Annotated[
        str,
        Input(
            "What tells this comment from others of the same pull request, such as the model's name.",
            left_out="the workflow's and the job's name",
        ),
    ] = "",
    title: Annotated[str, Input("What is reviewed, in a word or two.", left_out="the model's name")] = "",
    pull_request: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Input("The number of the pull request.", left_out="that of the event that started the run"),
    ] = None,
    working_directory: ci.WorkingDirectory = ".",
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=300), Input("For all requests together; after that the comment is not written.")
    ] = 30.0,
) -> ReportCommented:
    """Keep one comment on the pull request that says what the stages found: outcome, limits, values, intervals, and what
    differs from production.

    Inputs: reports of validate-data, check-quality, evaluate-gate, compare-models and others; $GITHUB_TOKEN with
    `pull-requests: write`.
    Outputs: the comment's address. It is created once and edited by every later run.
    Exit codes: 0 also where there is no pull request, and where GitHub did not take it, which is a warning: no verdict
    changes by a comment; 2 wrong input.
    """
    from modelway.report import review  # all that reports are made of; --help needs none of it

    stages = _stages(job, reports, result)
    on = pull_request_of(job.environ)
    about = review.ReviewedRun(
        title=title.strip(), outcome=_of_the_job(result, stages), commit=on.commit, run=job.runner.address
    )
    text = job.clean(review.markdown(stages, about, LARGEST_BODY - MARKER_ROOM))
    number = pull_request or on.number
    if number is None:
        job.say("this run is not of a pull request: no comment is written")
        return ReportCommented(outcome="no-pull-request", text=text)
    comments = _comments(job, number, timeout_seconds)
    try:
        kept = comments.keep(_digest(job, key.strip()), job.environ.get("GITHUB_RUN_ID", ""), on.commit, text)
    except ModelwayError as failure:
        _say_why_not(job, failure, from_fork=on.from_fork and not pull_request)
        job.runner.summary(text, "the log")
        return ReportCommented(outcome="not-written", text=text)
    said = "a newer run has written it already" if kept.how == "outdated" else kept.how
    job.say(f"the comment on pull request {number}: {said}, {kept.url}")
    return ReportCommented(outcome=kept.how, url=kept.url, text=text)


def _stages(job: ci.Job, reports: Sequence[str], result: StepResult | None) -> list[StageReview]:
    """One that cannot be read is an error, but where the job has failed before."""
    from modelway.report.happenings import report_content
    from modelway.report.review import review_of

    if not reports and result not in ENDED_EARLY:
        fix = "give reports, such as ${{ steps.gate.outputs.report }}, and result: ${{ job.status }}"
        raise InvalidInput("there is nothing to comment", where="input reports", fix=fix)
    found: list[StageReview] = []
    for name in reports:
        try:
            found.append(review_of(report_content(job.folder / name, name), f"report {name[:300]}"))
        except InvalidInput as error:
            if result not in ENDED_EARLY:
                raise
            job.warn("comment-report", error.line())
    return found


def _of_the_job(result: StepResult | None, stages: Sequence[StageReview]) -> Literal["failed"] | None:
    """What the job adds: it failed, and no report says why."""
    told = any(one.outcome not in ("success", "ongoing") for one in stages)
    return "failed" if result in ENDED_EARLY and not told else None


def _comments(job: ci.Job, number: int, seconds: float) -> PullRequestComments:
    """InvalidInput where the step has no token, or the job is on no repository."""
    repository = job.environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        fix = "run it in a job on GitHub, or set it to OWNER/NAME"
        raise InvalidInput("is not set", where="$GITHUB_REPOSITORY", fix=fix)
    token = checked_token(job.environ, TOKEN, from_its_own(TOKEN, "pull-requests: write"))
    return PullRequestComments(api_address(job.environ), repository, number, token, time.monotonic() + seconds)


def _digest(job: ci.Job, key: str) -> str:
    names = ("GITHUB_WORKFLOW", "GITHUB_JOB")
    return digest_of_json([key] if key else [job.environ.get(name, "") for name in names])


def _say_why_not(job: ci.Job, failure: ModelwayError, *, from_fork: bool) -> None:
    if from_fork and isinstance(failure, Rejection) and failure.status in (403, 404):
        job.say(f"no comment is written: {FROM_A_FORK}")
    else:
        job.warn("comment-report", f"the comment was not written: {failure.line()}")
