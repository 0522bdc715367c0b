"""Which columns there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from modelway.config.document import Document, Where, suggestion
from modelway.config.keys import Section
from modelway.data import kinds
from modelway.data.checks import CheckContext, ContractCheck, result
from modelway.data.queries import Sighting
from modelway.errors import InvalidInput

ORDER, LEVEL = 20, "table"
SUGGESTIONS = 20
"""Missing columns that a guess is made for; each takes a comparison with every column."""


class ListedColumnsKeys(Section, frozen=True):
    unlisted_columns: Literal["allow", "refuse"] = "allow"


KEYS = ListedColumnsKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if keys.unlisted_columns == "refuse" and not keys.columns:
        place = document.at((*where, "unlisted-columns"))
        raise InvalidInput("refuses every column", where=place, fix="list the columns under `columns:`")


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    there = list(around.columns)
    named = (
        name
        for kind in kinds.of_level("table")
        if hasattr(kind, "columns_named")
        for name in kind.columns_named(contract)
    )
    wanted = dict.fromkeys((*contract.columns, *named))
    if wanted:
        absent = [name for name in wanted if name not in around.columns]
        missing = [
            Sighting(f"{name} ({suggestion(name, there)})" if there and at < SUGGESTIONS else name)
            for at, name in enumerate(absent)
        ]
        found = result("listed columns are there", "every one", len(wanted), len(missing), 0, examples=missing, cut=200)
        yield ContractCheck(None, lambda *_: found)
    if contract.unlisted_columns == "refuse":
        more = [Sighting(name) for name in there if name not in contract.columns]
        only = result("no unlisted columns", "only listed columns", len(there), len(more), 0, examples=more[:3])
        yield ContractCheck(None, lambda *_: only)
