"""What select-model found, for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from modelway.markdown import cell, number, table
from modelway.registry.selection import Condition, Ranked, Ranking

MOST_SHOWN = 20
"""Runs in the table, the best first."""


def in_words(ranked: Ranking, experiment: str, best: Ranked | None) -> str:
    """In one line; best None: none was selected."""
    kept = len(ranked.best)
    left_out = "; ".join(f"{count} {reason}" for reason, count in sorted(ranked.left_out.items()))
    rest = f" (left out: {left_out})" if left_out else ""
    if best is None:
        why = "none logged the model" if kept else "none has the metric and keeps the conditions"
        finished = kept + sum(ranked.left_out.values())
        return f"of {finished} finished runs of experiment {experiment} {why}{rest}"
    said = f"run {best.run.id}: {ranked.metric} {number(best.value)}, the best of {kept} runs of {experiment}{rest}"
    tied = len([row for row in ranked.best if row.value == best.value])
    return f"{said}; {tied} runs share it, and this one was started first" if tied > 1 else said


def markdown(
    ranked: Ranking, experiment: str, best: Ranked, conditions: Sequence[Condition], passed_over: Sequence[Ranked]
) -> str:
    """GitHub-flavoured Markdown."""
    parts = [f"**{cell(in_words(ranked, experiment, best), 1000)}**"]
    if conditions:
        parts.append(f"Conditions: {cell(', '.join(map(str, conditions)), 500)}")
    if passed_over:
        parts.append(f"> Warning: {len(passed_over)} better runs logged no such model, and were passed over.")
    if len(ranked.best) > 1:
        parts.append(
            f"The best of {len(ranked.best)} is better by chance, too: its {cell(ranked.metric)} was selected for, and"
            " says less than evaluate-gate's verdict on rows that nothing was selected on."
        )
    rows = [
        [
            row.run.id,
            number(row.value),
            f"{datetime.fromtimestamp(row.run.started_ms / 1000, UTC):%Y-%m-%d %H:%M}",
            "selected" if row is best else "",
        ]
        for row in ranked.best[:MOST_SHOWN]
    ]
    parts.append(table(["run", f"{cell(ranked.metric)}:", "started (UTC)", ""], rows))
    return "\n\n".join(parts) + "\n"
