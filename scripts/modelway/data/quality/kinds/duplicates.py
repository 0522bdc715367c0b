"""Rows that stand there more than once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Annotated, Any

from msgspec import Meta

from modelway.config.keys import Name
from modelway.data.quality.kind import QualityCase, QualityKeys, TableKind
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.quality.queries import Answers, Question, RepeatedRows
from modelway.data.queries import Answer
from modelway.data.report import QualityCheck

Percent = Annotated[float, Meta(ge=0, le=100)]


class DuplicateRowKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 1
    """Of all rows: those that repeat an earlier one."""
    without: tuple[Name, ...] = ()
    """Columns that are not compared, such as the number of a row."""


class DuplicateRows(TableKind[DuplicateRowKeys]):
    field, keys, level, order = "duplicates", DuplicateRowKeys, "table", 15
    about = "Rows that repeat an earlier one in every column."

    def checks(
        self, case: QualityCase[DuplicateRowKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        keys, rows = case.keys, case.table.rows
        compared = tuple(name for name in case.table.columns if name not in keys.without)
        rule = f"at most {keys.at_most_percent:g} % of rows"
        if not compared:
            found = Finding(0, None, keys.at_most_percent, rule, "no column is left to compare")
        else:
            question = RepeatedRows(compared)
            told = yield [] if _one_tells_rows_apart(case, compared) else [question]
            seen = told[question] if question in told else Answer(rows)
            said = f"{seen.count:,} rows repeat an earlier one" if seen.count else ""
            found = Finding(rows, percent(seen.count, rows), keys.at_most_percent, rule, said, seen.examples)
        return [judged(self, keys, "duplicate rows", found)]


def _one_tells_rows_apart(case: QualityCase[DuplicateRowKeys], compared: Sequence[str]) -> bool:
    """Whether a column has another value in each row."""
    known = (case.table.columns[name].values for name in compared)
    return any(values is not None and values.distinct == case.table.rows for values in known)


KIND = DuplicateRows()
