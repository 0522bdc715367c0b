"""Columns of which many values are missing."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers

Percent = Annotated[float, Meta(ge=0, le=100)]


class MissingValueKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 20
    """Of all rows."""


class MissingValues(ColumnKind[MissingValueKeys]):
    field, keys, order, title = "missing", MissingValueKeys, 20, "missing values"
    about = "How many values of a column are missing."

    def judge(
        self, keys: MissingValueKeys, facts: ColumnFacts, case: QualityCase[MissingValueKeys], told: Answers
    ) -> Finding | None:
        limit = keys.at_most_percent
        return Finding(facts.rows, percent(facts.missing, facts.rows), limit, f"at most {limit:g} % of rows")


KIND = MissingValues()
