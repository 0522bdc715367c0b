"""The script behind actions/start-registry: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.start_registry import start_registry


def main(argv: Sequence[str] | None = None) -> int:
    return run(start_registry, argv)
