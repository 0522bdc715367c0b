"""The script behind actions/download-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.download_model import download_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(download_model, argv)
