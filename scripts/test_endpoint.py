"""The script behind actions/test-endpoint: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.test_endpoint import test_endpoint


def main(argv: Sequence[str] | None = None) -> int:
    return run(test_endpoint, argv)
