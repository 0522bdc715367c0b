"""A place in a manifest of Kubernetes, read with its line: what is not understood is said by file, line and key."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelway.config.document import Document, Where, suggestion
from modelway.config.kinds import NUMBER, described
from modelway.errors import InvalidInput
from modelway.peers import durations

ARGUMENT = re.compile(r"\{\{\s*args\.([\w.-]+)\s*\}\}")
LONGEST_SECONDS = 30 * 86400.0
MOST_ITEMS = 1000
LONGEST_NAME = 80


@dataclass(frozen=True)
class ManifestPlace:
    """arguments: what `{{args.NAME}}` stands for in texts below it."""

    document: Document
    where: Where = ()
    value: Any = None
    arguments: Mapping[str, str] = field(default_factory=dict)

    def get(self, *keys: str) -> ManifestPlace | None:
        """The place below, None where nothing stands there."""
        place = self
        for key in keys:
            if not isinstance(place.value, dict):
                raise place.wrong("not a mapping", f"write keys such as {key} under it")
            if (value := place.value.get(key)) is None:
                return None
            place = ManifestPlace(self.document, (*place.where, key), value, self.arguments)
        return place

    def needed(self, *keys: str) -> ManifestPlace:
        place = self.get(*keys)
        if place is None:
            raise self.refused(f"has no {'.'.join(keys)}", f"add `{keys[-1]}:`")
        return place

    def items(self, key: str) -> list[ManifestPlace]:
        """Of a list below; empty where there is none."""
        place = self.get(key)
        if place is None:
            return []
        if not isinstance(place.value, list) or len(place.value) > MOST_ITEMS:
            raise place.wrong("not a list", "write a list")
        return [
            ManifestPlace(self.document, (*place.where, at), value, self.arguments)
            for at, value in enumerate(place.value)
        ]

    def known(self, keys: Collection[str]) -> None:
        """Refuse a key that is none of these: a slip of the pen would be a limit that nobody reads."""
        if not isinstance(self.value, dict):
            raise self.wrong("not a mapping", f"write keys such as {', '.join(sorted(keys)[:3])} under it")
        for key in self.value:
            if key not in keys:
                where = self.document.at((*self.where, key))
                raise InvalidInput(f"unknown key {key!r}", where=where, fix=suggestion(key, keys))

    def text(self) -> str:
        """With arguments that are known put in."""
        if not isinstance(self.value, str):
            raise self.wrong("not text", "give text")
        return ARGUMENT.sub(lambda match: self.arguments.get(match[1], match[0]), self.value)

    def name(self) -> str:
        """A text for messages and reports: on one line, and not too long."""
        found = " ".join(self.text().split())[:LONGEST_NAME]
        if not found:
            raise self.wrong("not a name", "give it a name")
        return found

    def number(self, least: float = 0.0, most: float = 1e9) -> float:
        """Also one that is written as text."""
        value = self.text().strip() if isinstance(self.value, str) else self.value
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong("not a number", "give a number")
        if not least <= value <= most:
            raise self.wrong(f"not a number from {least:g} to {most:g}", f"give a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, least: int = 0, most: int = 1_000_000) -> int:
        value = self.number(least, most)
        if not value.is_integer():
            raise self.wrong("not a whole number", "give a whole number")
        return int(value)

    def seconds(self, *, plain: bool = False) -> float:
        """Of a duration such as 90s. plain: a number alone is seconds."""
        if plain and not isinstance(self.value, bool) and NUMBER.fullmatch(str(self.value)):
            found: float | None = float(self.value)
        else:
            found = durations.seconds_of(self.text().strip()) if isinstance(self.value, str) else None
        if found is None or not 1 <= found <= LONGEST_SECONDS or not float(found).is_integer():
            raise self.wrong("not a duration of whole seconds", "give one such as 1m, 90s or 1h30m")
        return found

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("neither true nor false", "give true or false")
        return self.value

    @property
    def at(self) -> str:
        """`file:line: key`"""
        return self.document.at(self.where)

    def wrong(self, what: str, fix: str) -> InvalidInput:
        """For a value of another kind than it should be."""
        return self.refused(f"is {described(self.value)}, {what}", fix)

    def refused(self, what: str, fix: str) -> InvalidInput:
        return InvalidInput(what, where=self.at, fix=fix)
