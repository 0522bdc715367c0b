"""How old the newest row is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from modelway.config.document import Document, Where
from modelway.config.keys import Name, Positive, Section
from modelway.data.checks import CheckContext, ContractCheck, result
from modelway.data.queries import Answer, Newest
from modelway.data.report import CheckResult
from modelway.data.values import READABLE, ValueType
from modelway.errors import InvalidInput

ORDER, LEVEL = 120, "table"
AHEAD_LIMIT = timedelta(days=1)
"""How far after now the newest row may be: dates and times without a zone are taken as UTC, and may be a day off."""


class Freshness(Section, frozen=True):
    """How old the newest row may be."""

    column: Name
    """A column of type timestamp or date. Times without a zone, and dates, are taken as UTC."""
    at_most_hours: Positive


class FreshnessKeys(Section, frozen=True):
    freshness: Freshness | None = None


KEYS = FreshnessKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if keys.freshness is None:
        return
    column = keys.freshness.column
    if column not in keys.columns or keys.columns[column].type not in ("date", "timestamp"):
        raise InvalidInput(
            f"the column {column!r} is not listed under columns with the type timestamp or date",
            where=document.at((*where, "freshness", "column")),
            fix=f"add `{column}: {{type: timestamp}}` under columns",
        )


def of_table(contract: Any, around: CheckContext) -> Iterator[ContractCheck]:
    fresh = contract.freshness
    if fresh and fresh.column in around.columns:
        kind = contract.columns[fresh.column].type
        if around.columns[fresh.column].stored in READABLE[kind]:
            yield _at_most(fresh.column, kind, fresh.at_most_hours, around.now)


def _at_most(column: str, kind: ValueType, hours: float, now: datetime) -> ContractCheck:
    def judge(answer: Answer, rows: int) -> CheckResult:
        rule = f"newest {column} at most {hours:g} hours old"
        if answer.newest is None:
            return result("freshness", rule, answer.n, None, hours, detail="no value to look at", failed=True)
        age = (now - answer.newest) / timedelta(hours=1)
        ahead = answer.newest - now > AHEAD_LIMIT
        detail = f"newest is {answer.newest.isoformat().replace('+00:00', 'Z')}{', in the future' if ahead else ''}"
        return result("freshness", rule, answer.n, age, hours, detail=detail, failed=ahead)

    return ContractCheck(Newest(column, kind), judge)
