"""The script behind actions/generate-contract: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.generate_contract import generate_contract


def main(argv: Sequence[str] | None = None) -> int:
    return run(generate_contract, argv)
