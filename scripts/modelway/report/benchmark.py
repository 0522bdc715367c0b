"""A benchmark of an endpoint as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelway.endpoint.limits import Figure, MeasuredLoad
from modelway.markdown import cell, number, table
from modelway.observe.load_lateness import Lateness

METHOD = (
    "Open loop: requests leave at times fixed in advance (a Poisson process), and latency counts from these, so a stall is"
    " counted with all who waited for it. A failed request counts as infinitely slow. Intervals: order statistics, and"
    " Clopper-Pearson for errors, with the number of requests divided by how much more their slowness and their errors come"
    " together than independent ones would (20 blocks of time)."
)
TITLES = {"pass": "✅ within its limits", "fail": "❌ beyond a limit", "inconclusive": "❔ inconclusive"}


def record(
    url: str,
    asked: Mapping[str, Any],
    measured: MeasuredLoad,
    lateness: Lateness,
    left: float,
    failures: Mapping[str, int],
) -> dict[str, Any]:
    """What the JSON report holds. All that is measured differs from run to run."""
    return {
        "schema": "modelway/endpoint-benchmark/1",
        "url": url,
        "asked": asked,
        "method": METHOD,
        "run": {
            "measured": measured,
            "generator_late_ms": {
                "p50": lateness.p50 * 1000,
                "p95": lateness.p95 * 1000,
                "p99": lateness.p99 * 1000,
                "most": lateness.most * 1000,
            },
            "left_late_ms": {"p99": left * 1000},
            "failures": failures,
        },
    }


def markdown(
    url: str,
    asked: Mapping[str, Any],
    measured: MeasuredLoad,
    lateness: Lateness,
    left: float,
    failures: Mapping[str, int],
) -> str:
    parts = [
        f"### Endpoint {cell(url)}: {TITLES[measured.outcome]}",
        (
            f"{number(asked['requests-per-second'])} requests a second for {number(asked['duration-seconds'])} s:"
            f" {measured.requests} requests, {measured.failed} failed, {number(measured.throughput)} answers a second."
        ),
    ]
    if measured.reason:
        parts.append(f"> {cell(measured.reason, 500)}")
    heads = ("", "measured:", f"{number(asked['confidence'] * 100)} % interval:", "limit:", "outcome", "effective n:")
    parts.append(table(heads, [_row(figure) for figure in measured.figures]))
    if failures:
        parts.append(table(("failed because", "requests:"), list(failures.items())[:10]))
    parts.append(
        f"The generator turned to a request {number(lateness.p50 * 1000)} ms after its time (median; p99"
        f" {number(lateness.p99 * 1000)} ms), and it left {number(left * 1000)} ms after its time (p99): much later where all"
        f" {asked['connections']} connections were busy."
    )
    parts.append(METHOD)
    return "\n\n".join(parts)


def _row(figure: Figure) -> list[str]:
    low, high = (number(end) if end is not None else "no bound" for end in (figure.low, figure.high))
    limit = number(figure.limit) if figure.limit is not None else ""
    value = number(figure.value) if figure.value is not None else "never"
    return [figure.name, value, f"{low} to {high}", limit, figure.outcome, str(figure.effective)]
