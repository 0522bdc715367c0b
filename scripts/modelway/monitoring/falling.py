"""From mature days to what of a model's performance has fallen below its limit for good, told once.

As with the columns (modelway.monitoring.evidence): a wager a day against each metric, in one direction, summed as Shiryaev
and Roberts do, and an alarm where the mean over the metrics reaches the threshold. A day's labels are one wager and not one
each: a bad day is common to all of its rows, so that wagers on single labels would keep no promise
(benchmarks/performance_watching.py)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from modelway.config.monitor import LiveMetric
from modelway.errors import Inconclusive
from modelway.monitoring.baseline import FEWEST_DAYS, SLACK, bounded, correlation_of, innovation_of, wobble_of
from modelway.monitoring.evidence import BLAMED, DAYS_PER_YEAR, SIZES, wagered
from modelway.monitoring.lasting import BACK, RECENT, come_back, looks_in_a_row
from modelway.monitoring.live_days import ERRORS, FEWEST_LABELS, FEWEST_SHARE, LiveDay, LiveValue

FALL, RISE = 0.01, 0.05
"""Of a metric without a limit: so far below what is usual, of an error so large a part of it above, may it come."""
LEAST_DEVIATION = 1e-30
CAP = 30.0
"""Of what a day can win: no alarm before the second day."""


@dataclass(frozen=True)
class LiveUsual:
    """Of one metric on the days that tell what is usual. mean: by rows. sd: of days about their mean. slack: in standard
    deviations. innovation: the part of the variance that yesterday does not tell."""

    mean: float
    sd: float
    slack: float
    innovation: float


@dataclass(frozen=True)
class HeldLimit:
    """value: what the metric may not fall below, and an error not rise above. from_gate: the policy's limit; else so far from
    what is usual."""

    value: float
    from_gate: bool


@dataclass(frozen=True)
class LastingFall:
    """One metric of an alarm. share: of the evidence. before, now: its usual value, and that of the days since, RECENT at
    most. since: the first of the looks in a row that were below the limit."""

    metric: LiveMetric
    share: float
    before: float
    now: float
    since: date


@dataclass(frozen=True)
class FallAlarm:
    """day: of the predictions. mature: the day after which it could be told."""

    day: date
    mature: date
    falls: tuple[LastingFall, ...]


@dataclass(frozen=True)
class LimitsHeld:
    """usual: days that were learned from. looks: days that were looked at, and evidence of each, as a part of the threshold.
    half_ripe: mature days that lack labels; few: those with too few. open: metrics that fell and are not back, with the day of
    their alarm."""

    limits: Mapping[LiveMetric, HeldLimit]
    learned: Mapping[LiveMetric, LiveUsual]
    usual: tuple[date, ...]
    usual_share: float
    looks: tuple[LiveDay, ...]
    evidence: tuple[float, ...]
    half_ripe: tuple[date, ...]
    few: tuple[date, ...]
    alarms: tuple[FallAlarm, ...]
    open: Mapping[LiveMetric, date]
    back: tuple[tuple[date, LiveMetric], ...]
    threshold: float


def held(
    days: Sequence[LiveDay],
    first_look: date,
    metrics: Sequence[LiveMetric],
    gate_limits: Mapping[LiveMetric, float],
    fall: float | None,
    false_alarms_per_year: float,
) -> LimitsHeld:
    """days: mature ones, in their order. first_look: days before it tell what is usual. fall: how far below that a metric may
    come that has no limit of the gate, and as which part of it an error above; None: FALL and RISE. Inconclusive where too few
    days tell what is usual."""
    early = [day for day in days if day.day < first_look and day.labels >= FEWEST_LABELS]
    if len(early) < FEWEST_DAYS:
        raise Inconclusive(
            f"{len(early)} days with {FEWEST_LABELS} labels or more are not enough to learn what is usual",
            where="monitor.performance",
            fix=f"give {FEWEST_DAYS} labelled days before {first_look} at least, or wait for their labels",
        )
    known = {name: found for name in metrics if (found := learned([day.values.get(name) for day in early]))}
    unknown = next((name for name in metrics if name not in known), None)
    if unknown:
        raise Inconclusive(
            f"fewer than {FEWEST_DAYS} days of the history have labels that differ, which {unknown} needs",
            where="monitor.performance.metrics",
            fix="leave it out, or give a longer history",
        )
    limits = {
        name: HeldLimit(gate_limits[name], True)
        if name in gate_limits
        else HeldLimit(_fallen(name, usual.mean, fall), False)
        for name, usual in known.items()
    }
    shares = sorted(day.share for day in early)
    usual_share = shares[len(shares) // 2]
    run = _Run(limits, known, DAYS_PER_YEAR / false_alarms_per_year)
    few, half_ripe = [], []
    for day in days:
        if day.day < first_look:
            continue
        if day.share < FEWEST_SHARE * usual_share:
            half_ripe.append(day.day)
        elif day.labels < FEWEST_LABELS:
            few.append(day.day)
        else:
            run.look(day)
    return LimitsHeld(
        limits=limits,
        learned=known,
        usual=tuple(day.day for day in early),
        usual_share=usual_share,
        looks=tuple(run.looks),
        evidence=tuple(run.parts),
        half_ripe=tuple(half_ripe),
        few=tuple(few),
        alarms=tuple(run.alarms),
        open=run.open,
        back=tuple(run.back),
        threshold=run.threshold,
    )


def learned(days: Sequence[LiveValue | None]) -> LiveUsual | None:
    """None with fewer than FEWEST_DAYS values."""
    values = [day.value if day else None for day in days]
    there = [day for day in days if day]
    if len(there) < FEWEST_DAYS:
        return None
    middle = math.fsum(day.value for day in there) / len(there)
    squares = math.fsum((day.value - middle) ** 2 for day in there)
    rests = [None if value is None else value - middle for value in values]
    correlation = bounded(correlation_of(rests))
    return LiveUsual(
        mean=math.fsum(day.value * day.n for day in there) / sum(day.n for day in there),
        sd=math.sqrt(squares / (len(there) - 1)),
        slack=SLACK * wobble_of(correlation, len(there)),
        innovation=innovation_of(correlation),
    )


def _fallen(name: LiveMetric, usual: float, fall: float | None) -> float:
    if name in ERRORS:
        return usual * (1 + (RISE if fall is None else fall))
    return usual - (FALL if fall is None else fall)


@dataclass
class _Run:
    limits: Mapping[LiveMetric, HeldLimit]
    usual: Mapping[LiveMetric, LiveUsual]
    threshold: float
    looks: list[LiveDay] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    alarms: list[FallAlarm] = field(default_factory=list)
    open: dict[LiveMetric, date] = field(default_factory=dict)
    back: list[tuple[date, LiveMetric]] = field(default_factory=list)
    _below: list[dict[LiveMetric, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sums = self._nothing()

    def look(self, day: LiveDay) -> None:
        below = {name: self._far(name, value) for name, value in day.values.items() if name in self.limits}
        self.looks.append(day)
        self._below.append(below)
        for name, far in below.items():
            if name not in self.open:
                self.sums[name] = wagered(self.sums[name], (far,), self.usual[name].innovation, CAP)
        each = {name: math.fsum(sums) / len(sums) / len(self.sums) for name, sums in self.sums.items()}
        total = math.fsum(each.values())
        self.parts.append(total / self.threshold)
        self._close(day.day)
        if total >= self.threshold:
            named = [(name, part / total) for name, part in each.items() if part >= BLAMED * total]
            falls = tuple(self._fall(name, share) for name, share in sorted(named, key=lambda one: -one[1]))
            self.alarms.append(FallAlarm(day.day, day.mature, falls))
            self.open |= {fall.metric: day.day for fall in falls}
            self.sums = self._nothing()

    def _far(self, name: LiveMetric, day: LiveValue) -> float:
        """How far beyond the limit and its slack the day is, in standard deviations of a day: of usual ones, or of the day's
        own rows where that is more."""
        limit, usual = self.limits[name].value, self.usual[name]
        noise = math.sqrt(max(limit * (1 - limit), 0.0) / day.n) if name == "accuracy_score" else day.error
        beyond = day.value - limit if name in ERRORS else limit - day.value
        return beyond / max(usual.sd, noise, 1e-9 * abs(limit), LEAST_DEVIATION) - usual.slack

    def _close(self, today: date) -> None:
        if len(self.looks) > BACK:
            begin, looks = self.looks[-BACK].day, self._below[-BACK:]
            for name in come_back(self.open, begin, looks, lambda look, metric: look.get(metric, 0.0) <= 1):
                del self.open[name]
                self.back.append((today, name))

    def _fall(self, name: LiveMetric, share: float) -> LastingFall:
        row = looks_in_a_row(self._below, lambda look: look.get(name, 0.0) > 0)
        recent = [value for look in self.looks[-min(row, RECENT) :] if (value := look.values.get(name))]
        now = math.fsum(value.value * value.n for value in recent) / max(1, sum(value.n for value in recent))
        return LastingFall(name, share, self.usual[name].mean, now, self.looks[-row].day)

    def _nothing(self) -> dict[LiveMetric, list[float]]:
        return {name: [0.0] * len(SIZES) for name in self.limits}
