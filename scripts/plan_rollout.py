"""The script behind actions/plan-rollout: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.plan_rollout import plan_rollout


def main(argv: Sequence[str] | None = None) -> int:
    return run(plan_rollout, argv)
