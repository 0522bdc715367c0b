"""benchmark-endpoint: load at a fixed rate, and what came of it held against the limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelway import ci
from modelway.endpoint import limits
from modelway.endpoint.asking import Endpoint, NoAnswerError
from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe import load
from modelway.observe.latency import SHARES, Latencies
from modelway.observe.load_rows import bodies_of_rows
from modelway.stages import endpoint as stage
from modelway.stages import project as begin

NAMES = (*(f"{name}-ms" for name in SHARES), limits.ERRORS)
PROGRESS_SECONDS = 10
PATH = "/predict"
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

    measured: limits.Measured
    lateness: load.Lateness
    left: float
    failures: Mapping[str, int]
    """What the failed requests were answered, or why not at all: how many."""


def load_of(values: ci.Values) -> Load:
    """The inputs, each checked. InvalidInput where one makes no sense."""
    rate = stage.positive(values, "requests-per-second", 100)
    seconds = stage.positive(values, "duration-seconds", 30)
    warm_up = stage.not_negative(values, "warm-up-seconds", 3)
    if rate * (seconds + warm_up) > MOST_REQUESTS:
        what = f"{rate:g} requests a second are {rate * (seconds + warm_up):.0f} in all, more than {MOST_REQUESTS}"
        raise InvalidInput(what, where="input requests-per-second", fix="ask for less, or for a shorter time")
    confidence = stage.positive(values, "confidence", 0.95)
    if not 0.5 <= confidence < 1:
        raise InvalidInput(f"{confidence:g} is not from 0.5 to below 1", where="input confidence", fix="give 0.95")
    found = {name: stage.not_negative(values, name, 0) for name in NAMES if name in values}
    connections = int(stage.positive(values, "connections", 256))
    timeout = stage.positive(values, "timeout-seconds", 10)
    seed = int(values.get("seed", "0"))
    return Load(rate, seconds, warm_up, connections, timeout, seed, confidence, {limits.ERRORS: 1.0} | found)


def bodies_for(values: ci.Values, job: ci.Job, inputs: Sequence[ci.Input]) -> list[bytes]:
    """Bodies of /predict, one row each: of the input rows, or of the Verdict's sample rows."""
    rows = stage.rows_of(values, job, inputs)
    if not rows:
        if "environment" not in values or "version" not in values:
            fix = "give rows, a file of CSV, Parquet or JSON lines; or environment and version, whose Verdict has sample rows"
            raise InvalidInput("there is nothing to send", where="input rows", fix=fix)
        project = begin.resolve(values, job, inputs)
        rows = stage.expected_of(
            project, job, int(values["version"]), begin.known_environment(values, job, "built-for")
        ).rows
    if not rows:
        raise InvalidInput("the Verdict has no sample rows", where="input version", fix="give rows")
    return bodies_of_rows(rows)


def drive(endpoint: Endpoint, bodies: Sequence[bytes], wanted: Load, job: ci.Job) -> Driven:
    """Ask one, then all at their times. OutsideFailure where nothing answers, InvalidInput where the rows are refused."""
    _try_one(endpoint, bodies[0])
    job.say(f"{wanted.rate:g} requests a second for {wanted.seconds:g} s, after {wanted.warm_up:g} s that do not count")
    found, waits = Latencies(), load.Lates()
    statuses: dict[str, int] = {}
    total = wanted.warm_up + wanted.seconds
    said = [PROGRESS_SECONDS]

    def answered(answer: load.Answer) -> None:
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
                endpoint.url + PATH,
                requests,
                connections=wanted.connections,
                timeout_seconds=wanted.timeout,
                answered=answered,
                headers={"authorization": f"Bearer {endpoint.token}"} if endpoint.token else None,
                measured_from=wanted.warm_up,
            )
        )
    except OSError as error:
        raise OutsideFailure(f"{error.strerror or error}", where=endpoint.url, fix="check the address") from None
    measured = limits.judge(found, wanted.seconds, wanted.limits, wanted.confidence, lateness)
    ordered = dict(sorted(statuses.items(), key=lambda item: (-item[1], item[0])))
    return Driven(measured, lateness, waits.lateness().p99, ordered)


def _try_one(endpoint: Endpoint, body: bytes) -> None:
    """One request before the load: a wrong address or wrong rows are said at once."""
    try:
        reply = endpoint.post(PATH, body)
    except NoAnswerError as error:
        fix = "start the server, or name the address that it answers at"
        raise OutsideFailure(str(error), where=endpoint.url, fix=fix) from None
    if 400 <= reply.status < 500:
        text = " ".join(reply.body.decode("utf-8", "replace").split())[:300]
        fix = "name in columns what the model takes, and the server's own address in url"
        raise InvalidInput(f"the first row is answered {reply.status}: {text}", where=endpoint.url + PATH, fix=fix)


def shown(value: float | None) -> str:
    """A figure as an output: six digits; empty where nothing bounds it."""
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"
