"""How many rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Count, Section
from modelway.data.checks import CheckContext, ContractCheck, result
from modelway.errors import InvalidInput

ORDER, LEVEL = 10, "table"


class RowCount(Section, frozen=True):
    """How many rows there must be; zero rows never pass, whatever stands here."""

    at_least: Count = 1
    at_most: Count | None = None


class RowCountKeys(Section, frozen=True):
    rows: RowCount = RowCount()


KEYS = RowCountKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if keys.rows.at_most is not None and keys.rows.at_most < keys.rows.at_least:
        raise InvalidInput("is below at-least", where=document.at((*where, "rows", "at-most")), fix="swap them")


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    least, most = contract.rows.at_least, contract.rows.at_most
    yield ContractCheck(
        None, lambda _, rows: result("rows at least", f"at least {least}", rows, rows, least, at_least=True)
    )
    if most is not None:
        yield ContractCheck(None, lambda _, rows: result("rows at most", f"at most {most}", rows, rows, most))
