"""The script behind actions/deploy-group: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.deploy_group import deploy_group


def main(argv: Sequence[str] | None = None) -> int:
    return run(deploy_group, argv)
