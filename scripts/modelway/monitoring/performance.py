"""What monitor-model says of a model's performance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec
from msgspec import UNSET

from modelway.config.monitor import LiveMetric
from modelway.config.sections import Gate
from modelway.data.labelled import DayArrivals, JoinedRows
from modelway.monitoring.falling import FallAlarm, LimitsHeld
from modelway.monitoring.lasting import RECENT
from modelway.monitoring.live_days import ERRORS, FEWEST_LABELS, OF_CLASSES, OF_NUMBERS, LiveDay

PerformanceOutcome = Literal["alarm", "fallen", "held", "inconclusive"]
DayState = Literal["usual", "looked at", "half ripe", "few labels", "waiting"]


class MeasuredValue(msgspec.Struct, frozen=True):
    """low, high: at the gate's confidence."""

    n: int
    value: float
    low: float
    high: float


class PerformanceDay(msgspec.Struct, frozen=True, kw_only=True):
    """labels: that had come when the day was mature; of one that waits, so far. mature: the day after which it could be
    looked at. evidence: of the threshold, of a day that was looked at."""

    day: str
    predictions: int
    labels: int
    state: DayState
    mature: str | None = None
    evidence: float | None = None
    values: Mapping[str, MeasuredValue] = {}


class MetricLimit(msgspec.Struct, frozen=True, kw_only=True):
    """One of at_least and at_most is set. usual: by the rows of the history."""

    at_least: float | None = None
    at_most: float | None = None
    from_gate: bool
    usual: float

    @property
    def value(self) -> float:
        return self.at_most if self.at_least is None else self.at_least  # type: ignore[return-value]

    @property
    def beyond(self) -> Literal["below", "above"]:
        """On which side of it values are worse."""
        return "above" if self.at_least is None else "below"

    def kept(self, value: float) -> bool:
        """False of NaN, as `broken` is."""
        return value <= self.value if self.at_least is None else value >= self.value

    def broken(self, value: float) -> bool:
        return value > self.value if self.at_least is None else value < self.value


class MetricFall(msgspec.Struct, frozen=True):
    """before: what was usual; now: on the days since, RECENT at most."""

    metric: str
    before: float
    now: float
    limit: float
    since: str
    share_of_evidence: float


class PerformanceAlarm(msgspec.Struct, frozen=True):
    """day: of the last predictions that tell it. told: the day after which their labels were mature."""

    day: str
    told: str
    falls: tuple[MetricFall, ...]


class LabelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """See modelway.data.labelled.JoinedRows."""

    source: str
    digest: str
    labels: int
    again: int
    unknown: int
    repeated_predictions: int
    without_id: int
    without_time: int
    without_prediction: int


class EstimatedValue(msgspec.Struct, frozen=True):
    """low, high: at the gate's confidence."""

    value: float
    low: float
    high: float


class EstimatedWeek(msgspec.Struct, frozen=True, kw_only=True):
    """Days whose labels have not come, with some before them to fill a week. labelled_weeks: that the estimate is made from.
    values: empty where it is inconclusive, which `reason` says. likeness: the area under the ROC curve of telling the week
    from the labelled ones by its scores; 0.5 is alike. effective_share: of the labelled rows, weighted to the week's
    scores."""

    first: str
    last: str
    predictions: int
    labelled_weeks: int
    values: Mapping[str, EstimatedValue]
    likeness: float | None
    effective_share: float | None
    reason: str


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """outcome: alarm, where there is a new one; inconclusive, where too little is known, which `reason` says; fallen, where a
    metric that an alarm named is not back; else held."""

    outcome: PerformanceOutcome
    reason: str
    prediction: str
    label: str
    mature_days: int
    counts: LabelCounts
    limits: Mapping[str, MetricLimit]
    usual_share_labelled: float | None
    days: tuple[PerformanceDay, ...]
    alarms: tuple[PerformanceAlarm, ...]
    open: Mapping[str, str]
    back: tuple[tuple[str, str], ...]
    since: str
    never_predicted: tuple[str, ...] = ()
    estimates: tuple[EstimatedWeek, ...] = ()

    @property
    def new(self) -> tuple[PerformanceAlarm, ...]:
        """Alarms that could be told from `since` on."""
        return tuple(alarm for alarm in self.alarms if alarm.told >= self.since)


def label_counts(joined: JoinedRows, source: str, digest: str) -> LabelCounts:
    return LabelCounts(
        source=source,
        digest=digest,
        labels=joined.labels,
        again=joined.again,
        unknown=joined.unknown,
        repeated_predictions=joined.repeated,
        without_id=joined.without_id,
        without_time=joined.without_time,
        without_prediction=joined.without_prediction,
    )


def stopped(found: LimitsHeld, mature: Sequence[LiveDay], first_look: date) -> str:
    """Why nothing, or nothing of late, was looked at; empty where it was."""
    later = [day.day for day in mature if day.day >= first_look]
    last = found.looks[-1].day if found.looks else None
    unseen = [day for day in later if last is None or day > last]
    if not later:
        return f"no day from {first_look} on has its labels yet"
    if last is None or len(unseen) >= RECENT:
        enough = f"{FEWEST_LABELS} at least, and 90 % of the usual share, {100 * found.usual_share:.3g} %"
        return f"the labels of {len(unseen)} days from {unseen[0]} on are too few ({enough})"
    return ""


def day_records(
    arrivals: Mapping[date, DayArrivals], mature: Sequence[LiveDay], found: LimitsHeld | None, first_look: date
) -> tuple[PerformanceDay, ...]:
    """Of every day that has predictions, in their order."""
    known = {day.day: day for day in mature}
    looks = {look.day: part for look, part in zip(found.looks, found.evidence, strict=True)} if found else {}
    return tuple(_record(day, one, known.get(day), found, looks, first_look) for day, one in sorted(arrivals.items()))


def _record(
    day: date,
    arrived: DayArrivals,
    live: LiveDay | None,
    found: LimitsHeld | None,
    looks: Mapping[date, float],
    first_look: date,
) -> PerformanceDay:
    if live is None:
        return PerformanceDay(
            day=day.isoformat(), predictions=arrived.rows, labels=sum(arrived.labels.values()), state="waiting"
        )
    state: DayState = "looked at" if day in looks else "usual"
    if live.labels < FEWEST_LABELS:
        state = "few labels"
    if found and day in found.half_ripe:
        state = "half ripe"
    return PerformanceDay(
        day=day.isoformat(),
        predictions=live.rows,
        labels=live.labels,
        state=state,
        mature=live.mature.isoformat(),
        evidence=looks.get(day),
        values={name: MeasuredValue(one.n, one.value, *one.interval) for name, one in live.values.items()},
    )


def limit_records(found: LimitsHeld) -> dict[str, MetricLimit]:
    return {
        name: MetricLimit(
            at_least=None if name in ERRORS else limit.value,
            at_most=limit.value if name in ERRORS else None,
            from_gate=limit.from_gate,
            usual=found.learned[name].mean,
        )
        for name, limit in found.limits.items()
    }


def alarm_record(alarm: FallAlarm, limits: Mapping[str, MetricLimit]) -> PerformanceAlarm:
    return PerformanceAlarm(
        alarm.day.isoformat(),
        alarm.mature.isoformat(),
        tuple(
            MetricFall(one.metric, one.before, one.now, limits[one.metric].value, one.since.isoformat(), one.share)
            for one in alarm.falls
        ),
    )


def gate_limits(gate: Gate) -> dict[LiveMetric, float]:
    """What the gate's policy says of metrics that can be watched: of an error at most, of others at least."""
    limits = getattr(gate, "limits", UNSET)
    found = dict[LiveMetric, float]()
    for name in OF_NUMBERS if gate.task == "regression" else OF_CLASSES:
        limit = limits.get(name) if limits is not UNSET else None
        value = None if limit is None else limit.at_most if name in ERRORS else limit.at_least
        if value is not None:
            found[name] = value
    return found


def watched_metrics(
    asked: Sequence[LiveMetric], limits: Mapping[LiveMetric, float], task: str, scored: bool
) -> tuple[LiveMetric, ...]:
    """What is watched: what was asked for, else what the gate has a limit for, else accuracy, or the mean absolute error."""
    usual: LiveMetric = "mean_absolute_error" if task == "regression" else "accuracy_score"
    chosen = asked or [name for name in limits if scored or name != "roc_auc_score"] or [usual]
    return tuple(dict.fromkeys(chosen))
