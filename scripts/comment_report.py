"""The script behind actions/comment-report: the use case of the same name, with its flags and variables."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.ci import run
from modelway.stages.comment_report import comment_report


def main(argv: Sequence[str] | None = None) -> int:
    return run(comment_report, argv)
