"""The script behind actions/profile-data: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.profile_data import profile_data


def main(argv: Sequence[str] | None = None) -> int:
    return run(profile_data, argv)
