"""The script behind actions/benchmark-endpoint: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.benchmark_endpoint import benchmark_endpoint


def main(argv: Sequence[str] | None = None) -> int:
    return run(benchmark_endpoint, argv)
