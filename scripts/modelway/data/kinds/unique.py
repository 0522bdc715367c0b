"""Whether columns together name a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.queries import Repeated
from modelway.errors import InvalidInput

ORDER, LEVEL = 110, "table"


class UniqueKeys(Section, frozen=True):
    unique: tuple[tuple[Name, ...], ...] = ()
    """Each a list of columns that together name a row; null counts as a value."""


KEYS = UniqueKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    for index, key in enumerate(keys.unique):
        if not key or len(set(key)) < len(key):
            place = document.at((*where, "unique", index))
            raise InvalidInput("is not a list of different columns", where=place, fix="name each column once")


def columns_named(contract: Any) -> Iterable[str]:
    return (name for key in contract.unique for name in key)


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    for key in contract.unique:
        if all(name in around.columns for name in key):
            yield no_violation(Repeated(key), f"{', '.join(key)} unique", "no row repeats another's key")
