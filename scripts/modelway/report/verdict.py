"""A verdict for a person, as Markdown and in one line: the answer first, what speaks against it next."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.markdown import cell, number, table
from modelway.records.verdict import Check, Group, Verdict

MANY = 10
"""More passing checks than this are folded away."""

MOST = 6
"""Checks that one line names with their evidence; of the rest the number is said."""

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
    if verdict.positive_class:
        positive = f"The positive class is {cell(verdict.positive_class)}"
        parts.append(f"{positive}: {verdict.positive_rows} of {verdict.rows} rows have it.")
    parts += [f"> Warning: {cell(warning, limit=1000)}" for warning in verdict.warnings]
    for outcome, heading in HEADINGS.items():
        checks = [check for check in verdict.checks if check.outcome == outcome]
        if checks:
            parts.append(_section(f"{heading} ({len(checks)})", checks, fold=outcome == "pass" and len(checks) > MANY))
    parts += [_groups(column, verdict.groups) for column in dict.fromkeys(group.column for group in verdict.groups)]
    return "\n\n".join(parts) + "\n"


def _groups(column: str, groups: Sequence[Group]) -> str:
    """What the fairness checks of one column were made of."""
    mine = [group for group in groups if group.column == column]
    quantities = list(dict.fromkeys(quantity for group in mine for quantity in group.values))
    heads = ["Group", *(head for quantity in quantities for head in (f"{quantity}:", "n:"))]
    rows = [[group.name, *(text for quantity in quantities for text in _measured(group, quantity))] for group in mine]
    return f"### Groups of {cell(column)}\n\n{table(heads, rows)}"


def _measured(group: Group, quantity: str) -> tuple[str, str]:
    found = group.values.get(quantity)
    return (number(found.value), str(found.n)) if found else (number(None), "0")


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


def sentence(verdict: Verdict) -> str:
    """In one line, for the annotation of a refused step."""
    head = f"{verdict.model} version {verdict.version} {SENTENCES[verdict.outcome]} for {verdict.environment}"
    if verdict.outcome == "pass":
        passed = sum(check.outcome == "pass" for check in verdict.checks)
        return f"{head}: {passed} check{'s' * (passed != 1)} passed on {verdict.rows} rows"
    against = [check for check in verdict.checks if check.outcome == "fail"]
    against = against or [check for check in verdict.checks if check.outcome == "inconclusive"]
    named = "; ".join(evidence(check) for check in against[:MOST])
    rest = f"; and {len(against) - MOST} more in the report" if len(against) > MOST else ""
    return f"{head}: {named}{rest}"


def evidence(check: Check) -> str:
    """Such as: roc_auc_score 0.7312 (n 57049, interval 0.7268 to 0.7356, asked: at least 0.85)."""
    interval = f", interval {number(check.interval[0])} to {number(check.interval[1])}" if check.interval else ""
    why = f", {check.detail}" if check.detail else ""
    return f"{check.name} {number(check.value)} (n {check.n}{interval}, asked: {check.rule}{why})"
