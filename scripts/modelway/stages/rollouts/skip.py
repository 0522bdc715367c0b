"""A person's decision, for one deployment, to compare nothing: all traffic at once as soon as the release is ready. What
answers nothing at all is still taken back, since that needs no comparison."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from modelway.config import Deploy
from modelway.errors import InvalidInput, ModelwayError
from modelway.rollout import settings, total_failure
from modelway.rollout.plan import Plan
from modelway.rollout.planning import time_said
from modelway.stages.rollouts import rollout

WHERE = "input skip-analysis"


def check(deploy: Deploy) -> None:
    """InvalidInput where something that the team has asked for would be passed by."""
    if deploy.strategy in ("shadow", "ab"):
        raise InvalidInput(
            f"is given, and strategy {deploy.strategy} is nothing but an analysis",
            where=WHERE,
            fix="leave it out, or name the strategy that brings the release in",
        )
    if deploy.pause_at:
        raise InvalidInput(
            "is given, and would pass by the person whom deploy.pause-at waits for",
            where=WHERE,
            fix="take pause-at out of the environment's deploy section, or leave the input out",
        )


def planned(work: rollout.Work, base: Plan, reason: str) -> Plan:
    """All traffic at once, watched for as long as total failure is looked for."""
    deploy, claim = work.deploy, work.claim
    current = claim.state.current
    assert current is not None, "there is something to skip the comparison with"
    past, slowest = (0, 0), deploy.judge.latency.slower_than_ms or 0.0
    with contextlib.suppress(ModelwayError):  # who cannot count now holds no hotfix up
        source = claim.place.counts(claim.state)
        slowest = slowest or source.bounds_ms[-1]
        if (counted := source.snapshot().releases.get(current.side.slot)) is not None:
            past = counted.requests, counted.errors
    seconds = 2 * total_failure.FUSE_SECONDS  # what fails from any moment of the first half on has blown it by the end
    expects = f"all traffic at once and no comparison; total failure in {time_said(seconds)} is taken back"
    work.job.warn("deploy-model", f"the analysis is skipped by {work.job.author}: {reason}")
    watched: dict[str, Any] = {"settings": settings.without_analysis(deploy.judge, past), "skipped": reason}
    return msgspec.structs.replace(base, step_seconds=seconds, slow_ms=slowest, expects=expects, **watched)
