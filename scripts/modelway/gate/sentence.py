"""A verdict in one line, for the annotation of a refused step: what speaks against it, with its evidence."""

from __future__ import annotations

from modelway.gate.report import SENTENCES
from modelway.records.verdict import Check, Verdict
from modelway.report.markdown import number

MOST = 6
"""Checks that are named with their evidence; of the rest the number is said."""


def sentence(verdict: Verdict) -> str:
    head = f"{verdict.model} version {verdict.version} {SENTENCES[verdict.outcome]} for {verdict.environment}"
    if verdict.outcome == "pass":
        passed = sum(check.outcome == "pass" for check in verdict.checks)
        return f"{head}: {passed} checks passed on {verdict.rows} rows"
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
