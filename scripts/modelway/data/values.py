"""The types that a contract knows, how a column may be stored to be of one, and how a limit of one is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

ValueType = Literal["string", "integer", "number", "boolean", "date", "timestamp"]

Bound = str | int | float | date | datetime
"""A limit or an allowed value; a datetime is in UTC."""

Stored = Literal["text", "integer", "number", "boolean", "date", "timestamp", "other"]
"""How a column's values are kept: `text` is read value by value, `other` can be read as no type."""

ORDERED: tuple[ValueType, ...] = ("integer", "number", "date", "timestamp")
"""The types that a range makes sense for."""
NUMERIC: tuple[ValueType, ...] = ("integer", "number")

READABLE: dict[ValueType, tuple[Stored, ...]] = {
    "string": ("text",),
    "integer": ("integer", "number", "text"),
    "number": ("number", "integer", "text"),
    "boolean": ("boolean", "text"),
    "date": ("date", "text"),
    "timestamp": ("timestamp", "text"),
}
"""How a column may be stored to be of a type. Whole numbers stored as floating point are integers, because pandas
stores them so as soon as one is missing."""


def parsed_bound(kind: ValueType, value: Any) -> Any:
    """A limit or an allowed value as Python has it: datetime in UTC for a timestamp, date, float, int, bool or str.

    ValueError, with what it should have been, where it does not fit the type.
    """
    if kind == "string":
        if isinstance(value, str):
            return value
        raise ValueError("text, in quotes where YAML would take it for something else")
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        raise ValueError("true or false")
    if kind == "date":
        try:
            return date.fromisoformat(value)
        except (ValueError, TypeError):
            raise ValueError("a date such as 2026-11-21") from None
    if kind == "timestamp":
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise ValueError("a time such as 2026-11-21T08:30:00Z") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
        raise ValueError("a number")
    if isinstance(value, float) and value == int(value):
        value = int(value)
    if kind == "integer" and not isinstance(value, int):
        raise ValueError("a whole number")
    return value if abs(value) < 1 << 63 else float(value)


def in_words(value: Bound | None) -> str:
    """A limit as a report writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def printable(text: str) -> str:
    """The text on one line, with an escape for what has no glyph of its own: line ends, controls, direction marks."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def few(names: Sequence[str], most: int = 5) -> str:
    """The first of some names in a sentence, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def shortened(text: str, limit: int) -> str:
    text = printable(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
