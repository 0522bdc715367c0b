"""How much traffic a service had, and how much of it failed: what is judged by, where it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import msgspec


class MeasuredTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """Requests per second, at each step of a range of time. The least is that of the steps in which any came."""

    least: float
    median: float
    most: float
    error_percent: float | None
    """Of all requests of the range; None where nobody counted."""
    seconds: float
    """Of the whole range."""
    known_percent: float
    """The part of its steps of which there are samples."""
    idle_percent: float
    """The part of these in which no request came."""

    @property
    def rates(self) -> tuple[float, ...]:
        """The median first; each once."""
        return tuple(dict.fromkeys((self.median, self.least, self.most)))


def measured(
    requests: Mapping[float, float], errors: Mapping[float, float] | None, steps: int, seconds: float
) -> MeasuredTraffic | None:
    """requests, errors: time -> per second, at most `steps` of each. None where no request came at all."""
    came = sorted(rate for rate in requests.values() if rate > 0)
    if not came:
        return None
    both = set(requests) & set(errors or ())
    of_both = sum(requests[at] for at in both)
    return MeasuredTraffic(
        least=came[0],
        median=median(came),
        most=came[-1],
        error_percent=100 * sum(errors[at] for at in both) / of_both if errors and of_both else None,
        seconds=seconds,
        known_percent=100 * len(requests) / steps,
        idle_percent=100 * (len(requests) - len(came)) / len(requests),
    )
