"""The script behind actions/detect-drift: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.detect_drift import detect_drift


def main(argv: Sequence[str] | None = None) -> int:
    return run(detect_drift, argv)
