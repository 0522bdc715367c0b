"""Columns that say the same in every row, or in nearly every row."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers

Percent = Annotated[float, Meta(ge=0, le=100)]


class ConstantColumnKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 99.9
    """Of the values that are there: the share of the most frequent one. A column of one value alone always breaks it."""


class ConstantColumns(ColumnKind[ConstantColumnKeys]):
    field, keys, order, title = "constant", ConstantColumnKeys, 50, "most frequent value"
    about = "Columns with one value alone, or nearly."

    def judge(
        self, keys: ConstantColumnKeys, facts: ColumnFacts, case: QualityCase[ConstantColumnKeys], told: Answers
    ) -> Finding | None:
        spread = facts.values
        if spread is None or facts.name == case.label:  # the kind `label` looks at that
            return None
        value, count = spread.top[0]
        limit = keys.at_most_percent
        shown = case.shown(facts.name, value)
        if spread.distinct == 1:
            said = f"is {shown} in every row that has a value" if facts.missing else f"is {shown} in every row"
        else:
            said = f"{shown} in {count:,} of {spread.n:,}; {spread.distinct:,} different values"
        share = percent(count, spread.n)
        found = Finding(spread.n, share, limit, f"at most {limit:g} % of values", failed=spread.distinct == 1)
        return found.told(said) if found.failed or (share or 0) > limit else found


KIND = ConstantColumns()
