"""From the days of a model's data to what has changed for good, told once: a look a day, by the evidence of all columns.

The first days are learned from. Every later one is looked at once, in its order, so that the same days give the same alarms
however often they are watched. A column that an alarm named has no vote until it has been near its margins for two weeks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from modelway.data.drift.sketch import DataSketch
from modelway.errors import Inconclusive
from modelway.monitoring.baseline import FEWEST_DAYS, Usual, UsualDays, learned
from modelway.monitoring.evidence import Beyond, Evidence, Vote
from modelway.monitoring.lasting import BACK, RECENT, come_back, looks_in_a_row
from modelway.monitoring.scores import DayScore, Score, day_of, scores_of

FEWEST_ROWS = 100
"""Of a day: with fewer it is not looked at."""


@dataclass(frozen=True)
class WatchedDay:
    """sketch: its rows in the reference's cells; None where there is none."""

    day: date
    sketch: DataSketch | None

    @property
    def enough(self) -> bool:
        return self.sketch is not None and self.sketch.rows >= FEWEST_ROWS


@dataclass(frozen=True)
class LastingChange:
    """One column of an alarm. score: what of it moved most. before, now: its usual value on these days, and what it was, in
    its own unit. since: the first of the looks in a row that were beyond the margin."""

    column: str
    share: float
    score: Score
    before: float
    now: float
    since: date


@dataclass(frozen=True)
class Alarm:
    day: date
    changes: tuple[LastingChange, ...]


@dataclass(frozen=True)
class Watched:
    """usual: days that were learned from. looks: days that were looked at. skipped: later ones with too few rows. evidence: of
    each day that was looked at, as a part of the threshold; 1 and above is an alarm. open: columns that changed, and are not
    back, with the day of their alarm. back: when which of them was so again."""

    usual: tuple[date, ...]
    looks: tuple[date, ...]
    skipped: tuple[date, ...]
    evidence: tuple[float, ...]
    alarms: tuple[Alarm, ...]
    open: dict[str, date]
    back: tuple[tuple[date, str], ...]
    columns: int
    threshold: float


def watch(
    reference: DataSketch, days: Sequence[WatchedDay], history_days: int, false_alarms_per_year: float = 1.0
) -> Watched:
    """days: one after the other, without a gap. Inconclusive where fewer than four weeks of the first have rows enough."""
    columns = scores_of(reference)
    scores = [score for column in columns for score in column.scores]
    measured = [day_of(columns, day.sketch) if day.enough and day.sketch else None for day in days]
    known = UsualDays([day.day.weekday() for day in days[:history_days]], measured[:history_days])
    learning = [day.day for day in days[:history_days] if day.enough]
    if len(learning) < FEWEST_DAYS:
        raise Inconclusive(
            f"{len(learning)} days with {FEWEST_ROWS} rows or more are not enough to learn what is usual",
            where="monitor.data",
            fix=f"give {FEWEST_DAYS} days at least; eight weeks tell weekdays apart",
        )
    usual = learned(scores, known, len(columns))
    evidence = Evidence(scores, usual, len(columns), false_alarms_per_year)
    run = _Run(scores, usual, evidence)
    later = [(day, found) for day, found in zip(days, measured, strict=True)][history_days:]
    for day, found in later:
        if found is not None:
            run.look(day.day, found)
    return Watched(
        usual=tuple(learning),
        looks=tuple(run.looks),
        skipped=tuple(day.day for day, found in later if found is None),
        evidence=tuple(run.parts),
        alarms=tuple(run.alarms),
        open=run.open,
        back=tuple(run.back),
        columns=len(columns),
        threshold=evidence.threshold,
    )


@dataclass
class _Run:
    scores: Sequence[Score]
    usual: Sequence[Usual]
    evidence: Evidence
    looks: list[date] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    open: dict[str, date] = field(default_factory=dict)
    back: list[tuple[date, str]] = field(default_factory=list)
    _seen: list[Sequence[DayScore]] = field(default_factory=list)
    _beyond: list[Sequence[Beyond | None]] = field(default_factory=list)

    def look(self, day: date, measured: Sequence[DayScore]) -> None:
        votes = self.evidence.look(measured, day.weekday(), self.open)
        self.looks.append(day)
        self.parts.append(self.evidence.total / self.evidence.threshold)
        self._seen.append(measured)
        self._beyond.append(self.evidence.beyond)
        self._close(day)
        if votes:
            self.alarms.append(Alarm(day, tuple(self._change(vote) for vote in votes)))
            self.open |= dict.fromkeys((vote.column for vote in votes), day)

    def _close(self, day: date) -> None:
        """Of the open columns, those that were as before since the alarm for long enough."""
        if len(self.looks) > BACK:
            for column in come_back(self.open, self.looks[-BACK], self._beyond[-BACK:], self._is_within):
                del self.open[column]
                self.back.append((day, column))

    def _is_within(self, look: Sequence[Beyond | None], column: str) -> bool:
        own = (far for score, far in zip(self.scores, look, strict=True) if score.column == column)
        return all(far is None or max(far) <= 1 for far in own)

    def _change(self, vote: Vote) -> LastingChange:
        number = self.scores.index(vote.score)
        row = looks_in_a_row(self._beyond, lambda look: _is_beyond(look[number]))
        recent = range(len(self.looks) - min(row, RECENT), len(self.looks))
        there = [at for at in recent if self._seen[at][number].value is not None]
        before = [self.usual[number].weekdays[self.looks[at].weekday()] for at in there]
        now = [self._seen[at][number].value or 0.0 for at in there]
        return LastingChange(
            column=vote.column,
            share=vote.share,
            score=vote.score,
            before=_unit(vote.score, math.fsum(before) / max(1, len(before))),
            now=_unit(vote.score, math.fsum(now) / max(1, len(now))),
            since=self.looks[-row],
        )


def _is_beyond(far: Beyond | None) -> bool:
    return far is not None and max(far) > 0


def _unit(score: Score, value: float) -> float:
    """A share of the rows for what is an angle; else standard deviations, and half of a square above 1."""
    return value if score.of in ("level", "spread") else math.sin(min(max(value, 0.0), math.pi) / 2) ** 2
