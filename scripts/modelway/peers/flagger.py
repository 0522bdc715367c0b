"""Flagger's canary analysis as its scheduler carries it out, tick by tick.

Read in fluxcd/flagger 15bd6ad5 (2026-07-21), pkg/controller/scheduler.go:

- at the first tick the canary gets its first weight and nothing is measured (449-460);
- at each later tick, failed checks that have reached `threshold` take it back before anything is measured (430-440): one
  interval later than docs/gitbook/usage/deployment-strategies.md:64-68 says ("interval * threshold");
- any metric that fails is one failed check, and the weight stays (461-466); one without values fails too
  (scheduler_metrics.go:154-163, "probably not receiving traffic");
- nothing but a new revision sets the counter back (340-346): a check that is fine does not;
- a check that is fine gives the next weight (570-614), at the last it promotes (616-636), and nothing is measured after it.

Its pages show `threshold: 10` from 5 to 50 % by 5 (docs/gitbook/usage/how-it-works.md:25-38, README.md:102-128) and
`threshold: 5` from 10 to 50 % by 10 (docs/gitbook/tutorials/istio-progressive-delivery.md:112-135), both checked each minute:
request-success-rate (of what is not 5xx) of at least 99 %, and request-duration (the 99th percentile) of at most 500 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from modelway.peers.measuring import PeerMetric, Requirement, Term

LEAST_INTERVAL = 10.0
"""pkg/apis/flagger/v1beta1/canary.go:647: a shorter one is taken for this."""
P99 = 0.01
"""histogram_quantile(0.99, ...) is above a bucket's bound where more than this share of the requests is."""


class FlaggerAnalysis(msgspec.Struct, frozen=True, kw_only=True, tag="flagger"):
    name: str
    interval_seconds: float
    threshold: int
    weights: tuple[float, ...]
    """The canary's shares, 0 to 1."""
    metrics: tuple[PeerMetric, ...]


class FlaggerState(msgspec.Struct, frozen=True):
    """step: the place of the canary's weight; -1 before it has any."""

    step: int = -1
    failed: int = 0
    outcome: Literal["", "taken back", "promoted"] = ""


def tick(analysis: FlaggerAnalysis, state: FlaggerState, fine: bool) -> FlaggerState:
    """The state after one tick. fine: whether every metric is within its range; not asked for before the first weight."""
    change = msgspec.structs.replace
    if state.outcome:
        return state
    if state.failed >= analysis.threshold:
        return change(state, outcome="taken back")
    if state.step >= 0 and not fine:
        return change(state, failed=state.failed + 1)
    if state.step + 1 < len(analysis.weights):
        return change(state, step=state.step + 1)
    return change(state, outcome="promoted")


def success_rate(least_percent: float, window_seconds: float, most_percent: float | None = None) -> PeerMetric:
    """request-success-rate within its thresholdRange (scheduler_metrics.go:165-176)."""
    terms = [Term(">=", least_percent)] + ([] if most_percent is None else [Term("<=", most_percent)])
    return PeerMetric(
        name="request-success-rate",
        scale=100.0,
        window_seconds=window_seconds,
        success=Requirement(tuple(terms)),
    )


def duration(window_seconds: float) -> PeerMetric:
    """request-duration of at most its thresholdRange's max (scheduler_metrics.go:200-211): slow is what takes longer."""
    return PeerMetric(
        name="request-duration",
        counts="slow",
        of="bad",
        window_seconds=window_seconds,
        success=Requirement((Term("<=", P99),)),
    )


def is_fine(analysis: FlaggerAnalysis, windows: Sequence[tuple[int, int]]) -> bool:
    """windows: the requests of each metric's window, and those of them that count."""
    return all(m.measure(*counts) == "successful" for m, counts in zip(analysis.metrics, windows, strict=True))
