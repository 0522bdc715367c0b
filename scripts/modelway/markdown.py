"""Markdown for a run's page and for a terminal: tables of values that come from anywhere."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

CELL_LIMIT = 200
"""Characters of a value shown in a table's cell."""

MARKUP = re.compile(r"[\\`*\[\]|~@#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown could take for more than a character; an underscore inside a word is none."""

NO_WIDTH = "\u200b"
"""A space that nobody sees."""

REFERENCE = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9])|#(?=[0-9])")
"""What GitHub takes for a mention or for an issue also where it is an entity: it looks once those are read. Nothing but
something between the two keeps it from that."""


def cell(text: object, limit: int = CELL_LIMIT) -> str:
    """A value inside a table: no markup, no new row, no mention, at most `limit` characters of it."""
    flat = " ".join(str(text).split())
    shown = flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
    escaped = html.escape(shown, quote=False)
    return MARKUP.sub(lambda match: f"&#{ord(match.group())};", REFERENCE.sub(rf"\g<0>{NO_WIDTH}", escaped))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; heads are ours and taken as they are, every value is escaped. A head that ends in `:` is right-aligned."""
    rule = ["--:" if head.endswith(":") else "---" for head in heads]
    lines = [f"| {' | '.join(head.rstrip(':') for head in heads)} |", f"| {' | '.join(rule)} |"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The same for a terminal: a line each, in columns as wide as their widest value."""
    lines = [[head.rstrip(":") for head in heads], *([" ".join(value.split())[:60] for value in row] for row in rows)]
    widths = [max(map(len, values)) for values in zip(*lines, strict=True)]
    return ["  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def number(value: float | None) -> str:
    """Four significant digits, plain; an em dash where there is none."""
    if value is None or not math.isfinite(value):
        return "—"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.4g}"
    return text if "e" not in text or abs(value) < 1e-4 else f"{value:.0f}"
