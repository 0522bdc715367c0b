"""Whether no value of a column stands in two rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from modelway.config.document import Document, Where
from modelway.config.keys import Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation
from modelway.data.kinds.nulls import may_be_empty
from modelway.data.queries import Repeated

ORDER, LEVEL = 60, "column"


class UniqueValueKeys(Section, frozen=True):
    unique: bool | UnsetType = UNSET
    """No value stands in two rows; missing values are not compared. Several columns: `unique:` of the contract."""


KEYS = UniqueValueKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    """It goes with any other key."""


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if keys.unique:
        query = Repeated((name,), of_present=True)
        yield no_violation(query, f"{name} values unique", "no value in two rows", may_be_empty(keys))
