"""The script behind actions/init: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.init import init


def main(argv: Sequence[str] | None = None) -> int:
    return run(init, argv)
