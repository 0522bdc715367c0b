"""The script behind actions/judge-plan: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.judge_plan import judge_plan


def main(argv: Sequence[str] | None = None) -> int:
    return run(judge_plan, argv)
