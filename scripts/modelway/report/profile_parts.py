"""The parts of a profile's page: tiles, pictures and figures of columns, what goes together, what is missing, the first
rows."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Sequence
from itertools import chain, pairwise

from msgspec import UNSET

from modelway.data.profile.record import DataProfile, ProfileBars, ProfileColumn, ProfileReport, ProfileValue, Shown
from modelway.markdown import number
from modelway.report.bars import BarSeries, histogram, share

STRONG, STRONGEST = 0.3, 14
ROWS_OF_VALUES, ALL_VALUES = 8, 12
"""Of a column of values: how many are drawn; of one with no more than the second, such as months, all."""
SHOWN_CUT = 40
EXAMPLE_COLUMNS = 30
APART = 10_000
"""Whole numbers from here on have commas; a year has none."""


def tiles(report: ProfileReport) -> str:
    found = [
        ("rows", [f"{one.rows:,}" for one in report.profiles]),
        ("columns", [f"{len(one.columns):,}" for one in report.profiles]),
        ("missing cells", [_missing_share(one) for one in report.profiles]),
        ("rows that repeat", [_value(report, at, "duplicates", " %") for at in range(len(report.profiles))]),
    ]
    shares = [_drawn_share(report, one) for one in report.profiles]
    if report.drawn_class and any(shares):
        found.append((f"{report.label} = {report.drawn_class}", shares))
    if len(report.profiles) > 1:
        between = report.quality[2:]
        shared = [
            number(check.value) + " %" for part in between for check in part.checks if check.kind == "shared-rows"
        ]
        found.append(("test rows also in training", shared or ["not compared"]))
    boxes = (
        f"<div class=tile><b>{html.escape(' | '.join(values))}</b><small>{html.escape(name)}</small></div>"
        for name, values in found
    )
    return f"<div class=tiles>{''.join(boxes)}</div>"


def _missing_share(one: DataProfile) -> str:
    return share(sum(column.missing for column in one.columns), one.rows * len(one.columns))


def _value(report: ProfileReport, at: int, kind: str, unit: str) -> str:
    found = [check for check in report.quality[at].checks if check.kind == kind]
    return number(found[0].value) + unit if found else "not counted"


def _drawn_share(report: ProfileReport, one: DataProfile) -> str:
    column = next((column for column in one.columns if column.name == report.label), None)
    wanted = [value for value in (column.top if column else ()) if _said(value.value) == report.drawn_class]
    return share(wanted[0].count, column.n) if column and wanted else "none"


def drawn(report: ProfileReport, one: ProfileColumn | None, other: ProfileColumn | None) -> str:
    """A histogram, or the most frequent values."""
    sides = [
        (profile, column) for profile, column in zip(report.profiles, (one, other), strict=False) if column is not None
    ]
    column = sides[0][1]
    said = f"{report.label} = {report.drawn_class}" if report.drawn_class and column.name != report.label else ""
    if column.bars is not None:
        series = [
            BarSeries(
                profile.data, side.bars.counts, max(1, sum(side.bars.counts)), side.bars.labelled, side.bars.positive
            )
            for profile, side in sides
            if side.bars is not None
        ]
        spans = _spans(column, column.bars)
        first, last = spans[0][0], spans[-1][1]
        inside = [low if low == high else f"{low} to {high}" for low, high in spans]
        scale = " (powers of ten)" if column.bars.logarithmic else ""
        below = "below" if column.bars.whole or _is_just_below(column.bars.edges[0]) else "at most"
        return histogram(series, [f"{below} {first}", *inside, f"above {last}"], first, last + scale, said)
    if column.top:
        return _values([(side, side.top) for _, side in sides], said)
    return "<small>no value</small>" if not column.n else "<small>nothing to draw</small>"


def _spans(column: ProfileColumn, bars: ProfileBars) -> list[tuple[str, str]]:
    """Of each bar the lowest and the highest value, as they are shown: of whole numbers those that can be in it, of times the
    moments between which it is."""
    if column.type in ("date", "timestamp"):
        from modelway.data.quality.kind import moment

        shown = [moment(int(edge) + bars.whole).replace("T", " ").removesuffix("Z") for edge in bars.edges]
        return list(pairwise(shown))
    return [(_edge(low + bars.whole), _edge(high)) for low, high in pairwise(bars.edges)]


def _is_just_below(edge: float) -> bool:
    """Whether it is the number before the one that is shown (see modelway.data.profile.bins.Bars)."""
    return math.nextafter(edge, math.inf) == _rounded(edge)


def _rounded(edge: float) -> float:
    return 0.0 if abs(edge) < sys.float_info.min else float(f"{edge:.10g}")


def _edge(edge: float) -> str:
    if _rounded(edge) == 0:
        return "0"
    if not 1e-4 <= abs(edge) < 1e12:
        return f"{edge:.4g}"
    return f"{edge:,.10g}" if abs(edge) >= APART else f"{edge:.10g}"


def _values(sides: Sequence[tuple[ProfileColumn, Sequence[ProfileValue]]], said: str) -> str:
    first, top = sides[0]
    tallest = max((value.count / max(1, side.n) for side, values in sides for value in values), default=1) or 1
    rows = list[str]()
    drawn = ROWS_OF_VALUES if first.distinct > ALL_VALUES else ALL_VALUES
    for at, value in enumerate(top[:drawn]):
        wide = 100 * value.count / max(1, first.n) / tallest
        mark = ""
        if len(sides) > 1 and at < len(sides[1][1]):
            mark = f'<u style="left:{100 * sides[1][1][at].count / max(1, sides[1][0].n) / tallest:.1f}%"></u>'
        shown = html.escape(_cut(_said(value.value)) or "(empty)")
        of = ""
        if said and value.labelled is not UNSET and value.positive is not UNSET and value.labelled:
            of = f", {share(value.positive, value.labelled)} {html.escape(said)}"
        title = html.escape(f"{_said(value.value)}: {value.count:,} rows{of}", quote=True)
        rows.append(
            f'<tr title="{title}"><td>{shown}</td><td><div class=track><i style="width:{wide:.1f}%"></i>{mark}</div></td>'
            f"<td>{share(value.count, first.n)}{_class_share(value) if said else ''}</td></tr>"
        )
    more = first.distinct - min(len(top), drawn)
    rows += [f"<tr><td colspan=3><small>and {more:,} more values</small></td></tr>"] if more > 0 else []
    return f"<table class=values>{''.join(rows)}</table>"


def _class_share(value: ProfileValue) -> str:
    if value.labelled is UNSET or value.positive is UNSET or not value.labelled:
        return ""
    return f' <span style="color:var(--share)">{share(value.positive, value.labelled)}</span>'


def facts(report: ProfileReport, one: ProfileColumn | None, other: ProfileColumn | None) -> str:
    """A line of figures for each data set."""
    sides = [(profile, side) for profile, side in zip(report.profiles, (one, other), strict=False) if side is not None]
    columns = [side for _, side in sides]
    figures = {"different": [f"{side.distinct:,}" for side in columns]}
    if any(side.quantiles for side in columns):
        quantiles: dict[str, str | None] = {"smallest": None, "5 %": "0.05", "median": "0.5", "95 %": "0.95"}
        if columns[0].type in ("date", "timestamp"):
            quantiles = {"smallest": None, "median": "0.5"}
        for name, p in quantiles.items():
            figures[name] = [_shown(side.quantiles.get(p) if p else side.low) for side in columns]
        figures["largest"] = [_shown(side.high) for side in columns]
    if any(side.mean is not None for side in columns):
        figures["mean"] = [_shown(side.mean) for side in columns]
        figures["deviation"] = [_shown(side.deviation) for side in columns]
    if any(side.zero for side in columns):
        figures["zero"] = [share(side.zero, side.n) for side in columns]
    if any(side.negative for side in columns):
        figures["negative"] = [share(side.negative, side.n) for side in columns]
    if any(side.longest and not side.quantiles for side in columns):
        figures["characters"] = [_range(side.shortest, side.longest) for side in columns]
    head = "".join(f"<th>{name}</th>" for name in figures)
    lines = (
        f"<tr><th>{html.escape(profile.data) if len(report.profiles) > 1 else ''}</th>"
        f"{''.join(f'<td>{html.escape(values[at])}</td>' for values in figures.values())}</tr>"
        for at, (profile, _) in enumerate(sides)
    )
    return f"<div class=scroll><table class=facts><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def together(profile: DataProfile) -> str:
    """The strongest pairs, and all of them as a matrix."""
    names = profile.associations_of
    if len(names) < 2:
        return ""
    value = {(item.one, item.other): item for item in profile.associations}
    strongest = [item for item in profile.associations if abs(item.value) >= STRONG][:STRONGEST]
    rows = "".join(
        f"<tr><td>{html.escape(item.one)}</td><td>{html.escape(item.other)}</td><td class=n>{item.value:+.2f}</td>"
        f"<td><small>{html.escape(item.measure)}</small></td></tr>"
        for item in strongest
    )
    listed = f"<table>{rows}</table>" if rows else f"<p class=quiet>No two columns go together by {STRONG} or more.</p>"
    head = "".join(f"<th><span>{html.escape(_cut(name, 18))}</span></th>" for name in names)
    body = list[str]()
    for one in names:
        cells = list[str]()
        for other in names:
            item = value.get((one, other)) or value.get((other, one))
            cells.append(
                "<td></td>"
                if item is None
                else _cell(item.value, f"{one} and {other}: {item.measure} {item.value:+.3f}, n {item.n:,}")
            )
        body.append(f"<tr><th>{html.escape(_cut(one, 18))}</th>{''.join(cells)}</tr>")
    rows_of_all = f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    matrix = f"<div class=scroll><table class=matrix>{rows_of_all}</table></div>"
    n = max((item.n for item in profile.associations), default=0)
    rest = f", the {len(names)} that tell most" if len(names) < len(profile.columns) else ""
    measures = "Spearman's rank correlation of numbers, Cramer's V of others"
    how = f"{html.escape(profile.data)}{rest}: {measures}; {n:,} rows{' spread evenly' if n < profile.rows else ''}"
    return f"<h2 id=together>What goes together</h2><p class=quiet>{how}.</p><div class=two>{matrix}{listed}</div>"


def _cell(value: float, title: str) -> str:
    color = "positive" if value >= 0 else "negative"
    shown = f"{value:.1f}".replace("0.", ".") if abs(value) >= 0.15 else ""
    style = f"background:rgb(var(--{color}) / {min(1, abs(value)) ** 1.3:.2f})"
    return f'<td style="{style}" title="{html.escape(title, quote=True)}">{shown}</td>'


def missing(profile: DataProfile, several: bool) -> str:
    some = sorted((column for column in profile.columns if column.missing), key=lambda column: -column.missing)
    named = f", {html.escape(profile.data)}" if several else ""
    if not some:
        return f"<h2 id=missing>Missing{named}</h2><p class=good>Every value is there.</p>"
    rows = "".join(
        f"<tr><td>{html.escape(column.name)}</td><td class=n>{column.missing:,}</td>"
        f"<td class=n>{share(column.missing, profile.rows)}</td></tr>"
        for column in some[:20]
    )
    sets = "".join(
        f"<tr><td class=n>{pattern.rows:,}</td><td>{html.escape(', '.join(pattern.columns[:12]))}"
        f"{f' and {len(pattern.columns) - 12} more' if len(pattern.columns) > 12 else ''}</td></tr>"
        for pattern in profile.missing_together
    )
    patterns = (
        f"<table><tr><th>rows</th><th>are missing together, and nothing else</th></tr>{sets}</table>" if sets else ""
    )
    more = f"<p class=quiet>and {len(some) - 20:,} more columns</p>" if len(some) > 20 else ""
    each = f"<table><tr><th>column</th><th>missing</th><th></th></tr>{rows}</table>"
    return f"<h2 id=missing>Missing{named}</h2><div class=two><div>{each}{more}</div>{patterns}</div>"


def first_rows(profile: DataProfile) -> str:
    columns, rows = profile.examples["columns"][:EXAMPLE_COLUMNS], profile.examples["rows"]
    if not columns or not rows:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    cells = (chain.from_iterable(_example(value) for value in row[:EXAMPLE_COLUMNS]) for row in rows)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    left = len(profile.columns) - len(columns)
    more = f"<p class=quiet>without {left:,} columns</p>" if left > 0 else ""
    shown = f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>{more}"
    return f"<h2 id=rows>First rows, {html.escape(profile.data)}</h2>{shown}"


def _example(value: str | None) -> Sequence[str]:
    return ["<td><small>missing</small></td>" if value is None else f"<td>{html.escape(_cut(value))}</td>"]


def _said(value: Shown) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _shown(value: Shown | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return _cut(str(value).replace("T", " ").removesuffix("Z").partition(".")[0], 20)
    if abs(value) < 10**12 and (isinstance(value, int) or abs(value) >= 10**5):
        return f"{value:,.0f}" if abs(value) >= APART else str(value)
    return f"{value:,.5g}" if abs(value) >= APART else f"{value:.5g}"


def _cut(text: str, limit: int = SHOWN_CUT) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
