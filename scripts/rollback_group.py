"""The script behind actions/rollback-group: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.rollback_group import rollback_group


def main(argv: Sequence[str] | None = None) -> int:
    return run(rollback_group, argv)
