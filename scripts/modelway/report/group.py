"""What became of a group of services, member by member: on a run's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from modelway.markdown import cell, table

HEADS = ("in this order", "model", "environment", "before:", "asked:", "now:", "", "why")
SAID = {
    "not-begun": "not begun",
    "deployed": "deployed",
    "unchanged": "as it was",
    "failed": "did not get there",
    "taken-back": "taken back",
    "left": "could not go back",
}

GroupOutcome = Literal["deployed", "unchanged", "taken-back", "failed"]
TITLES: dict[GroupOutcome, str] = {
    "deployed": "deployed together",
    "unchanged": "as it was",
    "taken-back": "taken back",
    "failed": "not all of it could go back",
}


class MemberReport(msgspec.Struct, frozen=True, kw_only=True):
    """was, asked, now: versions; None where there is none. rollouts: the numbers of those that it took part in."""

    name: str
    model: str
    environment: str
    was: int | None
    asked: int | None
    now: int | None
    outcome: str
    why: str
    rollouts: tuple[int, ...]


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    schema: Literal["modelway/group/1"] = "modelway/group/1"
    outcome: GroupOutcome
    """Of all of them together."""
    group: str
    members: tuple[MemberReport, ...]


def markdown(report: GroupReport, outcome: GroupOutcome) -> str:
    """outcome: of all of them together."""
    rows = [_row(member) for member in report.members]
    return f"### {cell(report.group)}: {TITLES[outcome]}\n\n{table(HEADS, rows)}"


def in_words(report: GroupReport) -> str:
    """One line: what became of all, and of each."""
    members = "; ".join(f"{member.name} {SAID[member.outcome]}" for member in report.members)
    return f"{TITLES[report.outcome]}: {members}"


def _row(member: MemberReport) -> Sequence[str]:
    versions = [str(version or "nothing") for version in (member.was, member.asked, member.now)]
    return (member.name, member.model, member.environment, *versions, SAID[member.outcome], member.why)
