"""Numbers that only name a row: a model that is given one learns it by heart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from modelway.config.keys import Count
from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers, Question, Rising

Percent = Annotated[float, Meta(ge=0, le=100)]
OWNERS = "user|customer|client|member|order|product|item|account|session|person|patient|transaction"
NAME = re.compile(
    rf"(?i:((^|[_\W])(id|ids|uuid|guid|pk|index|idx|key|nr|no|number|rowid|row)|({OWNERS})id)$|^unnamed: 0$)|[a-z0-9]I[dD]$"
)
"""userId, user_id and userid, and not paid."""
NEARLY_ALL = 0.99
DENSE = 1.5
"""Numbers that leave out no more than a third between the smallest and the largest have been counted."""


class IdentifierKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 99
    """Different values, of all: a column of whole numbers with more is looked at."""
    at_least_rows: Count = 100
    """With fewer rows many a measurement is there once each."""


class Identifiers(ColumnKind[IdentifierKeys]):
    field, keys, order, title = "ids", IdentifierKeys, 55, "different values"
    about = "Columns of whole numbers that name rows: nearly all different, and rising, counted, or named as ids are."

    def questions(
        self, keys: IdentifierKeys, facts: ColumnFacts, case: QualityCase[IdentifierKeys]
    ) -> Iterator[Question[Any]]:
        if _suspect(keys, facts, case):
            yield Rising(facts.name, facts.type or "number")

    def judge(
        self, keys: IdentifierKeys, facts: ColumnFacts, case: QualityCase[IdentifierKeys], told: Answers
    ) -> Finding | None:
        spread = facts.values
        if spread is None or not facts.is_number or spread.whole < spread.n or facts.name == case.label:
            return None
        share = percent(spread.distinct, spread.n)
        rule = "names no row"
        signs = _signs(facts, told[Rising(facts.name, facts.type or "number")]) if _suspect(keys, facts, case) else []
        said = f"names rows: {', '.join(signs)}; leave it out of the training" if signs else ""
        return Finding(spread.n, share, keys.at_most_percent if signs else 100, rule, said, failed=bool(signs))


def _suspect(keys: IdentifierKeys, facts: ColumnFacts, case: QualityCase[IdentifierKeys]) -> bool:
    spread = facts.values
    return (
        spread is not None
        and facts.is_number
        and facts.name != case.label
        and spread.whole == spread.n >= keys.at_least_rows
        and 100 * spread.distinct > keys.at_most_percent * spread.n
    )


def _signs(facts: ColumnFacts, rising: int) -> list[str]:
    spread = facts.values
    assert spread is not None
    signs = []
    if rising >= NEARLY_ALL * (spread.n - 1):
        signs.append("each is larger than the one before")
    if spread.high[0][0] - spread.low[0][0] < DENSE * spread.distinct:  # type: ignore[operator]
        signs.append("they leave out next to no number")
    if NAME.search(facts.name):
        signs.append("the column is named as ids are")
    return signs


KIND = Identifiers()
