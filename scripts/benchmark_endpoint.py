"""Measure the latency and the errors of a deployed model under load at a fixed rate, and hold them against limits.

Inputs: the address, rows to send (or environment and version, whose Verdict has some), the load, the limits.
$MODELWAY_ENDPOINT_TOKEN is sent as a bearer's token.
Outputs: percentiles with intervals, throughput, errors, the outcome and the report.
Exit codes: 0 every limit is kept; 1 one is broken; 2 wrong input; 3 inconclusive: an interval holds a limit, or the load
generator itself was the bottleneck; 4 nothing answers there, or the registry failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelway import ci
from modelway.report.benchmark import markdown, record
from modelway.stages.steps import benchmark, dialect, endpoint

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.Input(
        "environment", "The environment of modelway.yml whose Verdict has rows to send. Left out: rows are given."
    ),
    ci.TRACKING_URI,
    ci.Input(
        "version", "The registered version whose Verdict has rows to send. Left out: rows are given.", kind="integer"
    ),
    ci.Input("built-for", "The environment whose Verdict counts. Left out: environment."),
    ci.Input("url", "The server's address, such as http://127.0.0.1:8080. Left out: the environment's own."),
    *dialect.INPUTS,
    ci.Input("rows", "CSV, Parquet or JSON lines with rows to send, in order. Left out: the Verdict's sample rows."),
    ci.Input("columns", "The columns of rows to send, with commas between them. Left out: all."),
    ci.Input("requests-per-second", "How many requests leave, whatever the answers do. Left out: 100.", kind="number"),
    ci.Input("duration-seconds", "For how long it is measured. Left out: 30.", kind="number"),
    ci.Input("warm-up-seconds", "For how long it is asked before that. Left out: 3.", kind="number"),
    ci.Input("connections", "The most connections that are open at once. Left out: 256.", kind="integer"),
    ci.Input("timeout-seconds", "A request without an answer by then has failed. Left out: 10.", kind="number"),
    ci.Input("seed", "Of the times at which requests leave. Left out: 0.", kind="integer"),
    ci.Input("confidence", "Of the intervals. Left out: 0.95.", kind="number"),
    ci.Input("p50-ms", "The median may be so much. Left out: no limit.", kind="number"),
    ci.Input("p95-ms", "The 95th percentile may be so much. Left out: no limit.", kind="number"),
    ci.Input("p99-ms", "The 99th percentile may be so much. Left out: no limit.", kind="number"),
    ci.Input("error-percent", "So many percent of the requests may fail. Left out: 1.", kind="number"),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "outcome": "pass, fail or inconclusive",
    "p50-ms": "the measured median; empty where failed requests reach it",
    "p95-ms": "the measured 95th percentile",
    "p99-ms": "the measured 99th percentile",
    "error-percent": "the measured percentage of requests that failed",
    "intervals": "JSON: each of the four with the two ends of its interval, null where nothing bounds it",
    "throughput": "answers a second that were no failures",
    "report": "the path of benchmark-endpoint.json",
}


def work(values: ci.Values, job: ci.Job) -> int:
    wanted = benchmark.load_of(values)
    target = endpoint.endpoint_of(endpoint.address_of(values, job, INPUTS), wanted.timeout, job.environ)
    expected = benchmark.expected_of(values, job, INPUTS)
    spoken = benchmark.spoken(target, expected, values)
    driven = benchmark.drive(target, spoken, expected.rows, wanted, job)
    measured = driven.measured
    asked: dict[str, Any] = {
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
    job.set_output("outcome", measured.outcome)
    for figure in measured.figures:
        job.set_output(figure.name, benchmark.shown(figure.value))
    job.set_output("intervals", {figure.name: [figure.low, figure.high] for figure in measured.figures})
    job.set_output("throughput", benchmark.shown(measured.throughput))
    parts = (target.url, asked, measured, driven.lateness, driven.left, driven.failures)
    job.set_output("report", str(job.report(record(*parts), markdown(*parts))))
    if measured.outcome == "pass":
        return 0
    meaning = "failed" if measured.outcome == "fail" else "inconclusive"
    job.error(f"benchmark-endpoint: {meaning}", f"{target.url}: {measured.reason}")
    return 1 if measured.outcome == "fail" else 3


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
