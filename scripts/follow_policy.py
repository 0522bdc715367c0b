"""The script behind actions/follow-policy: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.follow_policy import follow_policy


def main(argv: Sequence[str] | None = None) -> int:
    return run(follow_policy, argv)
