"""The ledger as a person reads it: on a run's page, and in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.markdown import cell, columns, table
from modelway.registry.ledger_history import History, Recorded

HEADS = ("entry:", "when (UTC)", "environment", "version:", "was:", "action", "who", "why", "verdict", "entry's hash")


def markdown(history: History, environment: str = "", differing: Sequence[str] = ()) -> str:
    """differing: what to say of aliases that differ from the ledger."""
    shown = _chosen(history, environment)
    text = f"### What was in {cell(environment or 'each environment')} of {cell(history.model)}, and why\n\n"
    text += table(HEADS, [_row(row) for row in shown]) if shown else "Nothing yet."
    void = sum(row.state == "void" for row in history.recorded)
    if void:
        text += f"\n\n{void} more {'entry' if void == 1 else 'entries'} lost a race and took no effect."
    if not history.whole:
        text += f"\n\nShown from entry {history.since} on, a checkpoint; `show-history` with `audit: true` reads every entry."
    for problem in (*history.unaccepted, *differing):
        text += f"\n\n> Warning: {cell(problem, 400)}"
    return f"{text}\n\nHead of the ledger: `{history.head or '(empty)'}`"


def lines(history: History, environment: str = "") -> list[str]:
    """The same for a terminal, in columns."""
    rows = [_row(row)[:8] for row in _chosen(history, environment)]
    if not rows:
        return [f"nothing is in {environment or 'any environment'} of {history.model} yet"]
    older = (
        [] if history.whole else [f"entries before {history.since} are behind a checkpoint: --audit true reads them"]
    )
    return [*columns(HEADS[:8], rows), *older, f"head of the ledger: {history.head}"]


def _chosen(history: History, environment: str) -> Sequence[Recorded]:
    return history.on_chain(environment or None)


def _row(row: Recorded) -> list[str]:
    entry = row.entry
    return [
        str(row.number),
        entry.when[:19].replace("T", " "),
        entry.environment,
        str(entry.there or "nothing"),
        str(entry.previous_version or "-"),
        entry.action if row.applied else f"{entry.action}, not finished",
        entry.who,
        entry.why,
        entry.verdict.sha256[:12] if entry.verdict else "-",
        entry.hash[:12],
    ]
