"""The report of work that did not come to its end: what was decided before, and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from modelway.ci.job import Job
from modelway.errors import ModelwayError
from modelway.interim import InterimPart
from modelway.markdown import cell, number, table

MOST_SHOWN = 50
"""Checks of one table; the others are counted, and stand in the JSON report."""


class InterimReport(msgspec.Struct, frozen=True, kw_only=True):
    """In the place of an action's own report. outcome: never one of a report that is whole."""

    schema: str = "modelway/interim-report/1"
    outcome: Literal["interrupted"] = "interrupted"
    reason: str
    parts: tuple[InterimPart, ...]


def keep(job: Job, parts: Sequence[InterimPart], reason: str) -> None:
    """Write it where the whole report would stand. A failure to do so is said: the work has failed anyway."""
    if not parts:
        return
    try:
        path = job.report(
            InterimReport(reason=job.clean(reason), parts=tuple(parts)), _markdown(job.action, parts, reason)
        )
    except ModelwayError as error:
        job.say(f"what was decided before is lost: {error.line()}")
        return
    done, left = sum(len(part.decided) for part in parts), sum(len(part.not_decided) for part in parts)
    job.say(f"{path}: {done:,} decided before it ended, {left:,} not")


def _markdown(action: str, parts: Sequence[InterimPart], reason: str) -> str:
    lines = [
        f"## {action}: interrupted",
        "",
        f"{cell(reason)}",
        "",
        "What was decided before stands here; it is no pass.",
    ]
    for part in parts:
        lines += ["", f"### {cell(part.data)}"]
        order = sorted(part.decided, key=lambda one: one.outcome in ("pass", "no drift"))
        if order:
            lines += [
                "",
                table(("Decided", "Outcome", "Looked at:", "Found:", "Limit:"), map(_figures, order[:MOST_SHOWN])),
            ]
        if len(order) > MOST_SHOWN:
            lines += ["", f"... and {len(order) - MOST_SHOWN:,} more, which stand in the JSON report."]
        if part.not_decided:
            shown = ", ".join(map(cell, part.not_decided[:MOST_SHOWN]))
            more = f" and {len(part.not_decided) - MOST_SHOWN:,} more" if len(part.not_decided) > MOST_SHOWN else ""
            lines += ["", f"Not decided: {shown}{more}."]
    return "\n".join(lines)


def _figures(one: Any) -> tuple[str, str, str, str, str]:
    """Of any check; of what has no single figure, the outcome alone."""
    n, value, limit = (getattr(one, name, None) for name in ("n", "value", "limit"))
    looked = f"{n:,}" if isinstance(n, int) else "; ".join(map(str, n)) if n else ""
    value, limit = (number(figure) if isinstance(figure, int | float) else "" for figure in (value, limit))
    return str(one.name), str(one.outcome or "not judged"), looked, value, limit
