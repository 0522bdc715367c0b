"""Text in which numbers, times and words are mixed, or written in more than one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality.column_kind import ColumnKind
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys
from modelway.data.quality.outcomes import Finding, percent
from modelway.data.quality.queries import Answers, NarrowDigits, Question, WrittenForm

Percent = Annotated[float, Meta(ge=0, le=100)]
MOSTLY = 0.5
"""Where less than this share is numbers, times or truth values, a column is of words, among which some digits are nothing
odd."""

ALIKE: Mapping[str, tuple[str, ...]] = {
    "plain numbers": ("whole", "decimal"),
    "numbers with thousands separators": ("thousands",),
    "numbers with a decimal comma": ("decimal-comma",),
    "numbers with a unit": ("with-unit",),
    "truth values": ("truth",),
    "ISO dates and times": ("date", "timestamp"),
    "dates with slashes": ("slashed-date",),
    "dates such as 21.11.2026": ("dotted-date",),
    "digits with leading zeros": ("zero-led",),
    "infinite": ("infinite",),
    "words for a missing value": ("missing-word",),
    "blanks alone": ("blank",),
    "words": ("words",),
}
STRUCTURED = tuple(name for name in tuple(ALIKE)[:9] if name != "numbers with a unit")
"""9E may be a number with a unit, or a name."""


class MixedTextKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 0
    """Of the values: those that are written otherwise than most."""


class MixedText(ColumnKind[MixedTextKeys]):
    field, keys, order, title = "mixed", MixedTextKeys, 60, "mixed"
    about = "Text columns in which numbers, times and words are mixed, or written in more than one way."

    def judge(
        self, keys: MixedTextKeys, facts: ColumnFacts, case: QualityCase[MixedTextKeys], told: Answers
    ) -> Finding | None:
        limit = keys.at_most_percent
        if facts.texts is None and facts.is_number and (n := facts.rows - facts.missing):
            return Finding(n, percent(facts.other, n), limit, "all are finite numbers", "infinite" * (facts.other > 0))
        if facts.texts is None or facts.texts.n == 0:
            return None
        n = facts.texts.n
        counts = _counts(facts)
        if sum(counts.get(name, 0) for name in STRUCTURED) < MOSTLY * n:
            return Finding(n, 0, limit, "words")
        most, *others = sorted(counts, key=lambda name: (-counts[name], name))
        other = n - counts[most]
        rule = f"all are {most}"
        if narrow := _narrow(facts):
            width, fewer = narrow
            other += fewer
            others.insert(0, f"digits that lost a leading zero (most have {width})")
            counts[others[0]] = fewer
        said = ", ".join(f"{name} ({counts[name]:,})" for name in others)
        return Finding(n, percent(other, n), limit, rule, said)

    def examples(self, keys: MixedTextKeys, facts: ColumnFacts, found: Finding) -> Question[Any] | None:
        if facts.texts is None:
            return None
        counts = _counts(facts)
        most = max(counts, key=lambda name: (counts[name], name))
        others = tuple(shape for name in counts if name != most for shape in ALIKE[name])
        if others:
            return WrittenForm(facts.name, others)
        return NarrowDigits(facts.name, narrow[0]) if (narrow := _narrow(facts)) else None


def _counts(facts: ColumnFacts) -> dict[str, int]:
    assert facts.texts is not None
    shapes = facts.texts.shapes
    counts = {name: sum(shapes[shape] for shape in alike) for name, alike in ALIKE.items()}
    if shapes["zero-led"]:  # a code of digits: 02134 and 90210
        counts["digits with leading zeros"] += shapes["whole"]
        counts["plain numbers"] -= shapes["whole"]
    return {name: count for name, count in counts.items() if count}


def _narrow(facts: ColumnFacts) -> tuple[int, int] | None:
    """(the width of most codes, how many have fewer digits), of a column of digits of which some have leading zeros."""
    assert facts.texts is not None
    widths = facts.texts.widths
    if not facts.texts.shapes["zero-led"] or not widths:
        return None
    width = max(widths, key=lambda one: (widths[one], one))
    fewer = sum(count for one, count in widths.items() if one < width)
    return (width, fewer) if fewer and widths[width] >= 0.8 * sum(widths.values()) else None


KIND = MixedText()
