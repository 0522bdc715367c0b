"""The figures of delivery over a time, each with its n and, where it is an estimate, its interval with 95 %.

Deployment frequency, lead time, change failure rate and time to restore are those of DORA (Forsgren, Humble and Kim 2018,
Accelerate, chapter 2); what each of them is here stands in docs/delivery.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from modelway.delivery.changes import EnvironmentChange
from modelway.distributions import clopper_pearson, order_ranks, poisson_interval

CONFIDENCE = 0.95
DAY = 86_400.0
LEAST_DAYS = 7.0
"""Of a shorter time no rate per week is said."""


class DeliveryEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """value: None without any. low, high: None where so few say nothing of it. n: of what it is made."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class DeliveryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """days: of the time, which begins with the first change where that is later than what was asked for. Times are in
    seconds."""

    days: float
    deployments: int
    per_week: DeliveryEstimate
    lead_time: DeliveryEstimate
    lead_time_unknown: int
    """Deployments of new versions whose commit, or the time of it, is not known."""
    failure_rate: DeliveryEstimate
    """Of the changes that had traffic, n: those that were taken back or rolled back."""
    failed: int
    time_to_restore: DeliveryEstimate
    requests: int
    """Counted while rollouts were watched, of both releases."""
    errors: int
    open: int
    """Changes that are not finished, and count for nothing yet."""
    stopped: int
    """Releases that ended before they had any traffic: they are in no other figure."""

    @property
    def availability(self) -> float | None:
        """Of the counted requests, those that did not fail. A count, and no estimate: it has no interval."""
        return 1 - self.errors / self.requests if self.requests else None


def figures(
    changes: Sequence[EnvironmentChange], committed: Mapping[int, float | None], since: float, until: float
) -> DeliveryFigures:
    """Of the changes that began from `since` until before `until`, seconds of the epoch. committed: when the commit of a
    version was made; None where nobody knows."""
    began = max(since, min((change.began for change in changes), default=since))
    days = max(0.0, until - began) / DAY
    seen = [change for change in changes if since <= change.began < until]
    judged = [change for change in seen if change.had_traffic]
    failed = [change for change in judged if change.failed]
    deployed = [change for change in seen if change.reached is not None]
    leads = [(change.reached, committed.get(change.version)) for change in deployed if change.new]
    known = [
        reached - commit
        for reached, commit in leads
        if reached is not None and commit is not None and reached >= commit
    ]
    return DeliveryFigures(
        days=days,
        deployments=len(deployed),
        per_week=_per_week(len(deployed), days),
        lead_time=_middle(known),
        lead_time_unknown=len(leads) - len(known),
        failure_rate=_share(len(failed), len(judged)),
        failed=len(failed),
        time_to_restore=_middle([change.back - change.began for change in failed if change.back is not None]),
        requests=sum(change.requests for change in seen),
        errors=sum(change.errors for change in seen),
        open=sum(change.ending == "unfinished" for change in seen),
        stopped=sum(change.ending == "stopped-before-traffic" for change in seen),
    )


def _per_week(count: int, days: float) -> DeliveryEstimate:
    if days < LEAST_DAYS:
        return DeliveryEstimate(n=count)
    low, high = poisson_interval(count, CONFIDENCE)
    weeks = days / 7
    return DeliveryEstimate(n=count, value=count / weeks, low=low / weeks, high=high / weeks)


def _share(hits: int, n: int) -> DeliveryEstimate:
    if not n:
        return DeliveryEstimate(n=0)
    low, high = clopper_pearson(hits, n, CONFIDENCE)
    return DeliveryEstimate(n=n, value=hits / n, low=low, high=high)


def _middle(values: Sequence[float]) -> DeliveryEstimate:
    """The median, between two of the values themselves; few of them bound it on no side."""
    if not values:
        return DeliveryEstimate(n=0)
    low, high = order_ranks(len(values), 0.5, CONFIDENCE)
    rising = sorted(values)
    return DeliveryEstimate(
        n=len(values),
        value=median(rising),
        low=rising[low - 1] if low >= 1 else None,
        high=rising[high - 1] if high <= len(rising) else None,
    )
