"""Data at a glance: one self-contained page, what a person in a hurry must know first. Nothing is fetched, masked columns
are named and nothing more."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelway.data.profile.record import DataProfile, ProfileColumn, ProfileReport
from modelway.data.quality.queries import ROWS_CROSSED
from modelway.data.report import QualityCheck
from modelway.markdown import cell, number, table
from modelway.report import profile_parts as parts
from modelway.report.bars import share

STYLE = (Path(__file__).parent / "profile_page.css").read_text(encoding="utf-8")
LINKS = ("to know first", "first"), ("columns", "columns"), ("what goes together", "together"), ("missing", "missing")
NAVIGATION = "".join(
    ["<nav>", *(f'<a href="#{where}">{said}</a>' for said, where in (*LINKS, ("first rows", "rows"))), "</nav>"]
)
SCRIPT = """
const box = document.querySelector('input'), rows = [...document.querySelectorAll('tr[data-name]')];
box.addEventListener('input', () => rows.forEach(row => row.hidden = !row.dataset.name.includes(box.value.toLowerCase())));
"""
"""The box that finds a column; without a script all of them stand there."""
EXAMPLES, ALERTS, LISTED = 3, 12, 300
"""Examples of an alert; alerts that are seen at once; columns that are drawn: of more, those with alerts and the first."""


def page(report: ProfileReport) -> str:
    names = [profile.data for profile in report.profiles]
    title = " beside ".join(names)
    alerts = _alerts(report)
    sections = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p class=quiet>{_shape(report)}</p>",
        NAVIGATION,
        parts.tiles(report),
        f"<h2 id=first>To know first</h2>{_first(alerts)}",
        _columns(report, alerts),
        parts.together(report.profiles[0]),
        *(parts.missing(profile, len(names) > 1) for profile in report.profiles),
        *(parts.first_rows(profile) for profile in report.profiles[:1]),
        f"<p class=quiet>{_footer(report)}</p>",
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    body = f"<body><main>{''.join(sections)}</main><script>{SCRIPT}</script></body>"
    return f"<!doctype html>\n<html lang=en><head>{head}<style>{STYLE}</style></head>{body}</html>\n"


def _shape(report: ProfileReport) -> str:
    said = [
        f"{html.escape(one.data)}: {one.rows:,} rows, {len(one.columns):,} columns{_types(one)}"
        for one in report.profiles
    ]
    label = f"; label <b>{html.escape(report.label)}</b>" if report.label else ""
    return "; ".join(said) + label


def _types(profile: DataProfile) -> str:
    """How many columns are of which type, the most frequent first."""
    counts = Counter(column.type for column in profile.columns)
    said = [f"{count:,} {kind}" for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return f" ({', '.join(said)})" if said else ""


Alert = tuple[str, QualityCheck]
"""(the data set, a check of it that is broken)."""


def _alerts(report: ProfileReport) -> list[Alert]:
    found = [(part.data, check) for part in report.quality for check in part.checks if check.outcome != "pass"]
    return sorted(found, key=lambda item: item[1].outcome != "fail")


def _first(alerts: Sequence[Alert]) -> str:
    if not alerts:
        return "<p class=good>check-quality finds nothing wrong.</p>"
    merged: dict[str, list[Alert]] = {}
    for data, check in alerts:
        merged.setdefault(check.name, []).append((data, check))
    items = [_alert(both) for both in merged.values()]
    shown = f"<ul class=alerts>{''.join(items[:ALERTS])}</ul>"
    if len(items) > ALERTS:
        more = f"<ul class=alerts>{''.join(items[ALERTS:])}</ul>"
        shown += f"<details><summary>{len(items) - ALERTS:,} more</summary>{more}</details>"
    return shown


def _alert(both: Sequence[Alert]) -> str:
    """The same check of all data sets in one line."""
    outcome = "fail" if any(check.outcome == "fail" for _, check in both) else "warn"
    name = html.escape(both[0][1].name)
    column = both[0][1].column
    link = f'<a href="#c-{html.escape(column, quote=True)}">{name}</a>' if column else name
    said = [f"<small>{html.escape(data)}</small> {_found(check)}" for data, check in both]
    return f"<li class={outcome}><span class=word>{outcome}s</span><b>{link}</b><span>{'<br>'.join(said)}</span></li>"


def _found(check: QualityCheck) -> str:
    rows: dict[str, list[str]] = {}
    for example in check.examples:
        rows.setdefault(example.value, []).append("" if example.row is None else str(example.row))
    told = list(rows.items())[:EXAMPLES]
    seen = "; ".join(f"{value} (row {', '.join(where[:EXAMPLES])})" if where[0] else value for value, where in told)
    figures = f"found {number(check.value)}, limit {number(check.limit)}, {check.n:,} looked at"
    said = [f"{check.rule}: {figures}", check.detail, seen]
    return html.escape(" · ".join(filter(None, said)))


def _columns(report: ProfileReport, alerts: Sequence[Alert]) -> str:
    """The label first, then what has alerts, then as in the file."""
    first = report.profiles[0]
    others = {column.name: column for profile in report.profiles[1:] for column in profile.columns}
    extra = [column for name, column in others.items() if name not in {column.name for column in first.columns}]
    apart = {item.column: item.distance for item in report.distances}
    chips: dict[str, list[QualityCheck]] = {}
    for _, check in alerts:
        if check.column:
            chips.setdefault(check.column, []).append(check)
    columns = sorted(first.columns, key=lambda column: (column.name != report.label, column.name not in chips))
    rows = [
        _column(report, column, others.get(column.name), chips.get(column.name, ()), apart.get(column.name))
        for column in columns[:LISTED]
    ]
    rows += [_column(report, None, column, (), None) for column in extra[:LISTED]]
    left = len(columns) - LISTED
    more = f"<p class=quiet>{left:,} more columns stand in the JSON beside this page.</p>" if left > 0 else ""
    find = "<input placeholder='find a column' aria-label='find a column'>"
    listed = f"<table class=columns><tbody>{''.join(rows)}</tbody></table>"
    return f"<h2 id=columns>Columns</h2><p>{find} {_key(report)}</p>{listed}{more}"


def _key(report: ProfileReport) -> str:
    names = [html.escape(profile.data) for profile in report.profiles]
    said = f"<i></i>{names[0]}" + (f"<i class=other></i>{names[1]}" if len(names) > 1 else "")
    if report.drawn_class:
        said += f"<i class=share></i>share of {html.escape(str(report.label))} = {html.escape(report.drawn_class)}, 0 to 100 %"
    return f"<small class=key>{said}; pale bars at the ends: all that is beyond</small>"


def _column(
    report: ProfileReport,
    one: ProfileColumn | None,
    other: ProfileColumn | None,
    checks: Sequence[QualityCheck],
    apart: float | None,
) -> str:
    column = one or other
    assert column is not None
    name = html.escape(column.name)
    where = "" if one else f" <small>in {html.escape(report.profiles[1].data)} alone</small>"
    is_label = " <small>label</small>" if column.name == report.label else ""
    about = (
        f"<b>{name}</b>{is_label}{where}<br><small>{html.escape(column.type)}{_missing(report, one, other)}</small><br>"
    )
    seen: Mapping[str, QualityCheck] = {check.name: check for check in checks}
    chips = "".join(
        f'<span class="chip {check.outcome}" title="{html.escape(check.detail, quote=True)}">{html.escape(check.kind)}</span>'
        for check in seen.values()
    )
    if apart is not None and apart >= 0.02:
        chips += f'<span class=chip title="half the sum of the differences of shares">{100 * apart:.0f} % apart</span>'
    if column.masked:
        drawn, facts = "<small>masked: its values are nowhere shown</small>", ""
    else:
        drawn, facts = parts.drawn(report, one, other), parts.facts(report, one, other)
    key = html.escape(column.name.lower(), quote=True)
    anchor = html.escape(f"c-{column.name}", quote=True)
    return f'<tr id="{anchor}" data-name="{key}"><td>{about}{chips}</td><td>{drawn}</td><td>{facts}{_notes(checks)}</td></tr>'


def _missing(report: ProfileReport, one: ProfileColumn | None, other: ProfileColumn | None) -> str:
    rows = {profile.data: profile.rows for profile in report.profiles}
    sides = [(column, of) for column, of in zip((one, other), rows.values(), strict=False) if column is not None]
    if not any(column.missing for column, _ in sides):
        return ""
    return ", missing " + " | ".join(share(column.missing, of) for column, of in sides)


def _notes(checks: Sequence[QualityCheck]) -> str:
    said = dict.fromkeys(check.detail for check in checks if check.detail)
    return "".join(f"<p><small>{html.escape(detail)}</small></p>" for detail in said)


def _footer(report: ProfileReport) -> str:
    digests = ", ".join(f"{html.escape(one.data)} {one.data_digest[:12]}" for one in report.profiles)
    as_of = f"As of {html.escape(report.now)}. sha256 of the data: {digests}."
    exact = "Every figure is counted exactly"
    if max(one.rows for one in report.profiles) > ROWS_CROSSED:
        some = f"about {ROWS_CROSSED:,} rows that are spread evenly"
        exact = f"Counts, quantiles and extremes are of every row; bars, and what goes with what, of {some}"
    return f"{as_of} {exact}; JSON stands beside this page."


def summary(report: ProfileReport, page_path: str) -> str:
    """Markdown for the run's page: what is where, and what to know first."""
    names = ", ".join(cell(one.data) for one in report.profiles)
    rows = [
        (one.data, f"{one.rows:,}", f"{len(one.columns):,}", _first_of(report, one.data)) for one in report.profiles
    ]
    lines = [f"## Data profile, {names}", "", table(("Data", "Rows:", "Columns:", "check-quality finds"), rows)]
    alerts = _alerts(report)
    if alerts:
        found = [
            (check.outcome, data, check.name, number(check.value), number(check.limit), check.detail)
            for data, check in alerts
        ]
        lines += ["", table(("", "Data", "Check", "Found:", "Limit:", "What was found"), found[:ALERTS])]
        lines += [f"\n... and {len(alerts) - ALERTS:,} more."] if len(alerts) > ALERTS else []
    return "\n".join([*lines, "", f"The page: `{page_path}`; upload it as an artifact to read it."])


def _first_of(report: ProfileReport, name: str) -> str:
    part = next(part for part in report.quality if part.data == name)
    said = [f"{len(found)} {word}" for word, found in (("fail", part.failing), ("warn", part.warnings)) if found]
    return " and ".join(said) or "nothing wrong"
