"""Whether a fall of performance speaks against the version that serves, and for the one before it: the evidence without which
nothing is rolled back.

A fall alone does not: where the world has changed, the version before is no better, and has not been asked since. So it takes
all of these, by labels, never by an estimate: a metric beyond a limit of the gate; on days that the version which serves now
has served whole; from its first days on, not after weeks on which it held the limit; and days of the version before on which
the same metric held the limit, and was better by more than days differ from each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import fmean, variance
from typing import Literal

import msgspec

from modelway.distributions import t_quantile
from modelway.monitoring.performance import MetricFall, PerformanceDay, PerformanceReport
from modelway.registry.ledger_history import Recorded

FEWEST_DAYS_BEFORE = 7
"""Of the version before: with fewer nobody knows how good it was."""
MOST_DAYS_BEFORE = 56
DAYS_HELD = 7
"""Days on which a version held the limit: what comes after them did not come with it."""
CONFIDENCE = 0.95


class ServedDays(msgspec.Struct, frozen=True, kw_only=True):
    """One metric on days that a version has served. value: by labels, over all of them."""

    version: int
    first: str
    last: str
    days: int
    labels: int
    value: float


class RollbackEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """serving: the days of the fall, of the version that serves; before: days of the version before. better_by: how much
    better the metric was on these, at least (the lower end of Welch's interval of the difference, at CONFIDENCE). beyond: the
    side of the limit on which the metric is."""

    metric: str
    limit: float
    beyond: Literal["below", "above"] = "below"
    serving: ServedDays
    before: ServedDays
    better_by: float

    @property
    def sentence(self) -> str:
        now, was = self.serving, self.before
        fell = f"{self.metric} of version {now.version} is {now.value:.4g} from {now.first} to {now.last}"
        better = f"that of version {was.version} was {was.value:.4g} from {was.first} to {was.last}"
        return (
            f"{fell} ({now.labels:,} labels), {self.beyond} the limit {self.limit:.4g}; {better} ({was.labels:,} labels),"
            f" {'higher' if self.beyond == 'below' else 'lower'} by {self.better_by:.2g} at least"
        )


@dataclass(frozen=True)
class Tenure:
    """A time for which a version was in an environment. ended: None where it still is. by_rollback: how it came."""

    version: int | None
    began: datetime
    ended: datetime | None
    by_rollback: bool

    def served(self, day: date) -> bool:
        """The whole day, in UTC."""
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self.began <= begins and (self.ended is None or self.ended >= begins + timedelta(days=1))


def tenures_of(chain: Sequence[Recorded]) -> tuple[Tenure, ...]:
    """Oldest first. chain: the ledger's entries of one environment. A version that is there already does not come again."""
    found: list[Tenure] = []
    for row in chain:
        entry, when = row.entry, datetime.fromisoformat(row.entry.when)
        if found and found[-1].version == entry.there:
            continue
        if found:
            last = found.pop()
            found.append(Tenure(last.version, last.began, max(when, last.began), last.by_rollback))
        found.append(Tenure(entry.there, when, None, entry.action == "rollback"))
    return tuple(found)


def rollback_evidence(live: PerformanceReport | None, tenures: Sequence[Tenure]) -> RollbackEvidence | str:
    """The evidence, or in one line why there is none."""
    if live is None:
        return "the performance is not watched"
    if not live.open:
        return "no metric is beyond its limit"
    if not tenures or tenures[-1].version is None:
        return "nothing is in the environment by the ledger"
    now = tenures[-1]
    if now.by_rollback:
        return f"version {now.version} is there by a rollback, and what was there before it was given up"
    before = next((one for one in reversed(tenures[:-1]) if one.version not in (None, now.version)), None)
    if before is None:
        return f"version {now.version} is the first in the environment: there is none to go back to"
    why = ""
    for alarm in live.alarms:
        for fall in alarm.falls:
            if live.open.get(fall.metric) != alarm.day:
                continue
            found = _of_fall(live, fall, date.fromisoformat(alarm.day), now, before)
            if isinstance(found, RollbackEvidence):
                return found
            why = why or found
    return why or "no metric is beyond its limit"


def _of_fall(
    live: PerformanceReport, fall: MetricFall, told_of: date, now: Tenure, before: Tenure
) -> RollbackEvidence | str:
    metric, since = fall.metric, date.fromisoformat(fall.since)
    limit = live.limits.get(metric)
    if limit is None or not limit.from_gate:
        return f"{metric} is worse than usual, and the gate has no limit of it"
    if since < now.began.date():
        return f"{metric} fell on {since}, before version {now.version} came on {now.began.date()}"
    own = [day for day in _measured(live.days, metric) if now.served(_day(day))]
    fallen = [day for day in own if _day(day) >= since]
    if told_of not in map(_day, fallen):
        return f"version {now.version} has not served the whole of {told_of}, of which the alarm is"
    held = [day for day in own if _day(day) < since]
    if len(held) >= DAYS_HELD and limit.kept(_pooled(held, metric)):
        came = f"version {now.version} held the limit of {metric} for {len(held)} days before it fell on {since}"
        return f"{came}: it did not come with the version"
    value = _pooled(fallen, metric)
    side = limit.beyond
    if not limit.broken(value):
        return f"{metric} of version {now.version} is {value:.4g} since {since}, not {side} the limit {limit.value:.4g}"
    past = [day for day in _measured(live.days, metric) if before.served(_day(day))][-MOST_DAYS_BEFORE:]
    if len(past) < FEWEST_DAYS_BEFORE:
        what = f"of version {before.version}, which was there before, {len(past)} days have labels"
        return f"{what}, and {FEWEST_DAYS_BEFORE} tell how good it was"
    was = _pooled(past, metric)
    if limit.broken(was):
        return f"{metric} of version {before.version}, which was there before, was {side} the limit too: {was:.4g}"
    values = [[day.values[metric].value for day in days] for days in (past, fallen)]
    better_by = _difference(*values) if side == "below" else _difference(*reversed(values))
    if not better_by > 0:
        return (
            f"{metric} of version {before.version}, which was there before, cannot be told from that of {now.version}"
        )
    assert now.version is not None and before.version is not None
    return RollbackEvidence(
        metric=metric,
        limit=limit.value,
        beyond=side,
        serving=_served(now.version, fallen, metric),
        before=_served(before.version, past, metric),
        better_by=better_by,
    )


def _measured(days: Sequence[PerformanceDay], metric: str) -> Iterator[PerformanceDay]:
    return (day for day in days if day.state in ("usual", "looked at") and metric in day.values)


def _day(day: PerformanceDay) -> date:
    return date.fromisoformat(day.day)


def _served(version: int, days: Sequence[PerformanceDay], metric: str) -> ServedDays:
    labels = sum(day.values[metric].n for day in days)
    value = _pooled(days, metric)
    return ServedDays(version=version, first=days[0].day, last=days[-1].day, days=len(days), labels=labels, value=value)


def _pooled(days: Sequence[PerformanceDay], metric: str) -> float:
    """By labels; NaN where there are none, which is above and below nothing."""
    values = [day.values[metric] for day in days]
    total = sum(value.n for value in values)
    return math.fsum(value.value * value.n for value in values) / total if total else math.nan


def _difference(more: Sequence[float], less: Sequence[float]) -> float:
    """The lower end of the interval of mean(more) - mean(less), of days that are independent (Welch 1947); minus infinity
    where there are too few."""
    if len(more) < 2 or len(less) < 2:
        return -math.inf
    parts = [variance(values) / len(values) for values in (more, less)]
    total = math.fsum(parts)
    difference = fmean(more) - fmean(less)
    if total <= 0:
        return difference
    degrees = total**2 / math.fsum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (more, less), strict=True)
    )
    return difference - t_quantile(CONFIDENCE, max(degrees, 1.0)) * math.sqrt(total)
