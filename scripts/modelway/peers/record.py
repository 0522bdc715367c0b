"""What judge-plan writes: one analysis and ours, at the same traffic."""

from __future__ import annotations

import msgspec

from modelway.peers.argo import ArgoAnalysis
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.simulation import BothErrors


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
    notes: tuple[str, ...]
    """What was left out or assumed, a line each."""
