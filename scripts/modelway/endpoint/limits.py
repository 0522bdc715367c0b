"""Limits on what a benchmark measured: each is kept, broken, or not decided by its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from modelway.observe.latency import SHARES, Latencies, LatencyEstimate, error_share, percentile
from modelway.observe.load_lateness import Lateness

Outcome = Literal["pass", "fail", "inconclusive"]
ERRORS = "error-percent"
LATE_SHARE, LATE_SECONDS = 0.1, 0.001
"""The generator is the bottleneck where it was later, in some percentile, than both: these seconds, and this share of what
was measured there, or of the limit where that is more."""


class Figure(msgspec.Struct, frozen=True):
    """One quantity, in its name's unit. None: nothing bounds it, such as a percentile that only failed requests reach."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    effective: int
    """How many independent requests would say as much."""
    limit: float | None
    outcome: Outcome | Literal["no limit"]


class MeasuredLoad(msgspec.Struct, frozen=True):
    outcome: Outcome
    reason: str
    """Why it is no pass; empty where it is one."""
    requests: int
    failed: int
    throughput: float
    """Answers a second that were no failures."""
    figures: tuple[Figure, ...]


def judge(
    found: Latencies, seconds: float, limits: Mapping[str, float], confidence: float, lateness: Lateness
) -> MeasuredLoad:
    """limits: by figure, `p99-ms` or `error-percent`, at most so much. seconds: that were measured."""
    requests = len(found.seconds)
    if requests == 0:
        return MeasuredLoad("inconclusive", "no request was measured", 0, 0, 0.0, ())
    estimates = {f"{name}-ms": (percentile(found, share, confidence), 1000.0) for name, share in SHARES.items()}
    estimates[ERRORS] = (error_share(found, confidence), 100.0)
    figures = tuple(_figure(name, *estimate, limits.get(name)) for name, estimate in estimates.items())
    measured = {name: estimate.value * unit for name, (estimate, unit) in estimates.items() if name != ERRORS}
    late = bottleneck(lateness, measured, limits)
    outcome, reason = _together(figures)
    if late:
        outcome, reason = "inconclusive", late
    throughput = (requests - found.failed) / seconds
    return MeasuredLoad(outcome, reason, requests, found.failed, throughput, figures)


def bottleneck(lateness: Lateness, measured: Mapping[str, float], limits: Mapping[str, float]) -> str:
    """Why the figures are as much the generator's as the server's; empty where they are the server's. measured: milliseconds
    by figure. The percentiles that have a limit are looked at; where none has, the 99th."""
    limited = [name for name in measured if name in limits] or ["p99-ms"]
    late = {"p50-ms": lateness.p50, "p95-ms": lateness.p95, "p99-ms": lateness.p99}
    for name in limited:
        known = [item for item in (measured[name], limits.get(name, 0.0)) if math.isfinite(item)]
        if late[name] > max(LATE_SECONDS, LATE_SHARE * max(known) / 1000):
            return (
                f"the load generator itself is the bottleneck: it was {late[name] * 1000:.3g} ms late in sending"
                f" ({name.removesuffix('-ms')}; at most {lateness.most * 1000:.3g} ms)"
            )
    return ""


def _figure(name: str, found: LatencyEstimate, unit: float, limit: float | None) -> Figure:
    value, low, high = (item * unit for item in (found.value, found.low, found.high))
    outcome: Outcome | Literal["no limit"] = "no limit"
    if limit is not None:
        outcome = "pass" if high <= limit else "fail" if low > limit else "inconclusive"
    return Figure(name, _finite(value), _finite(low), _finite(high), math.floor(found.effective), limit, outcome)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _together(figures: tuple[Figure, ...]) -> tuple[Outcome, str]:
    """One limit that is broken is enough to fail; all must be kept to pass."""
    outcomes: tuple[Outcome, ...] = ("fail", "inconclusive")
    for outcome in outcomes:
        found = [figure for figure in figures if figure.outcome == outcome]
        if found:
            return outcome, "; ".join(_sentence(figure) for figure in found)
    if all(figure.limit is None for figure in figures):
        return "inconclusive", "no limit was given"
    return "pass", ""


def _sentence(figure: Figure) -> str:
    ends = " to ".join("no bound" if end is None else f"{end:.4g}" for end in (figure.low, figure.high))
    verb = "is above" if figure.outcome == "fail" else "may be above or below"
    return f"{figure.name} is {ends}, which {verb} {figure.limit:g}"
