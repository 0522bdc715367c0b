"""From the days of a model's data to what has changed for good, told once: a look a day, by the evidence of all columns; and
beside it, where hours are given, a look an hour, for what breaks at once.

The first days are learned from. Every later one is looked at once, in its order, so that the same days give the same alarms
however often they are watched. A column that an alarm named has no vote, by the day or by the hour, until it has been near its
margins for two weeks; for a day of hours, where an hour told it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from modelway.data.drift.sketch import DataSketch
from modelway.errors import Inconclusive
from modelway.monitoring.baseline import FEWEST_DAYS, Usual, UsualDays, learned
from modelway.monitoring.evidence import DAYS_PER_YEAR, Beyond, Evidence, Vote
from modelway.monitoring.lasting import BACK, RECENT, come_back, looks_in_a_row
from modelway.monitoring.scores import ColumnScores, DayScore, Score, day_of, scores_of
from modelway.monitoring.usual_hours import learned_hours

FEWEST_ROWS = 100
"""Of a day or an hour: with fewer it is not looked at."""
REMEMBERED = 1000
"""Looks back, which say since when a change lasts."""
HOURS = 24
HOURS_BACK = 24
"""Hours in a row near its margins, after which what an hour told is watched again."""
DAY_SIZES = (1.0, 3.0)
"""Of a change, for the looks by the day: what one of many columns shows must win more at each look than what stands alone."""
NEAR_HOUR = 2.0
"""Standard deviations of an hour beyond its margin that are its rows' noise: margins of hours have none of it."""


@dataclass(frozen=True)
class WatchedDay:
    """sketch: its rows in the reference's cells; None where there is none."""

    day: date
    sketch: DataSketch | None

    @property
    def enough(self) -> bool:
        return self.sketch is not None and self.sketch.rows >= FEWEST_ROWS


@dataclass(frozen=True)
class WatchedHour:
    """begin: in UTC. sketch: its rows in the reference's cells."""

    begin: datetime
    sketch: DataSketch


@dataclass(frozen=True)
class LastingChange:
    """One column of an alarm. score: what of it moved most. before, now: its usual value on these days, or of all hours, and
    what it was, in its own unit. since: the first of the looks in a row that were beyond the margin."""

    column: str
    share: float
    score: Score
    before: float
    now: float
    since: date


@dataclass(frozen=True)
class Alarm:
    """at: the day, or the beginning of the hour, whose look it was."""

    at: date
    changes: tuple[LastingChange, ...]


@dataclass(frozen=True)
class WatchedHours:
    """usual: how many hours were learned from, of so many days. first: the day from which on hours are looked at. looks: the
    hours that were, with the evidence of each. skipped: how many had too few rows. threshold: of the evidence."""

    usual: int
    usual_days: int
    first: date
    looks: tuple[tuple[date, float], ...]
    skipped: int
    threshold: float

    @property
    def too_few(self) -> bool:
        """To tell what is usual: none was looked at."""
        return self.usual_days < FEWEST_DAYS


@dataclass(frozen=True)
class Watched:
    """usual: days that were learned from. looks: days that were looked at. skipped: later ones with too few rows. evidence: of
    each day that was looked at, as a part of the threshold; 1 and above is an alarm. alarms: of days and hours. open: columns
    that changed, and are not back, with the look of their alarm. back: when which of them was so again. hours: None where none
    was given."""

    usual: tuple[date, ...]
    looks: tuple[date, ...]
    skipped: tuple[date, ...]
    evidence: tuple[float, ...]
    alarms: tuple[Alarm, ...]
    open: dict[str, date]
    back: tuple[tuple[date, str], ...]
    columns: int
    threshold: float
    hours: WatchedHours | None = None


def watch(
    reference: DataSketch,
    days: Sequence[WatchedDay],
    history_days: int,
    false_alarms_per_year: float = 1.0,
    hours: Sequence[WatchedHour] | None = None,
) -> Watched:
    """days: one after the other, without a gap. hours: those that there are, in their order; they share the budget with the
    days. Inconclusive where fewer than four weeks of the first have rows enough."""
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
    budget = false_alarms_per_year if hours is None else false_alarms_per_year / 2
    run = _Run(scores, usual, Evidence(scores, usual, len(columns), budget, sizes=DAY_SIZES))
    run.evidence.after(known.days[-1], known.weekdays[-1])
    by_hour = _ByHour(columns, scores, hours or (), days, history_days, budget)
    hourly = by_hour.run
    later = [(day, found) for day, found in zip(days, measured, strict=True)][history_days:]
    for day, found in later:
        by_hour.until(day.day + timedelta(days=1), run.open)
        if found is None:
            run.evidence.after(None)
        else:
            run.look(day.day, found, hourly.open)
    by_hour.until(date.max, run.open)
    return Watched(
        usual=tuple(learning),
        looks=tuple(run.looks),
        skipped=tuple(day.day for day, found in later if found is None),
        evidence=tuple(run.parts),
        alarms=tuple(sorted((*run.alarms, *hourly.alarms), key=lambda alarm: alarm.at.isoformat())),
        open={**hourly.open, **run.open},
        back=tuple(sorted((*run.back, *hourly.back), key=lambda back: back[0].isoformat())),
        columns=len(columns),
        threshold=run.evidence.threshold,
        hours=by_hour.watched if hours is not None else None,
    )


@dataclass
class _Run:
    """off: beyond the margin by more, a look is part of a lasting change. near: and by so much, it is as before."""

    scores: Sequence[Score]
    usual: Sequence[Usual]
    evidence: Evidence
    back_after: int = BACK
    off: float = 0.0
    near: float = 1.0
    looks: list[date] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    open: dict[str, date] = field(default_factory=dict)
    back: list[tuple[date, str]] = field(default_factory=list)
    _seen: list[Sequence[DayScore]] = field(default_factory=list)
    _beyond: list[Sequence[Beyond | None]] = field(default_factory=list)

    def look(self, at: date, measured: Sequence[DayScore], silent: Collection[str] = ()) -> None:
        """silent: columns that have no vote beside those that are open."""
        votes = self.evidence.look(measured, at.weekday(), {*self.open, *silent})
        self.looks.append(at)
        self.parts.append(self.evidence.total / self.evidence.threshold)
        self._seen.append(measured)
        self._beyond.append(self.evidence.beyond)
        del self._seen[:-REMEMBERED], self._beyond[:-REMEMBERED]
        self._close(at)
        if votes:
            self.alarms.append(Alarm(at, tuple(self._change(vote) for vote in votes)))
            self.open |= dict.fromkeys((vote.column for vote in votes), at)

    def _close(self, at: date) -> None:
        """Of the open columns, those that were as before since the alarm for long enough."""
        if len(self.looks) > (after := self.back_after):
            for column in come_back(self.open, self.looks[-after], self._beyond[-after:], self._is_within):
                del self.open[column]
                self.back.append((at, column))

    def _is_within(self, look: Sequence[Beyond | None], column: str) -> bool:
        own = (far for score, far in zip(self.scores, look, strict=True) if score.column == column)
        return all(far is None or max(far) <= self.near for far in own)

    def _is_off(self, far: Beyond | None) -> bool:
        return far is not None and max(far) > self.off

    def _change(self, vote: Vote) -> LastingChange:
        number = self.scores.index(vote.score)
        row = looks_in_a_row(self._beyond, lambda look: self._is_off(look[number]))
        recent = [-back for back in range(min(row, RECENT), 0, -1)]
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


class _ByHour:
    """Hours from when enough is known of them."""

    def __init__(
        self,
        columns: Sequence[ColumnScores],
        scores: Sequence[Score],
        hours: Sequence[WatchedHour],
        days: Sequence[WatchedDay],
        history_days: int,
        budget: float,
    ) -> None:
        first = days[history_days].day if history_days < len(days) else date.max
        if hours:
            first = max(first, hours[0].begin.date() + timedelta(days=history_days))
        self.columns = columns
        usual = [hour for hour in hours if hour.begin.date() < first and hour.sketch.rows >= FEWEST_ROWS]
        known = learned_hours(scores, list(_one_by_one(columns, usual)))
        evidence = Evidence(scores, known, len(columns), budget, HOURS * DAYS_PER_YEAR)
        self.run = _Run(scores, known, evidence, HOURS_BACK, NEAR_HOUR, NEAR_HOUR)
        self.usual, self.usual_days = len(usual), len({hour.begin.date() for hour in usual})
        self.first, self.skipped = first, 0
        self.left = [hour for hour in reversed(hours) if hour.begin.date() >= first]
        if self.usual_days < FEWEST_DAYS:
            self.left = []

    def until(self, end: date, silent: Collection[str]) -> None:
        """Look at the hours that begin before this day."""
        while self.left and self.left[-1].begin.date() < end:
            hour = self.left.pop()
            if hour.sketch.rows < FEWEST_ROWS:
                self.skipped += 1
            else:
                self.run.look(hour.begin, day_of(self.columns, hour.sketch), silent)

    @property
    def watched(self) -> WatchedHours:
        looks = tuple(zip(self.run.looks, self.run.parts, strict=True))
        return WatchedHours(self.usual, self.usual_days, self.first, looks, self.skipped, self.run.evidence.threshold)


def _one_by_one(columns: Sequence[ColumnScores], hours: Sequence[WatchedHour]) -> Iterator[Sequence[DayScore] | None]:
    """Every hour from the first to the last: None where there is none."""
    for number, hour in enumerate(hours):
        if number and hour.begin - hours[number - 1].begin > timedelta(hours=1):
            yield None
        yield day_of(columns, hour.sketch)


def _unit(score: Score, value: float) -> float:
    """A share of the rows for what is an angle; else standard deviations, and half of a square above 1."""
    return value if score.of in ("level", "spread") else math.sin(min(max(value, 0.0), math.pi) / 2) ** 2
