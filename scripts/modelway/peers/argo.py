"""Argo Rollouts' analysis as its controller carries it out, measurement by measurement.

Read in argoproj/argo-rollouts 9f8d111d8 (2026-08-17):

- the first measurement comes at once, or after initialDelay; each other one `interval` after the one before
  (analysis/analysis.go:204-247);
- a metric has failed when *more* than failureLimit measurements failed (analysis/analysis.go:662-670), so with
  `failureLimit: 3` at the fourth, where docs/features/analysis.md:29 says "three such measurements". They are counted over the
  whole run: a success between them takes none back;
- more than inconclusiveLimit inconclusive ones make it inconclusive, which pauses the rollout (672-679; docs 1158-1163);
- `count` measurements end it well, if none of these came first (612-648); with neither count nor interval there is one
  (pkg/apis/rollouts/v1alpha1/analysis_types.go:159-169);
- one metric that failed fails the run; a rollout that ends first ends a background run well (docs 853-859).

The first example of its docs (docs/features/analysis.md:41-97, again docs/analysis/prometheus.md:5-35): success rate at least
0.95, `interval: 5m`, `failureLimit: 3`, in the background from 40 % on, steps of 20, 40, 60, 80 % for ten minutes each. Its
query takes `irate(...[5m])`, the rate between the last two scrapes: a measurement sees the requests of one scrape interval.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.peers.measuring import Measured, PeerMetric

RunOutcome = Literal["", "successful", "failed", "inconclusive"]


class ArgoStep(msgspec.Struct, frozen=True):
    """weight: from here on, 0 to 1; None where the step leaves it. seconds: of a pause. metrics: of an inline analysis, which
    holds the rollout until it is done."""

    weight: float | None = None
    seconds: float = 0.0
    metrics: tuple[PeerMetric, ...] = ()


class ArgoAnalysis(msgspec.Struct, frozen=True, kw_only=True, tag="argo"):
    name: str
    steps: tuple[ArgoStep, ...]
    background: tuple[PeerMetric, ...] = ()
    starting_step: int = 0
    """The background analysis begins with this step."""


class MetricRun(msgspec.Struct, frozen=True):
    """What the measurements of one metric so far have come to."""

    measured: int = 0
    failed: int = 0
    inconclusive: int = 0
    successes: int = 0
    """In a row."""
    outcome: RunOutcome = ""


def after(metric: PeerMetric, run: MetricRun, measured: Measured) -> MetricRun:
    """The run after one more measurement (assessMetricStatus, analysis.go:579-687). A failure_limit below 0 is none."""
    if run.outcome:
        return run
    run = MetricRun(
        run.measured + 1,
        run.failed + (measured == "failed"),
        run.inconclusive + (measured == "inconclusive"),
        run.successes + 1 if measured == "successful" else 0,
    )
    return msgspec.structs.replace(run, outcome=_outcome(metric, run))


def _outcome(metric: PeerMetric, run: MetricRun) -> RunOutcome:
    if run.inconclusive > metric.inconclusive_limit:  # assessed after the failures, and overrides them
        return "inconclusive"
    if 0 <= metric.failure_limit < run.failed:
        return "failed"
    if 0 < metric.success_limit <= run.successes:
        return "successful"
    if 0 < metric.count <= run.measured:
        if metric.success_limit:
            return "inconclusive" if metric.failure_limit >= 0 else "failed"
        return "successful"
    return ""
