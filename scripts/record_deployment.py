"""The script behind actions/record-deployment: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.record_deployment import record_deployment


def main(argv: Sequence[str] | None = None) -> int:
    return run(record_deployment, argv)
