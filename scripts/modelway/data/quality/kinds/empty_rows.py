"""Rows with nothing in them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality.kind import QualityCase, QualityKeys, Severity, TableKind
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.quality.queries import Answers, EmptyRows, Question
from modelway.data.report import QualityCheck

Percent = Annotated[float, Meta(ge=0, le=100)]


class EmptyRowKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    at_most_percent: Percent = 0
    """Of all rows."""


class RowsOfNothing(TableKind[EmptyRowKeys]):
    field, keys, level, order = "empty_rows", EmptyRowKeys, "table", 10
    about = "Rows in which every column is missing."

    def checks(
        self, case: QualityCase[EmptyRowKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        limit, rows = case.keys.at_most_percent, case.table.rows
        if not all(facts.missing for facts in case.table.columns.values()):
            found = Finding(rows, 0, limit, f"at most {limit:g} % of rows")
        else:
            question = EmptyRows(tuple(case.table.columns))
            told = yield [question]
            seen = told[question]
            said = f"{seen.count:,} rows have nothing in them" if seen.count else ""
            found = Finding(rows, percent(seen.count, rows), limit, f"at most {limit:g} % of rows", said)
        return [judged(self, case.keys, "empty rows", found)]


KIND = RowsOfNothing()
