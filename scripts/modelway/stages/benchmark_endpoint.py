"""benchmark-endpoint: a deployed model under load, held against limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Count, Seconds, Wait
from modelway.endpoint.limits import ERRORS, MeasuredLoad
from modelway.errors import Inconclusive, ModelwayError, Refused
from modelway.report.benchmark import markdown, record
from modelway.stages.steps import benchmark, dialect, endpoint

Limit = Annotated[float, Meta(ge=0)] | None


@dataclass(frozen=True, kw_only=True)
class EndpointMeasured(ci.Result):
    outcome: Annotated[Literal["pass", "fail", "inconclusive"], Output("pass, fail or inconclusive")]
    p50_ms: Annotated[float | None, Output("the measured median; empty where failed requests reach it")]
    p95_ms: Annotated[float | None, Output("the measured 95th percentile")]
    p99_ms: Annotated[float | None, Output("the measured 99th percentile")]
    error_percent: Annotated[float | None, Output("the measured percentage of requests that failed")]
    intervals: Annotated[
        dict[str, list[float | None]],
        Output("JSON: each of the four with the two ends of its interval, null where nothing bounds it"),
    ]
    throughput: Annotated[float, Output("answers a second that were no failures")]
    report: Annotated[str, Output("the path of benchmark-endpoint.json")]
    measured: MeasuredLoad
    """All figures, with their limits."""


@ci.use_case
def benchmark_endpoint(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: Annotated[
        str | None,
        Input("The environment of modelway.yml whose Verdict has rows to send.", left_out="rows must be given"),
    ] = None,
    tracking_uri: ci.TrackingUri = None,
    version: Annotated[
        Count | None,
        Input("The registered version whose Verdict has rows to send.", left_out="rows must be given"),
    ] = None,
    built_for: endpoint.BuiltFor = None,
    url: endpoint.Url = "",
    protocol: dialect.Protocol = None,
    path: dialect.Path = "",
    body: dialect.Body = "",
    answer: dialect.Answer = "",
    rows: Annotated[
        str | None,
        Input("CSV, Parquet or JSON lines with rows to send, in order.", left_out="the Verdict's sample rows"),
    ] = None,
    columns: Annotated[
        tuple[str, ...], Input("The columns of rows to send, with commas between them.", left_out="all")
    ] = (),
    requests_per_second: Annotated[float, Meta(gt=0), Input("How many requests leave, whatever the answers do.")] = 100,
    duration_seconds: Annotated[Seconds, Input("How long the endpoint is measured.")] = 30,
    warm_up_seconds: Annotated[Wait, Input("How long it is under the same load before that, unmeasured.")] = 3,
    connections: Annotated[int, Meta(ge=1), Input("The most connections that are open at once.")] = 256,
    timeout_seconds: Annotated[Seconds, Input("A request without an answer by then has failed.")] = 10,
    seed: Annotated[int, Input("The random seed of the times at which requests leave.")] = 0,
    confidence: Annotated[float, Meta(ge=0.5, lt=1), Input("The confidence level of the intervals, two-sided.")] = 0.95,
    p50_ms: Annotated[Limit, Input("The most that the median may be.", left_out="no limit")] = None,
    p95_ms: Annotated[Limit, Input("The most that the 95th percentile may be.", left_out="no limit")] = None,
    p99_ms: Annotated[Limit, Input("The most that the 99th percentile may be.", left_out="no limit")] = None,
    error_percent: Annotated[
        float, Meta(ge=0), Input("The most that the percentage of requests that fail may be.")
    ] = 1,
    endpoint_token: endpoint.Token = "",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> EndpointMeasured:
    """Measure the latency and the errors of a deployed model under load at a fixed rate, and hold them against limits.

    Inputs: the address, rows to send (or environment and version, whose Verdict has some), the load, the limits.
    $MODELWAY_ENDPOINT_TOKEN is sent as a bearer's token.
    Outputs: percentiles with intervals, throughput, errors, the outcome and the report.
    Exit codes: 0 every limit is kept; 1 one is broken; 2 wrong input; 3 inconclusive: an interval holds a limit, or the load
    generator itself was the bottleneck; 4 nothing answers there, or the registry failed.
    """
    limits = {"p50-ms": p50_ms, "p95-ms": p95_ms, "p99-ms": p99_ms, ERRORS: error_percent}
    wanted = benchmark.Load(
        rate=requests_per_second,
        seconds=duration_seconds,
        warm_up=warm_up_seconds,
        connections=connections,
        timeout=timeout_seconds,
        seed=seed,
        confidence=confidence,
        limits={name: limit for name, limit in limits.items() if limit is not None},
    )
    benchmark.check(wanted)
    target = endpoint.endpoint_of(endpoint.address_of(job, url, environment), timeout_seconds, endpoint_token)
    expected = benchmark.expected_of(job, environment, version, built_for, rows, columns)
    spoken = benchmark.spoken(target, expected, dialect.Language(protocol, path, body, answer))
    driven = benchmark.drive(target, spoken, expected.rows, wanted, job)
    measured = driven.measured
    asked = {
        "protocol": spoken.name,
        "path": spoken.path,
        "requests-per-second": wanted.rate,
        "duration-seconds": wanted.seconds,
        "warm-up-seconds": wanted.warm_up,
        "connections": wanted.connections,
        "timeout-seconds": wanted.timeout,
        "seed": wanted.seed,
        "confidence": wanted.confidence,
        "limits": wanted.limits,
    }
    parts = (target.url, asked, measured, driven.lateness, driven.left, driven.failures)
    values = {figure.name: figure.value for figure in measured.figures}
    return EndpointMeasured(
        outcome=measured.outcome,
        p50_ms=values["p50-ms"],
        p95_ms=values["p95-ms"],
        p99_ms=values["p99-ms"],
        error_percent=values[ERRORS],
        intervals={figure.name: [figure.low, figure.high] for figure in measured.figures},
        throughput=measured.throughput,
        report=str(job.report(record(*parts), markdown(*parts))),
        measured=measured,
        failures=_failures(measured, target.url),
    )


def _failures(measured: MeasuredLoad, url: str) -> tuple[ModelwayError, ...]:
    if measured.outcome == "pass":
        return ()
    kind = Refused if measured.outcome == "fail" else Inconclusive
    return (kind(f"{url}: {measured.reason}", title="failed" if measured.outcome == "fail" else ""),)
