"""Weeks of predictions without labels, each with an estimate of the model's performance from the labelled weeks before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from modelway.data.labelled import BinCounts, DayArrivals, Deciding, LabelTable, together
from modelway.monitoring.estimated import BINS, ScoredWeek, WeekEstimate, estimated
from modelway.monitoring.live_days import EPOCH, OF_CLASSES, LiveDay, Ripening, ripe, values_of
from modelway.monitoring.performance import EstimatedValue, EstimatedWeek

WEEK = 7
MOST_WEEKS = 26
"""That the estimate is made from: the last ones."""
MOST_ESTIMATED = 8
FEWEST_DAYS = 4
"""Of a labelled week that have labels."""


def estimates(
    table: LabelTable,
    arrivals: Mapping[int, DayArrivals],
    ripening: Ripening,
    mature: Sequence[LiveDay],
    deciding: Deciding,
    confidence: float,
) -> tuple[EstimatedWeek, ...]:
    """Of the weeks that end with the last day and reach back to the last one that has its labels, the last one first; empty
    where predictions are no probabilities, or where every day has them. MOST_ESTIMATED at most."""
    usable = [(day.day - EPOCH).days for day in ripe(mature)]
    last, labelled = max(arrivals, default=0), max(usable, default=min(arrivals, default=0) - 1)
    if not deciding.scored or deciding.positive is None or last == labelled:
        return ()
    weeks = _weeks(usable)
    targets = [range(end - WEEK + 1, end + 1) for end in range(last, labelled, -WEEK)][:MOST_ESTIMATED]
    edges = table.edges(sorted(day for days in weeks.values() for day in days), BINS) if weeks else ()
    below = math.nextafter(
        deciding.threshold, -math.inf
    )  # an edge is in the bin below it, and the threshold is positive
    edges = tuple(sorted({*edges, below}))
    cutoffs: dict[int, int | None] = {day: None for target in targets for day in target if day in arrivals}
    cutoffs |= {day: ripening.cutoffs[day] for days in weeks.values() for day in days}
    counts = table.bins(cutoffs, edges, deciding.positive)
    known = [_labelled(table, days, ripening, counts, len(edges), deciding, confidence) for days in weeks.values()]
    upper = edges.index(below) + 1
    made = []
    for target in targets:
        week = ScoredWeek(_bins(target, counts, len(edges)), {})
        made.append(_record(target, week, estimated(week, known, upper, confidence), len(known)))
    return tuple(made)


def _weeks(usable: Sequence[int]) -> dict[int, list[int]]:
    """Whole weeks, the last one first, of the days that have labels."""
    if not usable:
        return {}
    last, whole = max(usable), (max(usable) - min(usable) + 1) // WEEK
    weeks: dict[int, list[int]] = {}
    for day in usable:
        weeks.setdefault((last - day) // WEEK, []).append(day)
    return {
        week: days for week, days in sorted(weeks.items()) if len(days) >= FEWEST_DAYS and week < min(whole, MOST_WEEKS)
    }


def _labelled(
    table: LabelTable,
    days: Sequence[int],
    ripening: Ripening,
    counts: Mapping[tuple[int, int], BinCounts],
    edges: int,
    deciding: Deciding,
    confidence: float,
) -> ScoredWeek:
    cutoffs = {day: ripening.cutoffs[day] for day in days}
    (found,) = table.outcomes(cutoffs, deciding, together=True).values()
    actual = {name: one.value for name, one in values_of(found, OF_CLASSES, confidence).items()}
    return ScoredWeek(_bins(days, counts, edges), actual)


def _bins(days: Sequence[int], counts: Mapping[tuple[int, int], BinCounts], edges: int) -> tuple[BinCounts, ...]:
    return tuple(together([counts[day, at] for day in days if (day, at) in counts]) for at in range(edges + 1))


def _record(days: range, week: ScoredWeek, found: WeekEstimate, weeks: int) -> EstimatedWeek:
    return EstimatedWeek(
        first=(EPOCH + timedelta(days=days[0])).isoformat(),
        last=(EPOCH + timedelta(days=days[-1])).isoformat(),
        predictions=week.rows,
        labelled_weeks=weeks,
        values={name: EstimatedValue(value, *interval) for name, (value, interval) in found.values.items()},
        likeness=found.like.area if found.like else None,
        effective_share=found.like.share if found.like else None,
        reason=found.reason,
    )
