"""benchmark-endpoint: load at a fixed rate, and what came of it held against the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelway import ci
from modelway.endpoint import limits
from modelway.endpoint.checks import Expected
from modelway.endpoint.client import Endpoint, NoAnswerError, Reply
from modelway.endpoint.dialects import MODELWAY, Row, ServerDialect
from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe import load
from modelway.observe.latency import SHARES, Latencies
from modelway.stages.steps import dialect, workspace
from modelway.stages.steps import endpoint as stage

NAMES = (*(f"{name}-ms" for name in SHARES), limits.ERRORS)
PROGRESS_SECONDS = 10
MOST_REQUESTS = 20_000_000
"""Of one run: their times are kept in memory."""


@dataclass(frozen=True)
class Load:
    """What is to be sent, in requests a second and seconds."""

    rate: float
    seconds: float
    warm_up: float
    connections: int
    timeout: float
    seed: int
    confidence: float
    limits: Mapping[str, float]


@dataclass(frozen=True)
class Driven:
    """lateness: of the generator. left: the 99th percentile of how long after its time a request left."""

    measured: limits.MeasuredLoad
    lateness: load.Lateness
    left: float
    failures: Mapping[str, int]
    """What the failed requests were answered, or why not at all: how many."""


def check(wanted: Load) -> None:
    """InvalidInput where it is more than can be kept."""
    total = wanted.rate * (wanted.seconds + wanted.warm_up)
    if total > MOST_REQUESTS:
        what = f"{wanted.rate:g} requests a second are {total:.0f} in all, more than {MOST_REQUESTS}"
        raise InvalidInput(what, where="input requests-per-second", fix="ask for less, or for a shorter time")


def expected_of(
    job: ci.Job,
    environment: str | None,
    version: int | None,
    built_for: str | None,
    rows: str | None,
    columns: Sequence[str],
) -> Expected:
    """Rows to send: of the input rows, or the Verdict's sample rows; and what is known of the model."""
    given = stage.rows_of(job, rows, columns, environment)
    if given:
        return Expected(rows=given)
    if not environment or version is None:
        fix = (
            "give rows, a file of CSV, Parquet or JSON lines; or environment and version, whose Verdict has sample rows"
        )
        raise InvalidInput("there is nothing to send", where="input rows", fix=fix)
    project = workspace.resolve(job, environment)
    expected = stage.expected_of(project, job, version, workspace.known_environment(job, built_for))
    if not expected.rows:
        raise InvalidInput("the Verdict has no sample rows", where="input version", fix="give rows")
    return expected


def spoken(endpoint: Endpoint, expected: Expected, asked: dialect.Language) -> ServerDialect:
    """What the server speaks, after one request that shows it: a wrong address or wrong rows are said at once, before a load
    of refusals would be measured. OutsideFailure where nothing answers, InvalidInput where it predicts nothing."""
    kinds = {column.name: column.kind for column in expected.columns}
    chosen = dialect.chosen(asked, expected.model, expected.rows, kinds)
    tried = chosen or MODELWAY
    reply = _one(endpoint, tried, expected)
    if chosen is None and reply.status not in (401, 403) and _why_not(reply, tried):
        tried = dialect.found(endpoint, expected.model, expected.rows, kinds)
        reply = _one(endpoint, tried, expected)
    if why := _why_not(reply, tried):
        fix = "name in columns what the model takes, and in url, protocol and path how it is asked"
        raise InvalidInput(f"the first row is answered {why}", where=endpoint.url + tried.path, fix=fix)
    return tried


def _one(endpoint: Endpoint, dialect: ServerDialect, expected: Expected) -> Reply:
    try:
        return endpoint.post(dialect.path, dialect.bytes_of(expected.rows[:1]))
    except NoAnswerError as error:
        fix = "start the server, or name the address that it answers at"
        raise OutsideFailure(str(error), where=endpoint.url, fix=fix) from None


def _why_not(reply: Reply, dialect: ServerDialect) -> str:
    """Why an answer is no prediction; empty where it is one, or the server's own fault, which is what is measured."""
    if reply.status >= 500:
        return ""
    text = " ".join(reply.body.decode("utf-8", "replace").split())[:300]
    if not 200 <= reply.status < 300:
        return f"{reply.status}: {text}"
    try:
        dialect.predictions(reply.json(), 1)
    except (ValueError, RecursionError) as error:
        return f"{reply.status}, without a prediction ({error}): {text}"
    return ""


def drive(endpoint: Endpoint, dialect: ServerDialect, rows: Sequence[Row], wanted: Load, job: ci.Job) -> Driven:
    """Ask for one row at a time, all at their times. OutsideFailure where nothing answers."""
    bodies = [dialect.bytes_of([row]) for row in rows]
    job.say(f"{wanted.rate:g} requests a second for {wanted.seconds:g} s, after {wanted.warm_up:g} s that do not count")
    found, waits = Latencies(), load.Lates()
    statuses: dict[str, int] = {}
    total = wanted.warm_up + wanted.seconds
    said = [PROGRESS_SECONDS]

    def answered(answer: load.LoadAnswer) -> None:
        if answer.ended >= said[0]:
            job.say(f"{said[0]} s of {total:g}: {len(found.times)} answers count so far, {found.failed} of them failed")
            said[0] += PROGRESS_SECONDS
        if answer.at < wanted.warm_up:
            return
        failed = not 200 <= answer.status < 300
        found.add(answer.at, answer.ended - answer.at, failed)
        waits.add(answer.sent - answer.at)
        if failed:
            why = answer.error or f"status {answer.status}"
            statuses[why] = statuses.get(why, 0) + 1

    requests = load.requests_of(bodies, load.arrivals(wanted.rate, total, wanted.seed))
    try:
        lateness = load.run(
            load.drive(
                endpoint.url + dialect.path,
                requests,
                connections=wanted.connections,
                timeout_seconds=wanted.timeout,
                answered=answered,
                headers=endpoint.headers,
                measured_from=wanted.warm_up,
            )
        )
    except OSError as error:
        raise OutsideFailure(f"{error.strerror or error}", where=endpoint.url, fix="check the address") from None
    measured = limits.judge(found, wanted.seconds, wanted.limits, wanted.confidence, lateness)
    ordered = dict(sorted(statuses.items(), key=lambda item: (-item[1], item[0])))
    return Driven(measured, lateness, waits.lateness().p99, ordered)
