"""The script behind actions/validate-data: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.validate_data import validate_data


def main(argv: Sequence[str] | None = None) -> int:
    return run(validate_data, argv)
