"""Days of predictions whose labels have come: which are mature, and what each says of the model's performance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from modelway.config.monitor import LiveMetric
from modelway.data.labelled import DayArrivals, DayErrors, DayOutcomes
from modelway.distributions import Interval, area_interval, normal_quantile, wilson
from modelway.errors import InvalidInput

OF_CLASSES: tuple[LiveMetric, ...] = ("accuracy_score", "roc_auc_score")
OF_NUMBERS: tuple[LiveMetric, ...] = ("mean_absolute_error", "root_mean_squared_error", "r2_score")
ERRORS: frozenset[LiveMetric] = frozenset({"mean_absolute_error", "root_mean_squared_error"})
"""The smaller the better."""
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
    outcomes: Mapping[int, DayOutcomes] | Mapping[int, DayErrors],
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


def values_of(
    found: DayOutcomes | DayErrors, metrics: tuple[LiveMetric, ...], confidence: float
) -> dict[LiveMetric, LiveValue]:
    values: dict[LiveMetric, LiveValue | None]
    if isinstance(found, DayErrors):
        values = dict(zip(OF_NUMBERS, of_errors(found, confidence), strict=True))
    else:
        values = {"accuracy_score": accuracy(found, confidence), "roc_auc_score": area(found, confidence)}
    return {name: value for name in metrics if (value := values[name]) is not None}


def of_errors(found: DayErrors, confidence: float) -> tuple[LiveValue | None, LiveValue | None, LiveValue | None]:
    """The mean absolute error, the root of the mean squared one, and R², each with the interval of its rows' influences; None
    with fewer than two rows, and R² where the labels are all the same."""
    n, z = found.labels, normal_quantile(confidence)
    if n < 2:
        return None, None, None
    size, square, fourth = found.sizes / n, found.squares / n, found.fourths / n
    of_size, of_square = (math.sqrt(max(0.0, part) / (n - 1)) for part in (square - size**2, fourth - square**2))
    root = math.sqrt(square)
    ends = tuple(math.sqrt(max(0.0, square + sign * z * of_square)) for sign in (-1, 1))
    return (
        LiveValue(size, of_size, (max(0.0, size - z * of_size), size + z * of_size), n),
        LiveValue(root, of_square / (2 * root) if root else 0.0, (ends[0], ends[1]), n),
        _explained(found, z),
    )


def _explained(found: DayErrors, z: float) -> LiveValue | None:
    """R² = 1 - A/B of the mean squares A of errors and B of labels about their mean; a row's influence on it is
    A/B² (c² - B) - (e² - A)/B."""
    n = found.labels
    a, b = found.squares / n, found.spread / n
    if b <= 0:
        return None
    of_errors, of_labels = found.fourths / n - a**2, found.spread_fourths / n - b**2
    variance = of_errors / b**2 - 2 * a / b**3 * (found.mixed / n - a * b) + (a / b**2) ** 2 * of_labels
    value, error = 1 - a / b, math.sqrt(max(0.0, variance) / (n - 1))
    return LiveValue(value, error, (value - z * error, min(1.0, value + z * error)), n)


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
