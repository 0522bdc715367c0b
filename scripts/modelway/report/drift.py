"""Drift, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelway.config.drift import Drift
from modelway.data.drift.judging import RANK, ColumnDrift, DriftPart
from modelway.data.drift.report import DriftReport, GroupDrift
from modelway.markdown import cell, number, table

SHOWN = 5
MEASURES = {"ks": "Kolmogorov-Smirnov", "total-variation": "total variation", "h": "Cohen's h"}


def in_words(report: DriftReport) -> str:
    """One line: the outcome, and what drifted."""
    parts = []
    for outcome in ("drift", "inconclusive"):
        if names := [column.name for column in report.of(outcome)]:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            parts.append(f"{outcome} in {', '.join(names[:SHOWN])}{more}")
    if report.new_columns:
        parts.append(f"new columns {', '.join(report.new_columns[:SHOWN])}")
    if report.classifier and report.classifier.outcome != "no drift":
        parts.append(f"{report.classifier.outcome} by the classifier over all columns")
    for kind, groups in (("slice", report.slices), ("window", report.windows)):
        for outcome in ("drift", "inconclusive"):
            if names := [group.name for group in groups if group.outcome == outcome]:
                parts.append(f"{outcome} in {len(names)} {kind}{'s' if len(names) > 1 else ''} ({names[0]}, ...)")
    return f"{report.current.data} against {report.reference.data}: {'; '.join(parts) or report.outcome}"


def markdown(report: DriftReport, settings: Drift) -> str:
    """For the run's page: what drifted first."""
    lines = [
        f"## Drift, {cell(report.current.data)}: {report.outcome}",
        "",
        f"{report.current.rows:,} rows against {report.reference.rows:,} of {cell(report.reference.data)}.",
    ]
    for role, heading in (("label", "Label"), ("prediction", "Prediction"), ("feature", "Columns")):
        columns = sorted((c for c in report.columns if c.role == role), key=_order)
        if columns:
            lines += ["", f"### {heading}", "", _columns(columns)]
    return "\n".join(lines)


def _order(column: ColumnDrift) -> tuple[float, float, str]:
    worst = column.worst
    return (-RANK[column.outcome], -((worst.value or 0) / worst.margin if worst else 1e9), column.name)


def _columns(columns: Iterable[ColumnDrift]) -> str:
    heads = ("Column", "Outcome", "Of", "Measure", "Reference:", "Current:", "Effect:", "Interval:", "Margin:")
    return table(heads, (row for column in columns for row in _rows(column)))


def _rows(column: ColumnDrift) -> Iterable[Sequence[object]]:
    part = column.worst
    if part is None:
        yield (column.name, column.outcome, column.detail, "", "", "", "", "", "")
        return
    yield (
        column.name,
        column.outcome,
        part.of,
        MEASURES.get(part.measure, part.measure),
        *_shares(part),
        number(part.value),
        _interval(part),
        number(part.margin),
    )


def _shares(part: DriftPart) -> tuple[str, str]:
    if part.shares is None:
        return f"{part.n[0]:,}", f"{part.n[1]:,}"
    return f"{part.shares[0]:.2%}", f"{part.shares[1]:.2%}"


def _interval(part: DriftPart) -> str:
    return "" if part.low is None or part.high is None else f"{number(part.low)} to {number(part.high)}"
