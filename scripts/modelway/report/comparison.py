"""Two versions side by side, for a person: which is better by what, or that the rows cannot tell."""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.markdown import cell, number, table

Answer = Literal["better", "worse", "undecided"]


class ComparedMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of two versions on the same rows."""

    name: str
    answer: Answer
    """Of the version against the other one: better or worse where the whole interval says so."""
    n: int
    value: float | None
    other_value: float | None
    difference: float | None
    """The version's value minus the other one's, in the metric's own unit."""
    interval: tuple[float, float] | None
    """Of the difference, at the comparison's confidence; None where there is none, or no sampling error."""
    method: str = ""
    detail: str = ""
    """Why it is undecided, in words for a person."""


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of one model on the same held-out rows."""

    schema: str = "modelway/compare-models/1"
    model: str
    version: int
    other: int
    rows: int
    data_digest: str
    model_digest: str
    other_digest: str
    confidence: float
    metrics: tuple[ComparedMetric, ...]
    warnings: tuple[str, ...] = ()

    def names(self, answer: Answer) -> list[str]:
        return [metric.name for metric in self.metrics if metric.answer == answer]


def in_words(comparison: ModelComparison) -> str:
    """In one line."""
    better, worse, undecided = (comparison.names(answer) for answer in ("better", "worse", "undecided"))
    parts = [f"better by {', '.join(better)}"] if better else []
    parts += [f"worse by {', '.join(worse)}"] if worse else []
    said = f"version {comparison.version} is {' and '.join(parts)} than version {comparison.other}" if parts else ""
    rest = f"{comparison.rows} rows cannot tell which is better by {', '.join(undecided)}" if undecided else ""
    return f"{comparison.model}: {'; '.join(filter(None, [said, rest]))}"


def markdown(comparison: ModelComparison) -> str:
    """GitHub-flavoured Markdown, ending in a newline."""
    heads = [
        "metric",
        "n:",
        f"version {comparison.version}:",
        f"version {comparison.other}:",
        "difference:",
        f"interval at {comparison.confidence:.0%}",
        f"version {comparison.version} is",
        "how, or why",
    ]
    rows = [
        [
            metric.name,
            str(metric.n),
            number(metric.value),
            number(metric.other_value),
            number(metric.difference),
            f"{number(metric.interval[0])} to {number(metric.interval[1])}" if metric.interval else "—",
            metric.answer,
            "; ".join(filter(None, [metric.method, metric.detail])),
        ]
        for metric in comparison.metrics
    ]
    parts = [f"**{cell(in_words(comparison), 1000)}**"]
    parts += [f"> Warning: {cell(warning, limit=1000)}" for warning in comparison.warnings]
    parts.append(table(heads, rows))
    return "\n\n".join(parts) + "\n"
