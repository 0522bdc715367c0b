"""What became of a group of services, member by member: on a run's page."""

from __future__ import annotations

from collections.abc import Sequence

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
    group: str
    members: tuple[MemberReport, ...]


def markdown(report: GroupReport, title: str) -> str:
    """title: what the command was for, such as `deployed together`."""
    rows = [_row(member) for member in report.members]
    return f"### {cell(report.group)}: {title}\n\n{table(HEADS, rows)}"


def _row(member: MemberReport) -> Sequence[str]:
    versions = [str(version or "nothing") for version in (member.was, member.asked, member.now)]
    return (member.name, member.model, member.environment, *versions, SAID[member.outcome], member.why)


def title_of(members: Sequence[MemberReport]) -> str:
    """What became of all of them."""
    outcomes = {member.outcome for member in members}
    if "left" in outcomes:
        return "not all of it could go back"
    if "taken-back" in outcomes or "failed" in outcomes:
        return "taken back"
    return "deployed together" if "deployed" in outcomes else "as it was"
