"""Delivery drawn: one self-contained page over time, and one for each incident, from what was written down at the time."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping, Sequence

from modelway.delivery.changes import EnvironmentChange
from modelway.delivery.figures import DAY, DeliveryFigures
from modelway.report.delivery import (
    CHANGE_HEADS,
    ENDINGS,
    HEADS,
    change_row,
    figure_rows,
    notes,
    span_said,
)
from modelway.report.rollout import moment_said
from modelway.report.rollout_page import STYLE, page
from modelway.rollout import events
from modelway.rollout.journal import Story

WIDTH, HEIGHT, LEFT, TOP, FLOOR = 760, 150, 40, 20, 122
MOST_BARS = 53
OWN_STYLE = """
main { max-width: 1080px; }
svg rect.good { fill: var(--good); } svg rect.failed { fill: var(--bad); }
th.number, td.number { text-align: right; white-space: nowrap; } td:first-child { white-space: nowrap; }
a { color: var(--stable); }
"""


def delivery_page(
    title: str,
    found: DeliveryFigures,
    changes: Sequence[EnvironmentChange],
    committed: Mapping[int, float | None],
    incidents: Mapping[tuple[float, int], str],
    until: float,
) -> str:
    """incidents: the file of each change that failed, by when it began and its version. until: the end of the time, in
    seconds of the epoch."""
    parts = [f"<h1>{html.escape(title)}</h1><section>", table(HEADS, figure_rows(found))]
    parts += [f"<p class=quiet>{html.escape(note.replace('`', ''))}</p>" for note in notes(found)]
    parts.append("</section>")
    if changes:
        rows = [
            [*change_row(change, committed), incidents.get((change.began, change.version), "")]
            for change in reversed(changes)
        ]
        parts += [
            f"<section><h2>Changes</h2>{weeks(changes, until)}",
            table((*CHANGE_HEADS, "incident"), rows, links=True),
        ]
        parts.append("</section>")
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    body = f"<body><main>{''.join(parts)}</main></body>"
    return f"<!doctype html>\n<html lang=en><head>{head}<style>{STYLE}{OWN_STYLE}</style></head>{body}</html>\n"


def incident_page(title: str, change: EnvironmentChange, stories: Sequence[Story]) -> str:
    """One change that failed: what is known of it, when what happened, and its rollouts drawn. stories: its own, and the one
    that brought the release before back, where journals are left."""
    assert change.back is not None
    rows = [
        ("release", f"version {change.version}"),
        ("how it ended", ENDINGS[change.ending]),
        ("first traffic", f"{moment_said(change.began)} UTC"),
        ("all on the release before", f"{moment_said(change.back)} UTC"),
        ("time to restore", span_said(change.back - change.began)),
        ("had all of the traffic", "no" if change.reached is None else f"since {moment_said(change.reached)} UTC"),
        ("requests that it answered while it was watched", _exposure(change)),
        ("brought by", change.who or "unknown"),
        ("why it came", change.why or "not said"),
        *(("why it went", reason) for reason in change.reasons),
    ]
    happened = sorted((line for story in stories for line in timeline(story)), key=lambda line: line[0])
    parts = [f"<section>{table(('what', 'from the record'), rows)}</section>"]
    if happened:
        shown = [(moment_said(at), what) for at, what in happened]
        parts.append(f"<section><h2>What happened when</h2>{table(('when (UTC)', 'what'), shown)}</section>")
    return page(stories, title, "".join(parts))


def timeline(story: Story) -> list[tuple[float, str]]:
    """(when, what) of all that a rollout did, without what it counted. In seconds of the epoch."""
    new = story.plan.new.name
    happened = [event for event in story.events if not isinstance(event, events.Observed)]
    return [(event.at, what) for event in happened if (what := _happened(event, new))]


def _happened(event: events.Event, new: str) -> str:
    match event:
        case events.Ready():
            return f"{new} is ready"
        case events.Routed():
            return f"{new} gets {event.weight:.0%} of the traffic" + (" and the testers" if event.tested else "")
        case events.Adopted():
            counted = f"; {event.sampled:,} of the {event.asked:,} requests that it was sent were sample traffic"
            return f"{new} is stable" + (counted if event.sampled else "")
        case events.Announced():
            return f"the alias could not be moved: {event.problem}" if event.problem else f"the ledger names {new}"
        case events.Failed():
            return f"failed: {event.why}"
        case events.Cancelled():
            return f"cancelled: {event.why}"
        case events.Continued():
            return f"{event.who} let it go on at {event.weight:.0%}: {event.why}"
        case events.Resumed():
            return "another runner went on"
        case _:
            return ""


def weeks(changes: Sequence[EnvironmentChange], until: float) -> str:
    """A bar for each week, or, of a longer time, for a few: changes that stayed, and on top those that failed."""
    judged = [change for change in changes if change.had_traffic]
    if not judged:
        return ""
    began = min(change.began for change in judged)
    count = max(1, int((until - began) / (7 * DAY)) + 1)
    per_bar = -(-count // MOST_BARS)
    bars, width = -(-count // per_bar), 7 * DAY * per_bar
    good, failed = [0] * bars, [0] * bars
    for change in judged:
        (failed if change.failed else good)[min(bars - 1, int((change.began - began) / width))] += 1
    tallest = max(one + other for one, other in zip(good, failed, strict=True))
    step, unit = (WIDTH - LEFT - 10) / bars, (FLOOR - TOP) / tallest
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="changes over time">']
    each = "week" if per_bar == 1 else f"{per_bar} weeks"
    parts.append(f'<text class="title" x="{LEFT}" y="13">changes each {each}; red: taken or rolled back</text>')
    parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 10}" y1="{FLOOR}" y2="{FLOOR}"/>')
    parts.append(f'<text class="axis" text-anchor="end" x="{LEFT - 6}" y="{TOP + 4}">{tallest}</text>')
    for at, (one, other) in enumerate(zip(good, failed, strict=True)):
        x, wide, day = LEFT + at * step + step * 0.1, min(step * 0.8, 40.0), _day(began + at * width)
        said = f"<title>from {day}: {one} stayed, {other} failed</title>"
        for kind, many, below in (("good", one, 0), ("failed", other, one)):
            if many:
                y = FLOOR - (below + many) * unit
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{many * unit:.1f}">{said}</rect>'
                )
    parts.append(f'<text class="axis" x="{LEFT}" y="{HEIGHT - 10}">{_day(began)}</text>')
    parts.append(f'<text class="axis" text-anchor="end" x="{WIDTH - 10}" y="{HEIGHT - 10}">{_day(until)}</text></svg>')
    return "".join(parts)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, links: bool = False) -> str:
    """links: the last cell of a row is a file beside the page, or empty."""
    kinds = [" class=number" if head.endswith(":") else "" for head in heads]
    shown = "".join(f"<th{kind}>{html.escape(head.rstrip(':'))}</th>" for kind, head in zip(kinds, heads, strict=True))
    body = []
    for row in rows:
        cells = [html.escape(value) for value in row]
        if links and row[-1]:
            cells[-1] = f'<a href="{html.escape(row[-1])}">what happened</a>'
        marked = (f"<td{kind}>{value}</td>" for kind, value in zip(kinds, cells, strict=True))
        body.append(f"<tr>{''.join(marked)}</tr>")
    return f"<table><tr>{shown}</tr>{''.join(body)}</table>"


def _exposure(change: EnvironmentChange) -> str:
    if not change.rollouts:
        return "nobody counted them: no journal is left"
    return f"{change.own_requests:,}, of which {change.own_errors:,} failed"


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
