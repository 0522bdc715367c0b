"""What check-quality found, as a person reads it on the run's page."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from modelway.data.report import DataQuality, Example, QualityCheck
from modelway.markdown import cell, number, table

FIGURES = ("Asked", "Looked at:", "Found:", "Limit:")
MOST_SHOWN = 50
"""Checks of one table; the others are counted, and stand in the JSON report."""


def markdown(report: DataQuality) -> str:
    """Failing checks first, then warnings; what passes is folded away, a line for each kind."""
    lines = [f"## Data quality, {cell(report.data)}: {report.outcome}", "", f"{counts_in_words(report)}."]
    for title, checks in (("Fails", report.failing), ("Warning", report.warnings)):
        if checks:
            shown = ((*_figures(check), _examples(check)) for check in checks[:MOST_SHOWN])
            lines += ["", table((title, *FIGURES, "What was found"), shown)]
        if len(checks) > MOST_SHOWN:
            lines += ["", f"... and {len(checks) - MOST_SHOWN:,} more, which stand in the JSON report."]
    passing = [check for check in report.checks if check.outcome == "pass"]
    if passing:
        kinds = table(("Kind", "Checks that pass:", "Nearest to its limit", *FIGURES[1:]), _by_kind(passing))
        lines += ["", f"<details><summary>{len(passing):,} checks pass</summary>\n\n{kinds}\n\n</details>"]
    lines += [f"\nNot checked: {cell(said)}." for said in report.not_checked]
    if report.data_digest:
        lines += ["", f"Data `{report.data_digest}`."]
    return "\n".join(lines)


def counts_in_words(report: DataQuality) -> str:
    failing, warnings, checks = len(report.failing), len(report.warnings), len(report.checks)
    said = [f"{failing:,} fail"] if failing else []
    said += [f"{warnings:,} warn"] if warnings else []
    outcome = f"{' and '.join(said)} of {checks:,} checks" if said else f"all {checks:,} checks pass"
    return f"{report.rows:,} rows, {report.columns:,} columns; {outcome}"


def _figures(check: QualityCheck) -> tuple[str, str, str, str, str]:
    value = number(check.value)
    if check.interval is not UNSET:
        value += f" ({number(check.interval[0])} to {number(check.interval[1])})"
    return check.name, check.rule, f"{check.n:,}", value, number(check.limit)


def _examples(check: QualityCheck) -> str:
    return "; ".join(filter(None, (check.detail, *map(_place, check.examples))))


def _place(example: Example) -> str:
    place = f"row {example.row}" if example.row is not None else ""
    place = f"{example.file} {place}".strip()
    return f"{example.value} ({place})" if place else example.value


def _by_kind(checks: Sequence[QualityCheck]) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for kind in dict.fromkeys(check.kind for check in checks):
        own = [check for check in checks if check.kind == kind]
        nearest = min(own, key=lambda check: abs(check.limit - (check.value or 0)))
        rows.append(
            (kind, f"{len(own):,}", nearest.name, f"{nearest.n:,}", number(nearest.value), number(nearest.limit))
        )
    return rows
