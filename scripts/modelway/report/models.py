"""The versions of a model as a person reads them: on a run's page, and in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from modelway.markdown import cell, columns, number, table

HEADS = ("version:", "registered (UTC)", "name", "where", "gate", "built for", "metrics", "digest")
MOST_METRICS = 4


class ListedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the model. Of a version that train-model has not recorded all from `readable_version` on is empty."""

    version: int
    registered: datetime
    aliases: tuple[str, ...]
    """Environments that it is in, and aliases that others set."""
    verdicts: dict[str, str]
    """The newest outcome of evaluate-gate, by environment."""
    images: dict[str, str]
    """Of the newest release by build-image, by environment."""
    readable_version: str = ""
    semantic_version: str = ""
    commit: str = ""
    digest: str = ""
    metrics: dict[str, float] = {}
    problem: str = ""
    """Why its record is not believed."""


def markdown(model: str, versions: int, listed: Sequence[ListedVersion]) -> str:
    """GitHub-flavoured Markdown. versions: how many there are."""
    head = f"### {versions} {'version' if versions == 1 else 'versions'} of {cell(model)}\n\n"
    if not listed:
        return f"{head}None is registered yet.\n"
    more = f"\n\n{versions - len(listed)} older ones are not shown." if versions > len(listed) else ""
    return f"{head}{table(HEADS, [_row(row) for row in listed])}{more}\n"


def lines(model: str, versions: int, listed: Sequence[ListedVersion]) -> list[str]:
    """The same for a terminal, in columns."""
    if not listed:
        return [f"{model} has no version yet"]
    more = [f"{versions - len(listed)} older ones are not shown: --most"] if versions > len(listed) else []
    return [*columns(HEADS[:6], [_row(row)[:6] for row in listed]), *more]


def _row(row: ListedVersion) -> list[str]:
    metrics = [f"{name} {number(value)}" for name, value in sorted(row.metrics.items())]
    more = f" and {len(metrics) - MOST_METRICS} more" if len(metrics) > MOST_METRICS else ""
    return [
        str(row.version),
        f"{row.registered:%Y-%m-%d %H:%M}",
        f"{row.readable_version} {row.semantic_version}".strip() or row.problem or "not recorded by train-model",
        ", ".join(row.aliases) or "-",
        ", ".join(f"{environment}: {outcome}" for environment, outcome in row.verdicts.items()) or "-",
        ", ".join(row.images) or "-",
        ", ".join(metrics[:MOST_METRICS]) + more or "-",
        row.digest[:12] or "-",
    ]
