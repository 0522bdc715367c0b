"""The script behind actions/compare-models: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.compare_models import compare_models


def main(argv: Sequence[str] | None = None) -> int:
    return run(compare_models, argv)
