"""A team's own counters of trials and successes, between two readings of both releases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelway.errors import InvalidInput
from modelway.observe import outcomes
from modelway.observe.counts import Counters, Snapshot
from modelway.rollout.observations import WatchedCounts


def snapshot(canary: tuple[int, int], stable: tuple[int, int], gap: str = "") -> Snapshot:
    """(trials, successes) of each, by one scraped target."""
    told = {"v2": {"web": Counters(*canary)}, "v1": {"web": Counters(*stable)}}
    return Snapshot.of_replicas(told, gap)


def test_failures_are_counted_out_of_trials() -> None:
    done = outcomes.outcome("bookings", snapshot((5, 1), (90, 40)), snapshot((25, 7), (290, 100)), "v2", "v1")
    assert done == WatchedCounts("bookings", (14, 20), (140, 200))


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (lambda: snapshot((25, 7), (290, 100), gap="the newest sample is old"), "the newest sample is old"),
        (lambda: snapshot((2, 1), (290, 100)), "began anew at zero"),
        (lambda: Snapshot.of_replicas({"v1": {"web": Counters(290, 100)}}), "nothing counts the requests of v2"),
        (lambda: snapshot((6, 7), (290, 100)), "v2 has 6 successes out of 1 trials"),
    ],
)
def test_what_nobody_knows_is_said(after: Callable[[], Snapshot], why: str) -> None:
    done = outcomes.outcome("bookings", snapshot((5, 1), (90, 40)), after(), "v2", "v1")
    assert isinstance(done, str)
    assert why in done


@pytest.mark.parametrize(("trials", "successes", "key"), [("rate(a[1m])", "b", "trials"), ("a", "", "successes")])
def test_series_alone_are_taken_and_the_key_is_named(trials: str, successes: str, key: str) -> None:
    with pytest.raises(InvalidInput, match="must name series") as raised:
        outcomes.queries(trials, successes)
    assert raised.value.where == f"deploy.judge.outcomes.{key}"
