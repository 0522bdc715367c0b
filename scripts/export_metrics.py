"""The script behind actions/export-metrics: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.export_metrics import export_metrics


def main(argv: Sequence[str] | None = None) -> int:
    return run(export_metrics, argv)
