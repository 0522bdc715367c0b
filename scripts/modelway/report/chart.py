"""A small chart over time as SVG: lines with bands, limits, and marks at moments. No script, no font, nothing fetched."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 170, 56, 12, 22, 24


@dataclass(frozen=True)
class Point:
    """x: seconds. low and high: the interval of y, where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """name is shown in the legend; kind is its CSS class."""

    name: str
    kind: str
    points: Sequence[Point]
    stepped: bool = False
    joined: bool = True


@dataclass(frozen=True)
class LimitLine:
    y: float
    name: str
    kind: str
    below: bool = False
    """Its name stands under its line."""


@dataclass(frozen=True)
class ChartScale:
    """From values to the drawing. logarithmic: y by powers of ten."""

    seconds: float
    low: float
    high: float
    logarithmic: bool = False

    def x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(seconds / self.seconds, 1) if self.seconds else 0)

    def y(self, value: float) -> float:
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(at, self.low))
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (at - low) / (high - low))


def chart(
    title: str,
    scale: ChartScale,
    series: Sequence[Series],
    ticks: Sequence[tuple[float, str]],
    limits: Sequence[LimitLine] = (),
    moments: Sequence[tuple[float, str]] = (),
    shaded: Sequence[tuple[float, float]] = (),
) -> str:
    """ticks: (value, label) of the y axis. moments: (seconds, what happened). shaded: stretches of time, in seconds."""
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    parts.append(f'<text class="title" x="{LEFT}" y="13">{html.escape(title)}</text>')
    parts += [_shade(scale, *stretch) for stretch in shaded]
    parts += [_tick(scale, value, label) for value, label in ticks]
    parts += [_second(scale, second) for second in _seconds(scale.seconds)]
    parts += _moments(scale, moments)
    parts += [_limit(scale, limit) for limit in limits if scale.low <= limit.y <= scale.high]
    parts += [_band(scale, item) for item in series]
    parts += [_line(scale, item) for item in series]
    parts += _legend([item for item in series if item.points])
    return "".join([*parts, "</svg>"])


def _shade(scale: ChartScale, begin: float, end: float) -> str:
    x, height = scale.x(begin), HEIGHT - TOP - BOTTOM
    return f'<rect class="shaded" x="{x:.1f}" y="{TOP}" width="{scale.x(end) - x:.1f}" height="{height}"/>'


def _tick(scale: ChartScale, value: float, label: str) -> str:
    y = scale.y(value)
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="axis" text-anchor="end" x="{LEFT - 6}" y="{y + 3.5:.1f}">{html.escape(label)}</text>'


def _second(scale: ChartScale, second: float) -> str:
    x = scale.x(second)
    return f'<text class="axis" text-anchor="middle" x="{x:.1f}" y="{HEIGHT - 8}">{second:g} s</text>'


def _seconds(seconds: float) -> list[float]:
    """Round numbers of seconds, six to twelve of them."""
    step = next((unit for unit in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800) if seconds / unit <= 10), 3600)
    return [step * number for number in range(int(seconds // step) + 1)]


def _moments(scale: ChartScale, moments: Sequence[tuple[float, str]]) -> list[str]:
    """Each name on the first of three rows where it hides none before it."""
    drawn, taken = list[str](), [0.0, 0.0, 0.0]
    for at, what in moments:
        x, long = scale.x(at), 7 * len(what) + 10
        left = x - long if x > WIDTH - 120 else x
        row = next((number for number, end in enumerate(taken) if end <= left), len(taken) - 1)
        taken[row] = left + long if what else taken[row]
        drawn.append(_moment(x, what, end=left < x, y=TOP + 12 + 13 * row))
    return drawn


def _moment(x: float, what: str, *, end: bool, y: float) -> str:
    line = f'<line class="moment" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    anchor = ' text-anchor="end"' if end else ""
    label = f'<text class="moment"{anchor} x="{x + (-4 if end else 4):.1f}" y="{y}">{html.escape(what)}</text>'
    return line + label if what else line


def _limit(scale: ChartScale, limit: LimitLine) -> str:
    y = scale.y(limit.y)
    line = f'<line class="limit {limit.kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    at = y + 11 if limit.below else y - 4
    label = f'<text class="limit {limit.kind}" text-anchor="end" x="{WIDTH - RIGHT - 2}" y="{at:.1f}">'
    return f"{line}{label}{html.escape(limit.name)}</text>"


def _band(scale: ChartScale, item: Series) -> str:
    """An interval for each point, drawn as a bar: blocks do not join."""
    bars = [
        f'<line class="band {item.kind}" x1="{scale.x(point.x):.1f}" x2="{scale.x(point.x):.1f}" '
        f'y1="{scale.y(point.low):.1f}" y2="{scale.y(point.high):.1f}"/>'
        for point in item.points
        if point.low is not None and point.high is not None
    ]
    return "".join(bars)


def _line(scale: ChartScale, item: Series) -> str:
    spots = [(scale.x(point.x), scale.y(point.y)) for point in item.points]
    if not spots:
        return ""
    path = [f"M{spots[0][0]:.1f} {spots[0][1]:.1f}"]
    for (_, before), (x, y) in pairwise(spots):
        path.append(f"L{x:.1f} {before:.1f}L{x:.1f} {y:.1f}" if item.stepped else f"L{x:.1f} {y:.1f}")
    dots = "" if item.stepped else "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in spots)
    line = f'<path d="{"".join(path)}"/>' if item.joined else ""
    return f'<g class="{item.kind}">{line}{dots}</g>'


def _legend(series: Sequence[Series]) -> list[str]:
    parts, right = [], float(WIDTH - RIGHT)
    for item in reversed(series):
        right -= 6.2 * len(item.name) + 22
        parts.append(f'<g class="{item.kind}"><path d="M{right:.0f} 9.5h12"/></g>')
        parts.append(f'<text class="axis" x="{right + 16:.0f}" y="13">{html.escape(item.name)}</text>')
    return parts
