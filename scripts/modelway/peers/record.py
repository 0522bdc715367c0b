"""What judge-plan writes: one analysis and ours, at the same traffic."""

from __future__ import annotations

import msgspec

from modelway.peers.argo import ArgoAnalysis
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.simulation import BothErrors
from modelway.peers.traffic import MeasuredTraffic


class JudgedAt(msgspec.Struct, frozen=True, kw_only=True):
    """The same at another rate of requests."""

    requests_per_second: float
    theirs: BothErrors
    ours: BothErrors | None
    our_refusal: str


class JudgedPlan(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = "modelway/judge-plan/1"
    name: str
    """Of the analysis."""
    analysis: FlaggerAnalysis | ArgoAnalysis
    """As it was read."""
    requests_per_second: float
    error_percent: float
    """Of stable, and of a release that is as good."""
    worse_error_percent: float
    slow_percent: float | None
    seed: int
    theirs: BothErrors
    ours: BothErrors | None
    """None where our plan is refused at this traffic."""
    our_refusal: str
    our_steps: tuple[int, ...]
    measured: MeasuredTraffic | None = None
    """Where requests_per_second, then the median, comes from; None where it was given."""
    at_other_rates: tuple[JudgedAt, ...] = ()
    """At the least and the most that were measured."""
    notes: tuple[str, ...]
    """What was left out or assumed, a line each."""
