"""The script behind actions/monitor-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.monitor_model import monitor_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(monitor_model, argv)
