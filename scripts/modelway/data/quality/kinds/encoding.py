"""Text whose letters were damaged on the way: lost, or read in another encoding than they were written in."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys, Severity
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers, Question, WrittenForm

Percent = Annotated[float, Meta(ge=0, le=100)]
DAMAGE = {
    "replacement": "have U+FFFD, which stands for a letter that is lost",
    "mojibake": "look like UTF-8 that was read as Latin-1",
    "control": "have control characters",
}


class DamagedTextKeys(QualityKeys, frozen=True):
    severity: Severity = "fail"
    at_most_percent: Percent = 0
    """Of the values."""


class DamagedText(ColumnKind[DamagedTextKeys]):
    field, keys, order, title = "encoding", DamagedTextKeys, 35, "encoding"
    about = "Letters that were lost, or read in another encoding than they were written in, and control characters."

    def judge(
        self, keys: DamagedTextKeys, facts: ColumnFacts, case: QualityCase[DamagedTextKeys], told: Answers
    ) -> Finding | None:
        if facts.texts is None or facts.texts.n == 0:
            return None
        faults = facts.texts.faults
        said = "; ".join(f"{faults[name]:,} {words}" for name, words in DAMAGE.items() if faults[name])
        value = percent(sum(faults[name] for name in DAMAGE), facts.texts.n)
        return Finding(
            facts.texts.n, value, keys.at_most_percent, f"at most {keys.at_most_percent:g} % of values", said
        )

    def examples(self, keys: DamagedTextKeys, facts: ColumnFacts, found: Finding) -> Question[Any] | None:
        return WrittenForm(facts.name, tuple(DAMAGE))


KIND = DamagedText()
