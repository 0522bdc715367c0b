"""A team's own counter of what came of requests, such as bookings out of searches: from a Prometheus, by release."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modelway.errors import InvalidInput
from modelway.observe.counts import CountsSource, Snapshot, grown, unknown_between
from modelway.observe.prometheus_queries import CounterQueries
from modelway.observe.prometheus_server import of_releases
from modelway.rollout.observations import WatchedCounts


def queries(trials: str, successes: str) -> CounterQueries:
    """InvalidInput, naming the key, where one names no series of counters."""
    try:
        return CounterQueries(trials, successes)
    except InvalidInput as error:
        key = {"requests": "trials", "errors": "successes"}.get(error.where, error.where)
        raise InvalidInput(error.what, where=f"deploy.judge.outcomes.{key}", fix=error.fix) from None


def source(
    get: Callable[[str, Mapping[str, str]], bytes],
    trials: str,
    successes: str,
    values: Mapping[str, Mapping[str, str]],
    block_seconds: float,
) -> CountsSource:
    """values: slot -> what stands for the placeholders. Its requests are trials, and its errors those that succeeded."""
    return of_releases(get, queries(trials, successes), values, block_seconds)


def outcome(name: str, before: Snapshot, after: Snapshot, canary: str, stable: str) -> WatchedCounts | str:
    """Failures out of trials of both releases between two readings; or why nobody knows."""
    arms = []
    for slot in (canary, stable):
        if unknown := unknown_between(before, after, slot):
            return unknown
        done = grown(before, after, slot)
        if done.errors > done.requests:
            return f"{slot} has {done.errors} successes out of {done.requests} trials: count both when a trial is over"
        arms.append((done.requests - done.errors, done.requests))
    return WatchedCounts(name, *arms)
