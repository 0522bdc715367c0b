"""The script behind actions/evaluate-gate: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.evaluate_gate import evaluate_gate


def main(argv: Sequence[str] | None = None) -> int:
    return run(evaluate_gate, argv)
