"""The script behind actions/replay-rollout: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.replay_rollout import replay_rollout


def main(argv: Sequence[str] | None = None) -> int:
    return run(replay_rollout, argv)
