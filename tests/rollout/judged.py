"""Blocks and settings, as the tests of the judge need them."""

from __future__ import annotations

import msgspec

from modelway.config import Judge
from modelway.rollout import judge
from modelway.rollout.observations import Block, Counts

UNKNOWN = judge.settings_from(Judge(), [])
SETTINGS = msgspec.structs.replace(
    UNKNOWN,
    metrics=tuple(msgspec.structs.replace(metric, wager_blocks=1, mostly_slow=False) for metric in UNKNOWN.metrics),
)
"""As with a history of rates that do not wander."""


def block(
    canary: tuple[int, int] | tuple[int, int, int],
    stable: tuple[int, int] | tuple[int, int, int],
    weight: float = 0.1,
    *,
    began: float = 0.0,
    dropped: str = "",
) -> Block:
    """(requests, errors) or (requests, errors, slow) of each arm."""
    return Block(
        began=began, seconds=5.0, weight=weight, canary=Counts(*canary), stable=Counts(*stable), dropped=dropped
    )


def after(*blocks: Block, settings: judge.Settings = SETTINGS) -> judge.JudgeState:
    state = judge.begin(settings)
    for one in blocks:
        state = judge.observe(settings, state, one)
    return state


def verdict(
    state: judge.JudgeState, *, baked: bool = False, deadline: bool = False, settings: judge.Settings = SETTINGS
) -> str:
    return judge.assess(settings, state, baked=baked, deadline=deadline).verdict


HEALTHY = block((50, 0, 2), (450, 2, 22))
"""5 s at 10 % of 100 requests/s."""
