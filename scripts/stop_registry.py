"""The script behind actions/stop-registry: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.stop_registry import stop_registry


def main(argv: Sequence[str] | None = None) -> int:
    return run(stop_registry, argv)
