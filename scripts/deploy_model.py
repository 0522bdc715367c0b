"""The script behind actions/deploy-model: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.deploy_model import deploy_model


def main(argv: Sequence[str] | None = None) -> int:
    return run(deploy_model, argv)
