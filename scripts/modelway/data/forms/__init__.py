"""The forms that a contract is written in, one module each: modelway's own YAML is what all others are read into.

A module here is a form; nothing lists them. It has

- is_it(value): whether a document is of this form;
- read(document, part): the same wishes as a document of our own form; part: which of several tables it is about, or "";
- write(contract, name): the contract in this form, and what of it that form cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from modelway import extensions
from modelway.config.document import Document, Where, suggestion
from modelway.errors import InvalidInput

OWN = "modelway"
"""The name of our own form."""


@dataclass(frozen=True)
class ReadContract:
    """A contract as a document of our own form. not_held: what it asks of the data beside, which no check here holds."""

    document: Document
    not_held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """A contract in another form. lost: what that form cannot say."""

    value: Any
    lost: tuple[str, ...] = ()


@dataclass
class Draft:
    """A document of our own form that grows, with the lines of the one that it is read from."""

    source: Document
    value: dict[str, Any] = field(default_factory=lambda: {"columns": {}})
    lines: dict[Where, int] = field(default_factory=dict)
    not_held: list[str] = field(default_factory=list)

    def column(self, name: str, where: Where) -> dict[str, Any]:
        """A new column. InvalidInput where there is one of that name."""
        if name in self.value["columns"]:
            what = f"the column {name[:100]!r} is listed twice"
            raise InvalidInput(what, where=self.source.at(where), fix="remove one")
        self.lines[("columns", name)] = self.line_of(where)
        made: dict[str, Any] = self.value["columns"].setdefault(name, {})
        return made

    def append(self, key: str, item: Any, where: Where) -> None:
        """One more item of a list at the top."""
        items = self.value.setdefault(key, [])
        self.lines[(key, len(items))] = self.line_of(where)
        items.append(item)

    def set(self, key: str, item: Any, where: Where) -> None:
        self.value[key] = item
        self.lines[(key,)] = self.line_of(where)

    def is_not_held(self, what: str, where: Where) -> None:
        line = self.line_of(where)
        self.not_held.append(f"line {line}: {what}" if line else what)

    def line_of(self, where: Where) -> int:
        while where and where not in self.source.lines:
            where = where[:-1]
        return self.source.lines.get(where, 0)

    def done(self) -> ReadContract:
        known = {where: line for where, line in self.lines.items() if line}
        return ReadContract(Document(self.source.name, self.value, known), tuple(self.not_held))


@cache
def names() -> tuple[str, ...]:
    """Of every form but our own."""
    return tuple(name.replace("_", "-") for name in extensions.names(__name__))


def form(name: str) -> ModuleType:
    """InvalidInput where there is none of that name."""
    if name not in names():
        fix = suggestion(name, (OWN, *names()))
        raise InvalidInput(f"{name[:60]!r} is no form of a contract", where="input form", fix=fix)
    return extensions.module(__name__, name.replace("-", "_"))


def form_of(value: Any) -> str:
    """The name of the form that a document is of."""
    found = (name for name in names() if isinstance(value, Mapping) and form(name).is_it(value))
    return next(found, OWN)


def read(document: Document, part: str = "") -> ReadContract:
    """Any document as one of our own form. part: which of several tables of it; InvalidInput where there is none."""
    name = form_of(document.value)
    if name != OWN:
        found: ReadContract = form(name).read(document, part)
        return found
    if part:
        raise InvalidInput("has one table only", where=document.name, fix=f"leave out #{part}")
    return ReadContract(document)
