"""Prometheus' text format, version 0.0.4: the one place that reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NAME, VALUE = r"[A-Za-z_]\w*", r'"(?:[^"\\]|\\.)*"'
PAIR = rf"{NAME}\s*=\s*{VALUE}\s*"
LABELS = rf"\{{\s*((?:{PAIR},\s*)*(?:{PAIR})?)\}}"
LINE = re.compile(rf"([A-Za-z_:][\w:]*)(?:\s*{LABELS}\s*|\s+)(\S+)(?:\s+-?\d+)?", re.ASCII)
LABEL = re.compile(rf"({NAME})\s*=\s*({VALUE})", re.ASCII)
ESCAPE = re.compile(r"\\.")
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class MetricValue(NamedTuple):
    """One line: the value of a series. value may be NaN or infinite, as Prometheus allows."""

    name: str
    labels: Mapping[str, str]
    value: float


def read(text: str) -> Iterator[MetricValue]:
    """Every series of the text, in its order. ValueError, naming the line, where it is no such text."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"line {number} is not Prometheus' text: {line[:200]!r}")
        try:
            value = float(match[3])
        except ValueError:
            raise ValueError(f"line {number}: {match[3][:200]!r} is no number") from None
        labels = {name: _unescaped(said[1:-1]) for name, said in LABEL.findall(match[2] or "")}
        yield MetricValue(match[1], labels, value)


def count_of(series: MetricValue) -> int:
    """The value of a counter. ValueError, naming the series, where it is not a whole number of things."""
    if not (0 <= series.value < math.inf and series.value == int(series.value)):
        raise ValueError(f"{series.name} is {series.value}, which counts nothing")
    return int(series.value)


def bound_of(series: MetricValue) -> float:
    """The upper bound of a bucket, in the histogram's unit. ValueError, naming the series, where it has none."""
    try:
        bound = float(series.labels["le"])
    except (KeyError, ValueError):
        raise ValueError(f"{series.name} has no bound") from None
    if math.isnan(bound):
        raise ValueError(f"{series.name} has no bound")
    return bound


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPED.get(match.group(), match.group()), text)
