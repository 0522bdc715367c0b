"""The script behind actions/train-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.train_model import train_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(train_model, argv)
