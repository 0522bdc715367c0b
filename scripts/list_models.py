"""The script behind actions/list-models: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.list_models import list_models


def main(argv: Sequence[str] | None = None) -> int:
    return run(list_models, argv)
