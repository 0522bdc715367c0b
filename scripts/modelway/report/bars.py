"""Small pictures of a column: bars of two data sets over each other, and the share of a class in each bar. SVG, no script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, FLOOR, EDGE = 300, 74, 58, 10
LEAST_ROWS = 30
"""With fewer rows the share of a class is not drawn."""


@dataclass(frozen=True)
class BarSeries:
    """counts: below the first edge, in each bar, above the last edge. of: all rows, for shares. labelled, positive: as
    counts; may be empty."""

    name: str
    counts: Sequence[int]
    of: int
    labelled: Sequence[int] = ()
    positive: Sequence[int] = ()


def histogram(series: Sequence[BarSeries], labels: Sequence[str], first: str, last: str, drawn: str) -> str:
    """series: of one data set, or two: the first is filled, the second an outline. labels: of the bars, with those beyond the
    edges. drawn: whose share the dots are; empty for none."""
    bars = len(series[0].counts) - 2
    tallest = max((count / one.of for one in series for count in one.counts if one.of), default=0) or 1
    width = (WIDTH - 2 * EDGE - 4) / max(bars, 1)
    spans = [
        (0.0, float(EDGE - 2)),
        *((EDGE + 2 + at * width, width) for at in range(bars)),
        (WIDTH - EDGE + 2.0, EDGE - 2.0),
    ]
    parts = [f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="distribution">']
    parts.append(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{FLOOR}" y2="{FLOOR}"/>')
    filled = series[0]
    for (x, wide), count in zip(spans, filled.counts, strict=True):
        if count:
            tall = _tall(count, filled.of, tallest)
            beyond = " beyond" if wide < EDGE and x in (0.0, WIDTH - EDGE + 2.0) else ""
            place = f'x="{x:.1f}" y="{FLOOR - tall:.1f}" width="{max(wide - 0.7, 0.6):.1f}" height="{tall:.1f}"'
            parts.append(f'<rect class="one{beyond}" {place}/>')
    if len(series) > 1:
        path = list[str]()
        for (x, wide), count in zip(spans, series[1].counts, strict=True):
            y = FLOOR - _tall(count, series[1].of, tallest)
            path.append(f"{'M' if not path else 'L'}{x:.1f} {y:.1f}H{x + wide:.1f}")
        parts.append(f'<path class="other" d="{"".join(path)}"/>')
    if drawn:
        parts += _shares(filled, spans)
    for (x, wide), at in zip(spans, range(len(spans)), strict=True):
        said = html.escape(_said(series, at, labels[at], drawn))
        parts.append(
            f'<rect class="hover" x="{x:.1f}" y="0" width="{wide:.1f}" height="{FLOOR}"><title>{said}</title></rect>'
        )
    parts.append(f'<text x="{EDGE}" y="{HEIGHT - 3}">{html.escape(first)}</text>')
    parts.append(f'<text text-anchor="end" x="{WIDTH - EDGE}" y="{HEIGHT - 3}">{html.escape(last)}</text></svg>')
    return "".join(parts)


def _tall(count: int, of: int, tallest: float) -> float:
    """In the drawing; what is there is seen."""
    return max((FLOOR - 6) * count / of / tallest, 1.0 if count else 0.0) if of else 0.0


def _shares(one: BarSeries, spans: Sequence[tuple[float, float]]) -> list[str]:
    """From the floor, which is no row of the class, to the top, which is all of them."""
    dots = [
        (x + wide / 2, FLOOR - (FLOOR - 4) * positive / labelled)
        for (x, wide), labelled, positive in zip(spans, one.labelled, one.positive, strict=False)
        if labelled >= LEAST_ROWS
    ]
    if not dots:
        return []
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in dots)
    return [
        f'<path class="share" d="{line}"/>',
        *(f'<circle class="share" cx="{x:.1f}" cy="{y:.1f}" r="1.7"/>' for x, y in dots),
    ]


def _said(series: Sequence[BarSeries], at: int, label: str, drawn: str) -> str:
    lines = [label]
    for one in series:
        lines.append(f"{one.name}: {one.counts[at]:,} of {one.of:,} rows, {share(one.counts[at], one.of)}")
        if drawn and at < len(one.labelled) and one.labelled[at]:
            lines.append(f"  of them {drawn}: {share(one.positive[at], one.labelled[at])}")
    return "\n".join(lines)


def share(count: int, of: int) -> str:
    """In percent; what is there is never 0 %, what is missing never 100 %."""
    if not of:
        return "none"
    percent = 100 * count / of
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %" if percent < 10 or percent > 90 else f"{percent:.0f} %"
