"""A verdict as Markdown for a person: the answer first, what speaks against it next."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.records.verdict import Check, Verdict
from modelway.report.markdown import cell, number, table

MANY = 10
"""More passing checks than this are folded away."""

SENTENCES = {
    "pass": "passes the gate",
    "fail": "does not pass the gate",
    "inconclusive": "is neither passed nor refused: the evidence is inconclusive",
}
HEADINGS = {
    "fail": "Failed",
    "inconclusive": "Inconclusive: the test data cannot tell",
    "pass": "Passed",
    "skipped": "Not judged",
}


def markdown(verdict: Verdict) -> str:
    """GitHub-flavoured Markdown, ending in a newline; the same verdict gives the same text."""
    counts = [
        f"{count} {outcome}"
        for outcome in HEADINGS
        if (count := sum(check.outcome == outcome for check in verdict.checks))
    ]
    head = (
        f"**{verdict.outcome.upper()}**: {cell(verdict.model)} version {verdict.version} {SENTENCES[verdict.outcome]} "
        f"for {cell(verdict.environment)}."
    )
    against = f", against version {verdict.production_version}" if verdict.production_version is not None else ""
    parts = [head, f"{len(verdict.checks)} checks on {verdict.rows} rows{against}: {', '.join(counts) or 'none'}."]
    parts += [f"> Warning: {cell(warning, limit=1000)}" for warning in verdict.warnings]
    for outcome, heading in HEADINGS.items():
        checks = [check for check in verdict.checks if check.outcome == outcome]
        if checks:
            parts.append(_section(f"{heading} ({len(checks)})", checks, fold=outcome == "pass" and len(checks) > MANY))
    return "\n\n".join(parts) + "\n"


def _section(heading: str, checks: Sequence[Check], *, fold: bool) -> str:
    rows = _table(checks)
    if fold:
        return f"<details><summary>{heading}</summary>\n\n{rows}\n\n</details>"
    return f"### {heading}\n\n{rows}"


def _table(checks: Sequence[Check]) -> str:
    return table(["Check", "Limit", "n:", "Value:", "Interval", "How, or why"], [_row(check) for check in checks])


def _row(check: Check) -> list[str]:
    interval = f"{number(check.interval[0])} to {number(check.interval[1])}" if check.interval else "—"
    value = number(check.value)
    if check.candidate is not None and check.production is not None:
        value = f"{value} ({number(check.candidate)}, was {number(check.production)})"
    why = "; ".join(part for part in (check.method, check.detail) if part)
    return [check.name, check.rule, str(check.n), value, interval, why]
