"""The figures of delivery for people: Markdown for a run's page, and the same rows for the HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from modelway.delivery.changes import EnvironmentChange
from modelway.delivery.figures import DAY, DeliveryEstimate, DeliveryFigures
from modelway.markdown import cell, table
from modelway.report.rollout import moment_said
from modelway.rollout.planning import time_said

ENDINGS = {
    "in-production": "in production",
    "taken-back": "taken back by its rollout",
    "rolled-back": "rolled back later",
    "stopped-before-traffic": "stopped before any traffic",
    "unfinished": "not finished",
}
DEFINITIONS = {
    "deployments": "releases that got all of the traffic, or the alias where nothing is deployed",
    "lead time": "from the commit that a new version was trained at, to all of the traffic; the median",
    "changes that failed": "of the releases that had any traffic, those that were taken back or rolled back",
    "time to restore": "from a failing release's first traffic until all was on the release before; the median",
    "availability": "of all requests that were counted during rollouts, those that did not fail",
}
HEADS = ("figure", "value:", "95 % interval:", "n:", "what it is")
CHANGE_HEADS = (
    "since (UTC)",
    "version:",
    "how it ended",
    "lead time:",
    "until restored:",
    "own requests:",
    "of them failed:",
    "why",
)


def markdown(
    title: str, found: DeliveryFigures, changes: Sequence[EnvironmentChange], committed: Mapping[int, float | None]
) -> str:
    parts = [f"### {cell(title)}", table(HEADS, figure_rows(found)), *notes(found)]
    if changes:
        parts.append(table(CHANGE_HEADS, [change_row(change, committed) for change in changes]))
    return "\n\n".join(parts)


def figure_rows(found: DeliveryFigures) -> list[list[str]]:
    """One for each definition, in HEADS' columns."""
    weekly, available = found.per_week, found.availability
    deployed = f"{found.deployments} in {span_said(found.days * DAY)}"
    return [
        _row(
            "deployments",
            deployed if weekly.value is None else f"{weekly.value:.2g} a week ({deployed})",
            _between(weekly, "{:.2g}".format),
            weekly.n,
        ),
        _row("lead time", _value(found.lead_time), _between(found.lead_time, span_said), found.lead_time.n),
        _row(
            "changes that failed",
            "none came" if found.failure_rate.value is None else f"{found.failure_rate.value:.0%} ({found.failed})",
            _between(found.failure_rate, "{:.0%}".format),
            found.failure_rate.n,
        ),
        _row(
            "time to restore",
            _value(found.time_to_restore),
            _between(found.time_to_restore, span_said),
            found.time_to_restore.n,
        ),
        _row(
            "availability",
            "nothing was counted" if available is None else _many_nines(available),
            "a count",
            found.requests,
        ),
    ]


def notes(found: DeliveryFigures) -> list[str]:
    """What is in none of the figures."""
    said = []
    if found.lead_time_unknown:
        said.append(
            f"Of {found.lead_time_unknown} new versions the time of the commit is not known here: give the job the history"
            " (`fetch-depth: 0`); one that was adopted from outside has none."
        )
    if found.open:
        said.append(f"{found.open} rollout(s) not finished yet, and in no figure.")
    if found.stopped:
        said.append(f"{found.stopped} release(s) ended before they had any traffic, and are in no figure.")
    return said


def change_row(change: EnvironmentChange, committed: Mapping[int, float | None]) -> list[str]:
    """In CHANGE_HEADS' columns."""
    commit = committed.get(change.version)
    lead = change.reached - commit if change.new and change.reached is not None and commit is not None else None
    return [
        moment_said(change.began),
        str(change.version),
        ENDINGS[change.ending],
        span_said(lead) if lead is not None and lead >= 0 else "–",
        span_said(change.back - change.began) if change.failed and change.back is not None else "–",
        f"{change.own_requests:,}" if change.rollouts else "not counted",
        f"{change.own_errors:,}" if change.rollouts else "–",
        "; ".join(change.reasons) or change.why,
    ]


def span_said(seconds: float) -> str:
    """For a person: 45 s, 3.6 min, 9.0 h, 2.5 days."""
    return time_said(seconds) if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def _row(name: str, value: str, between: str, n: int) -> list[str]:
    return [name, value, between, f"{n:,}", DEFINITIONS[name]]


def _value(estimate: DeliveryEstimate) -> str:
    return "none" if estimate.value is None else span_said(estimate.value)


def _between(estimate: DeliveryEstimate, said: Callable[[float], str]) -> str:
    """An end that so few do not bound is left open; none is said where they bound neither."""
    if estimate.low is None and estimate.high is None:
        return "–"
    low, high = (said(end) if end is not None else "…" for end in (estimate.low, estimate.high))
    return f"{low} to {high}"


def _many_nines(share: float) -> str:
    """What failed is never rounded away."""
    if share == 1:
        return "100 %"
    percent = 100 * share
    return f"{percent:.2f} %" if percent < 99.99 else f"{percent:.4f} %" if percent < 99.9999 else "> 99.9999 %"
