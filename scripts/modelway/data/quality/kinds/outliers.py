"""Numbers far beyond where a column's own tails end: errors of unit, 9999 for missing."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from msgspec import Meta

from modelway.data.quality import tails
from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys, TableKind
from modelway.data.quality.outcomes import Finding, judged, percent
from modelway.data.quality.queries import Answers, CountedRows, Distribution, Question, Spread, Value
from modelway.data.queries import Outside
from modelway.data.report import QualityCheck

Percent = Annotated[float, Meta(ge=0, le=100)]
MODE_SHARE = 0.25
"""A value that more have than this, such as the 0 of a column that is 0 most of the time, says nothing of the tails."""
RARE = 0.05
"""What stands far apart is an outlier where so few values do, or where it is written in nines."""
NEARLY_NONE = 0.002


class OutlierKeys(QualityKeys, frozen=True):
    at_most_percent: Percent = 0
    """Of the values: those beyond the fences."""


@dataclass(frozen=True)
class _Body:
    """A column without what stands far apart and without its mode. spread: None where it has to be asked for."""

    low: float
    high: float
    mode: Value | None
    n: int
    spread: Distribution | None
    question: Spread
    apart: tuple[bool, bool]
    """Whether something stands far apart below, and above."""


class Outliers(TableKind[OutlierKeys]):
    field, keys, order = "outliers", OutlierKeys, 40
    about = "Numbers far beyond where the column's own tails end, however skewed it is."

    def checks(
        self, case: QualityCase[OutlierKeys]
    ) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        bodies = {
            name: body
            for name in case.columns
            if (body := _body(case.table.columns[name])) is not None and (name != case.label or not case.classes)
        }
        told = yield [body.question for body in bodies.values() if body.spread is None]
        fences = {}
        for name, body in bodies.items():
            spread = body.spread or told[body.question]
            fences[name] = _fences(body, spread)
        outside = {
            name: CountedRows(Outside(name, case.table.columns[name].type or "number", found.low, found.high))
            for name, found in fences.items()
        }
        counted = yield list(outside.values())
        checks = []
        for name, question in outside.items():
            keys, seen, found = case.columns[name], counted[question], fences[name]
            rule = f"between {_in_words(found.low)} and {_in_words(found.high)}"
            rule = "within the column's own tails" if name in case.masked else rule
            limit = keys.at_most_percent
            made = Finding(
                seen.n,
                percent(seen.count, seen.n),
                limit,
                rule,
                f"{seen.count:,} of {seen.n:,} values" * (seen.count > 0),
                seen.examples,
            )
            checks.append(judged(self, keys, f"{name} outliers", made, name))
        return checks


def _body(facts: ColumnFacts) -> _Body | None:
    """None of a column that is no number, or has two different values at most."""
    spread = facts.values
    if spread is None or not facts.is_number or spread.distinct < 3:
        return None
    ends, n = (_numbers(spread.low), _numbers(spread.high)), spread.n
    lows, highs = _cut(ends[0], ends[1][0][0], n), _cut(ends[1], ends[0][0][0], n)
    lows = max(lows, _cut(ends[0], ends[1][highs][0], n))  # -999 and 9999 hide each other
    highs = max(highs, _cut(ends[1], ends[0][lows][0], n))
    low, high = ends[0][lows][0], ends[1][highs][0]
    gone = sum(count for _, count in (*spread.low[:lows], *spread.high[:highs]))
    mode, times = next((one for one in spread.top if low <= float(one[0]) <= high), (None, 0))
    if mode is not None and times <= MODE_SHARE * (spread.n - gone):
        mode, times = None, 0
    n = spread.n - gone - times
    without = () if mode is None else (mode,)
    question = Spread(facts.name, facts.type or "number", n, without, None, high if highs else None)
    if lows:
        question = replace(question, above=spread.low[lows - 1][0])
    known = spread if mode is None and gone <= NEARLY_NONE * spread.n else None
    if n < tails.LEAST_VALUES:
        known = Distribution(n, 0)
    return _Body(low, high, mode, n, known, question, (lows > 0, highs > 0))


def _numbers(ends: Sequence[tuple[Value, int]]) -> list[tuple[float, int]]:
    return [(float(value), count) for value, count in ends]


def _cut(ends: tails.Ends, other_end: float, n: int) -> int:
    """How many of the outermost different values stand far apart, and are few, or written in nines."""
    cut = tails.far_apart(ends, other_end)
    gone = ends[:cut]
    few = sum(count for _, count in gone) <= RARE * n
    return cut if few or all(set(f"{abs(value):g}") == {"9"} for value, _ in gone) else 0


def _fences(body: _Body, spread: Distribution) -> tails.Fences:
    """Around the mode too, and no further in than what stands far apart."""
    lows, highs = ([end] if apart else [] for end, apart in zip((body.low, body.high), body.apart, strict=True))
    if spread.distinct >= tails.LEAST_DISTINCT and spread.quantiles:
        at = {p: float(value) for p, value in spread.quantiles.items()}
        shares = (tails.QUARTER, tails.SIXTEENTH, tails.HUNDREDTH)
        above = tails.fence({p: at[1 - p] - at[0.5] for p in shares}, body.n)
        below = tails.fence({p: at[0.5] - at[p] for p in shares}, body.n)
        highs += [] if above is None else [at[0.5] + above]
        lows += [] if below is None else [at[0.5] - below]
    low, high = max(lows, default=None), min(highs, default=None)
    if body.mode is not None:
        low = None if low is None else min(low, float(body.mode))
        high = None if high is None else max(high, float(body.mode))
    if low is None and high is None:  # nothing is far apart, and there are too few values to tell more
        low, high = body.low, body.high
    return tails.Fences(low, high)


def _in_words(limit: float | None) -> str:
    return "any" if limit is None else f"{limit:.6g}"


KIND = Outliers()
