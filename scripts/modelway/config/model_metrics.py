"""What may stand below deploy.judge of what the model says, beside errors and slow requests."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from modelway.config.keys import Name, Section

Points = Annotated[float, Meta(gt=0, lt=0.5)]


class PredictionShares(Section, frozen=True):
    """How far the distribution of the predictions may shift: the share of each class or, of numbers, of each quarter of what
    stable has predicted so far."""

    differ_at_most: Points = 0.02
    """What a share may be larger or smaller than stable's: 0.02 is two points, such as 12 instead of 10 %. More is taken
    back; promotion needs evidence of less than twice that."""


class RisingShare(Section, frozen=True):
    """A share that may not rise."""

    rise_at_most: Points = 0.01
    """What it may exceed stable's by: 0.01 is a point. More is taken back; promotion needs evidence of less than
    twice that."""


class Outcome(Section, frozen=True, kw_only=True):
    """What came of requests, such as bookings out of searches: two series of counters in Prometheus, each named with its
    labels alone, which tell releases apart by {version}, {slot} or {digest}; on Kubernetes also by whatever
    counts.prometheus.series may name."""

    name: Name
    """What the report calls a success, such as bookings."""
    trials: Name
    """How many there were, such as searches_total{model_version="{version}"}."""
    successes: Name
    """How many of them succeeded. A trial is to be counted when it is over, together with its success."""
    fall_at_most: Points = 0.01
    """What the share of successes may be smaller than stable's. More is taken back; promotion needs evidence of less than
    twice that."""
