"""What is read of any object of the API: its conditions, and the events about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
LONG = 400
"""Characters of a message: more is never read, and what matters stands last in what container runtimes say."""
NEVER = datetime.fromtimestamp(0, UTC)


def condition(item: Object, kind: str) -> Object:
    """Of an object's status; empty where it has none of the kind."""
    found = (item.get("status") or {}).get("conditions") or ()
    return next((dict(entry) for entry in found if entry.get("type") == kind), {})


def about(item: Object, events: Sequence[Object]) -> list[Object]:
    """The events about this very object, oldest first; another one of the same name is another."""
    uid = item["metadata"].get("uid")
    return sorted((event for event in events if (event.get("involvedObject") or {}).get("uid") == uid), key=when)


def refers_to(event: Object, container: str) -> bool:
    """Whether an event of a pod is about this container."""
    path = str((event.get("involvedObject") or {}).get("fieldPath", ""))
    return path.endswith(f"{{{container}}}")


def tried(event: Object) -> int:
    """How often it was seen: newer reporters count in a series, and the first time has no count."""
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def when(event: Object) -> datetime:
    """When it was last seen. Some events have only eventTime."""
    series = event.get("series") or {}
    return moment(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime"))


def moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else NEVER


def one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONG else f"{text[: LONG // 4]} … {text[-LONG * 3 // 4 :]}"
