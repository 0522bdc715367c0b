"""What a query of a team's own said over a past range of a Prometheus: one number for each step of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from modelway.errors import InvalidInput
from modelway.observe.prometheus_api import PrometheusMoment

SHORTEST_STEP_SECONDS = 60
MOST_STEPS = 2000
"""Prometheus answers 11,000 at most, and so many say enough."""


def step_of(seconds: float) -> int:
    """Seconds between two samples of a range of so many seconds."""
    return max(SHORTEST_STEP_SECONDS, math.ceil(seconds / MOST_STEPS))


class PrometheusRange:
    """The last so many seconds until now, by the server's clock: all that is asked is of the same steps. get: of the API.
    OutsideFailure where the server cannot be had, or answers in part."""

    def __init__(self, get: Callable[[str, Mapping[str, str]], bytes], seconds: float) -> None:
        self._moment = PrometheusMoment(get, seconds)
        self.step = step_of(seconds)
        self.steps = int(seconds // self.step) + 1
        """How many samples there are of what was known all the time."""

    def samples(self, query: str, where: str) -> dict[float, float]:
        """Seconds -> value, without those that are no number. where: of the query, for InvalidInput: it is none, or what it
        says is not one series."""
        found = self._moment.over(query, self._moment.now - (self.steps - 1) * self.step, self.step, where)
        if len(found) > 1:
            names = " and ".join(str(one.metric)[:80] for one in found[:2])
            raise InvalidInput(
                f"says {len(found)} series, such as {names}", where=where, fix="add them up, by sum(...)"
            )
        values = [(at, float(value)) for one in found for at, value in one.values]
        return {at: value for at, value in values if math.isfinite(value)}
