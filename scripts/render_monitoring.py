"""The script behind actions/render-monitoring: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.render_monitoring import render_monitoring


def main(argv: Sequence[str] | None = None) -> int:
    return run(render_monitoring, argv)
