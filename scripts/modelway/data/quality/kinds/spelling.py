"""Texts that differ in what a person does not see: blanks, case, accents apart, letters of another alphabet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from modelway.config.keys import Count
from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers, Question, Variants, WrittenForm
from modelway.data.queries import Sighting

Percent = Annotated[float, Meta(ge=0, le=100)]
ODD = {
    "blanks": "have blanks around them",
    "decomposed": "have accents apart from their letters (not NFC)",
    "mixed-scripts": "mix two alphabets in one word",
}


class SpellingKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 0
    """Of the values."""
    categories_at_most: Count = 1000
    """A column of text with more different values is no category, and its variants are not looked for."""


class Spelling(ColumnKind[SpellingKeys]):
    field, keys, order, title = "spelling", SpellingKeys, 65, "spelling"
    about = "One category that is written in several ways, blanks around a text, letters that only look alike."

    def questions(
        self, keys: SpellingKeys, facts: ColumnFacts, case: QualityCase[SpellingKeys]
    ) -> Iterator[Question[Any]]:
        if _is_category(keys, facts):
            yield Variants(facts.name)

    def judge(
        self, keys: SpellingKeys, facts: ColumnFacts, case: QualityCase[SpellingKeys], told: Answers
    ) -> Finding | None:
        if facts.texts is None or facts.texts.n == 0 or facts.type != "string":
            return None
        n, faults, limit = facts.texts.n, facts.texts.faults, keys.at_most_percent
        said = [f"{faults[name]:,} {words}" for name, words in ODD.items() if faults[name]]
        count, examples = max(faults[name] for name in ODD), tuple[Sighting, ...]()
        if _is_category(keys, facts):
            variants = told[Variants(facts.name)]
            if variants.count:
                said.insert(0, f"{variants.count:,} are another's variant in case, blanks or accents")
                count, examples = max(count, variants.count), variants.examples
        rule = f"at most {limit:g} % of values"
        return Finding(n, percent(count, n), limit, rule, "; ".join(said), examples)

    def examples(self, keys: SpellingKeys, facts: ColumnFacts, found: Finding) -> Question[Any] | None:
        return WrittenForm(facts.name, tuple(ODD))


def _is_category(keys: SpellingKeys, facts: ColumnFacts) -> bool:
    spread = facts.values
    return (
        facts.type == "string"
        and spread is not None
        and 1 < spread.distinct <= min(keys.categories_at_most, spread.n / 2)
    )


KIND = Spelling()
