"""The script behind actions/build-image: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.build_image import build_image


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_image, argv)
