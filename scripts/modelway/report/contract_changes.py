"""What changed in a contract, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from modelway.data.contract_changes import ContractChange
from modelway.markdown import cell, table

HEADS = ("Key", "Before", "After", "Why")


def changes_markdown(earlier: str, contract: str, changes: Sequence[ContractChange]) -> str:
    """For the run's page: what breaks first."""
    lines = [f"## Contract {cell(contract)}, since {cell(earlier)}: {counted_changes(changes)}"]
    for effect in ("breaking", "compatible"):
        found = [change for change in changes if change.effect == effect]
        if found:
            rows = ((change.where, change.before, change.after, change.why) for change in found)
            lines += ["", f"**{effect.capitalize()}** ({len(found)})", "", table(HEADS, rows)]
    return "\n".join(lines)


def counted_changes(changes: Sequence[ContractChange]) -> str:
    breaking = sum(change.effect == "breaking" for change in changes)
    if not changes:
        return "the same"
    return f"{breaking} breaking, {len(changes) - breaking} compatible"
