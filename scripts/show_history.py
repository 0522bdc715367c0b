"""The script behind actions/show-history: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.show_history import show_history


def main(argv: Sequence[str] | None = None) -> int:
    return run(show_history, argv)
