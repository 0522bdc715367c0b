"""The script behind actions/report-delivery: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.report_delivery import report_delivery


def main(argv: Sequence[str] | None = None) -> int:
    return run(report_delivery, argv)
