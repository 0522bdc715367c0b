"""The script behind actions/check-quality: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.check_quality import check_quality


def main(argv: Sequence[str] | None = None) -> int:
    return run(check_quality, argv)
