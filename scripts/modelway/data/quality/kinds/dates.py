"""Dates that cannot be: after now, or before anything was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta

from modelway.config.keys import Wait
from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys, Severity
from modelway.data.quality.outcomes import Finding
from modelway.data.quality.queries import Answers, CountedRows, Question
from modelway.data.queries import Outside
from modelway.data.values import in_words

YEAR = r"^\d{4}-\d{2}-\d{2}$"


class PossibleDateKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    ahead_at_most_hours: Wait = 24
    """How far after now a date or time may be. One without a zone is taken as UTC, and may be most of a day off."""
    not_before: Annotated[str, Meta(pattern=YEAR)] = "1900-01-01"
    """The first day that may be, such as 1900-01-01, as the time 0 of some system is (1899-12-30)."""


class PossibleDates(ColumnKind[PossibleDateKeys]):
    field, keys, order, title = "dates", PossibleDateKeys, 30, "possible dates"
    about = "Dates and times in the future, or impossibly old."

    def questions(
        self, keys: PossibleDateKeys, facts: ColumnFacts, case: QualityCase[PossibleDateKeys]
    ) -> Iterator[Question[Any]]:
        if facts.is_time and facts.n:
            yield _outside(keys, facts, case.now)

    def judge(
        self, keys: PossibleDateKeys, facts: ColumnFacts, case: QualityCase[PossibleDateKeys], told: Answers
    ) -> Finding | None:
        if not facts.is_time or not facts.n:
            return None
        question = _outside(keys, facts, case.now)
        seen = told[question]
        assert isinstance(question.query, Outside)
        low, high = question.query.low, question.query.high
        return Finding(seen.n, seen.count, 0, f"from {in_words(low)} to {in_words(high)}", "", seen.examples)


def _outside(keys: PossibleDateKeys, facts: ColumnFacts, now: datetime) -> CountedRows:
    assert facts.type is not None
    latest, first = now + timedelta(hours=keys.ahead_at_most_hours), date.fromisoformat(keys.not_before)
    if facts.type == "date":
        return CountedRows(Outside(facts.name, facts.type, first, latest.date()))
    return CountedRows(
        Outside(facts.name, facts.type, datetime(first.year, first.month, first.day, tzinfo=UTC), latest)
    )


KIND = PossibleDates()
