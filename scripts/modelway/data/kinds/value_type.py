"""Whether every value of a column is of its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation, result
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.queries import Malformed
from modelway.data.values import READABLE, ValueType

ORDER, LEVEL = 20, "column"
NOUNS: dict[ValueType, str] = {
    "string": "is text",
    "integer": "is a whole number",
    "number": "is a number",
    "boolean": "is true or false",
    "date": "is a date",
    "timestamp": "is a time",
}


class TypeKeys(Section, frozen=True):
    type: ValueType | None = None


KEYS = TypeKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    """Any type goes with any other key."""


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    kind = keys.type
    if kind is None:
        return
    said = f"{name} {NOUNS[kind]}"
    stored = around.columns[name]
    if stored.stored in READABLE[kind]:
        yield no_violation(Malformed(name, kind), said, kind, may_be_empty(keys))
    else:
        detail = f"stored as {stored.physical}"
        yield ContractCheck(None, lambda _, rows: result(said, kind, rows, rows, 0, detail=detail, failed=True))
