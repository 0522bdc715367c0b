"""The script behind actions/stop-deployment: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.stop_deployment import stop_deployment


def main(argv: Sequence[str] | None = None) -> int:
    return run(stop_deployment, argv)
