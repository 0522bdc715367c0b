"""Reports that are told, and the types of what the tests are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Configure = Callable[[Any], None]
"""configure(notify): modelway.yml with this section."""
Kept = Callable[[], list[dict[str, Any]]]
"""What waits to be told."""


def rollout(outcome: str = "rolled-back", reasons: tuple[str, ...] = ("errors",), **more: Any) -> dict[str, Any]:
    """What deploy-model writes, of which a notice reads these parts."""
    plan = {"schema": "modelway/rollout/1", "kind": "deploy", "model": "parcels", "environment": "production"}
    plan |= {"new": {"version": 7}, "stable": {"version": 6}, "why": "passed the gate"} | more.pop("plan", {})
    return {"plan": plan, "outcome": outcome, "reasons": reasons, "problem": "", "paused": ""} | more
