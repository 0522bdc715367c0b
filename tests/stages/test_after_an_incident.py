"""A rollout after an incident: where that alone makes stable's past too unsteady, waiting is one of the ways."""

from __future__ import annotations

import random

import pytest

from modelway.config import Deploy
from modelway.errors import Refused
from modelway.observe.history import Past
from modelway.rollout.observations import Block, Counts
from modelway.stages.rollouts import planned

WEIGHTS = (0.1, 0.5, 1.0)
BLOCKS, SECONDS, REQUESTS = 180, 10.0, 1000


def past(incident: range, share: float = 0.5, errors: bool = False) -> Past:
    """Half an hour, 4 % of whose requests are slow and 0.5 % fail, and this share of them in these blocks."""
    chance = random.Random(7)
    blocks = []
    for number in range(BLOCKS):
        hit = share if number in incident else 0.0
        failed, slow = ((0.005, hit or 0.04), (hit or 0.005, 0.04))[errors]
        counts = (sum(chance.random() < part for _ in range(REQUESTS)) for part in (failed, slow))
        stable = Counts(REQUESTS, *counts)
        blocks.append(Block(began=SECONDS * number, seconds=SECONDS, weight=0.0, canary=Counts(), stable=stable))
    failed, slow = (sum(getattr(block.stable, name) for block in blocks) for name in ("errors", "slow"))
    return Past(tuple(blocks), BLOCKS * SECONDS, BLOCKS * REQUESTS, failed, slow, 100.0)


def foreseen(found: Past) -> str:
    """What it is refused with; empty where it is not."""
    try:
        planned.planned(Deploy(), WEIGHTS, found, lambda one: planned.settings_of(Deploy(), one, ()), lambda _: None)
    except Refused as refused:
        return refused.fix or ""
    return ""


def test_without_one_it_can_begin() -> None:
    assert foreseen(past(range(0))) == ""


@pytest.mark.parametrize("errors", [False, True])
def test_an_incident_is_waited_out(errors: bool) -> None:
    fix = foreseen(past(range(140, 149), errors=errors))
    assert fix.startswith("set deploy.timeout-seconds: ")
    assert fix.endswith("; or wait 25.0 min: requests were slow or failed for 1.5 min until 5.2 min ago")
    assert foreseen(past(range(140, 149)).without(past(range(140, 149)).blocks[140:149])) == ""


def test_a_service_that_is_struck_again_and_again_is_not_told_to_wait() -> None:
    unsteady = past(range(0))
    often = [at for at in range(BLOCKS) if at % 12 < 4]
    blocks = [
        Block(
            began=b.began, seconds=b.seconds, weight=0.0, canary=Counts(), stable=Counts(100, 0, 5 + 40 * (at in often))
        )
        for at, b in enumerate(unsteady.blocks)
    ]
    slow = sum(block.stable.slow for block in blocks)
    fix = foreseen(Past(tuple(blocks), BLOCKS * SECONDS, 100 * BLOCKS, 0, slow, 100.0))
    assert "timeout-seconds" in fix and "wait" not in fix
