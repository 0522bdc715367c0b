"""The script behind actions/continue-rollout: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.continue_rollout import continue_rollout


def main(argv: Sequence[str] | None = None) -> int:
    return run(continue_rollout, argv)
