"""The script behind actions/promote-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.promote_model import promote_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(promote_model, argv)
