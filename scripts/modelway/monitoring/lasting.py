"""When a change is called lasting, and when it is over: the same for columns, metrics and promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

BACK = 14
"""Looks in a row on which it is not a day's standard deviation beyond its margin, before it is watched again: a season
has its cool weeks."""
RECENT = 7
"""Looks that say how large a change is, at most."""
Look = TypeVar("Look")
Name = TypeVar("Name", bound=str)


def looks_in_a_row(looks: Sequence[Look], is_beyond: Callable[[Look], bool]) -> int:
    """How many of the last looks in a row were beyond; the last one counts whatever it was."""
    row = 1
    while row < len(looks) and is_beyond(looks[-row - 1]):
        row += 1
    return row


def come_back(
    told: Mapping[Name, date], begin: date, looks: Sequence[Look], is_within: Callable[[Look, Name], bool]
) -> list[Name]:
    """What was told before these looks began, and was within in each of them. begin: their first day."""
    return [name for name, day in sorted(told.items()) if begin > day and all(is_within(look, name) for look in looks)]
