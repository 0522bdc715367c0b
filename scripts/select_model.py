"""The script behind actions/select-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.select_model import select_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(select_model, argv)
