"""Days of predictions whose labels have come: which are mature, and what each says of the model's performance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from modelway.data.labelled import DayArrivals, DayOutcomes
from modelway.distributions import Interval, area_interval, normal_quantile, wilson
from modelway.errors import InvalidInput

LiveMetric = Literal["accuracy_score", "roc_auc_score"]
METRICS: tuple[LiveMetric, ...] = ("accuracy_score", "roc_auc_score")
EPOCH = date(1970, 1, 1)
MOST_DAYS = 1000
"""That one monitoring looks at, and that are kept for it."""
ENOUGH = 0.95
"""Of a day's labels: it is mature before its time where so many have come."""
FEWEST_LABELS = 50
"""Of a day: with fewer it is not looked at."""

FEWEST_SHARE = 0.9
"""Of the labels that a usual day has when it is mature. A day with fewer is half ripe, and is not looked at: the labels that
are there are other ones than those that are not."""


def refuse_too_many(first: date, last: date, where: str) -> None:
    """InvalidInput where they are more than MOST_DAYS apart. where: their source."""
    if (last - first).days >= MOST_DAYS:
        raise InvalidInput(
            f"spans {(last - first).days + 1:,} days, from {first} to {last}",
            where=where,
            fix=f"name {MOST_DAYS} days at most, the history among them",
        )


@dataclass(frozen=True)
class LiveValue:
    """error: its standard error, of rows that are independent; n: rows that it is of."""

    value: float
    error: float
    interval: Interval
    n: int


@dataclass(frozen=True)
class LiveDay:
    """rows: predictions. labels: that had come when it was mature. mature: the first day at whose end all of this was known,
    and of all days before it."""

    day: date
    rows: int
    labels: int
    mature: date
    values: Mapping[LiveMetric, LiveValue] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of its labels."""
        return self.labels / self.rows


@dataclass(frozen=True)
class Ripening:
    """Days in their order. cutoffs: of each that is mature, the day at whose end it was; by day since 1970. mature: as in
    LiveDay. waiting: days that are not mature."""

    cutoffs: Mapping[int, int]
    mature: Mapping[int, int]
    waiting: tuple[int, ...]


def ripened(arrivals: Mapping[int, DayArrivals], last: int, mature_days: int, *, timed: bool) -> Ripening:
    """last: the last day that is over. A day is mature mature_days after it; or, where it is known when labels came (timed),
    as soon as ENOUGH of them have. A day waits for those before it, so that later data only add days to those that were
    looked at."""
    cutoffs: dict[int, int] = {}
    mature: dict[int, int] = {}
    latest, days = -math.inf, sorted(day for day in arrivals if day <= last)
    for day in days:
        ripe = day + mature_days
        if timed:
            ripe = min(ripe, _enough_on(arrivals[day], day))
        latest = max(latest, ripe)
        if latest > last:
            break
        cutoffs[day] = ripe if timed else max(last, ripe)
        mature[day] = int(latest)
    return Ripening(cutoffs, mature, tuple(day for day in days if day not in cutoffs))


def _enough_on(found: DayArrivals, day: int) -> int:
    """The day at whose end ENOUGH of the labels had come; beyond all days where they have not."""
    there, wanted = 0, math.ceil(ENOUGH * found.rows)
    for came, n in sorted(found.labels.items()):
        there += n
        if there >= wanted:
            return max(came, day)
    return 1 << 40


def live_days(
    arrivals: Mapping[int, DayArrivals],
    ripening: Ripening,
    outcomes: Mapping[int, DayOutcomes],
    metrics: tuple[LiveMetric, ...],
    confidence: float,
) -> list[LiveDay]:
    """Every mature day, in their order."""
    return [
        LiveDay(
            day=EPOCH + timedelta(days=day),
            rows=arrivals[day].rows,
            labels=outcomes[day].labels if day in outcomes else 0,
            mature=EPOCH + timedelta(days=mature),
            values=values_of(outcomes[day], metrics, confidence) if day in outcomes else {},
        )
        for day, mature in ripening.mature.items()
    ]


def ripe(days: Sequence[LiveDay]) -> list[LiveDay]:
    """Mature days whose labels are as many as usual, and enough."""
    shares = sorted(day.share for day in days if day.labels >= FEWEST_LABELS)
    usual = shares[len(shares) // 2] if shares else 1.0
    return [day for day in days if day.labels >= FEWEST_LABELS and day.share >= FEWEST_SHARE * usual]


def values_of(found: DayOutcomes, metrics: tuple[LiveMetric, ...], confidence: float) -> dict[LiveMetric, LiveValue]:
    values = {"accuracy_score": accuracy(found, confidence), "roc_auc_score": area(found, confidence)}
    return {name: value for name in metrics if (value := values[name]) is not None}


def accuracy(found: DayOutcomes, confidence: float) -> LiveValue | None:
    """With Wilson's interval."""
    if not found.labels:
        return None
    n, rate = found.labels, found.hits / found.labels
    interval = wilson(found.hits, n, normal_quantile(confidence))
    return LiveValue(rate, math.sqrt(rate * (1 - rate) / n), interval, n)


def area(found: DayOutcomes, confidence: float) -> LiveValue | None:
    """The area under the ROC curve with DeLong's interval, as the gate has it; None with fewer than two rows of a class.
    (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845: their variance of each class's components, here of whole
    numbers.)"""
    p, q = found.positives, found.negatives
    if p < 2 or q < 2:
        return None
    value = found.wins / (2 * p * q)
    of_positives = (p * found.wins_of_positives - found.wins**2) / (4 * q * q * p * p * (p - 1))
    of_negatives = (q * found.wins_of_negatives - found.wins**2) / (4 * p * p * q * q * (q - 1))
    error = math.sqrt(of_positives + of_negatives)
    return LiveValue(value, error, area_interval(value, error, p, q, confidence), p + q)
