"""Data held against its contract, as a person reads it."""

from __future__ import annotations

from modelway.data.report import CheckResult, ContractReport, Example
from modelway.markdown import cell, number, table

FIGURES = ("Asked", "Looked at:", "Found:", "Limit:")


def markdown(report: ContractReport) -> str:
    """For the run's page: failing checks first, each with its first examples."""
    failing = report.failing
    passing = tuple(check for check in report.checks if check.outcome == "pass")
    lines = [f"## Data contract, {cell(report.data)}: {report.outcome}", "", f"{counts_in_words(report)}."]
    if failing:
        shown = ((*_figures(check), _examples(check)) for check in failing)
        lines += ["", table(("Failing check", *FIGURES, "Examples"), shown)]
    if passing:
        passed = table(("Passing check", *FIGURES), map(_figures, passing))
        lines += ["", f"<details><summary>{len(passing)} passing checks</summary>\n\n{passed}\n\n</details>"]
    if report.not_held:
        lines += ["", f"Not checked, though the contract has it ({len(report.not_held)}):", ""]
        lines += [f"- {cell(item)}" for item in report.not_held]
    lines += ["", f"Data `{report.data_digest}`, contract `{report.contract_digest}`."]
    return "\n".join(lines)


def counts_in_words(report: ContractReport) -> str:
    failing, checks = len(report.failing), len(report.checks)
    return f"{report.rows:,} rows; {f'{failing} of {checks} checks fail' if failing else f'all {checks} checks pass'}"


def evidence(check: CheckResult) -> str:
    """Such as: age in range, such as 430 (row 17)."""
    return f"{check.name}, such as {_place(check.examples[0])}" if check.examples else check.name


def _figures(check: CheckResult) -> tuple[str, str, str, str, str]:
    return check.name, check.rule, f"{check.n:,}", number(check.value), number(check.limit)


def _examples(check: CheckResult) -> str:
    shown = [_place(example) for example in check.examples]
    return "; ".join(filter(None, (check.detail, *shown)))


def _place(example: Example) -> str:
    place = f"row {example.row}" if example.row is not None else ""
    place = f"{example.file} {place}".strip()
    return f"{example.value} ({place})" if place else example.value
