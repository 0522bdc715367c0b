"""What a peer's analysis looks at: one number out of a window of requests, and the conditions that it is held against."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import nan
from typing import Literal

import msgspec

Measured = Literal["successful", "failed", "inconclusive"]
"""What one measurement of one metric comes to."""
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class Term(msgspec.Struct, frozen=True):
    """`value OPERATOR limit`; operator isNaN and !isNaN have no limit. A value that is NaN compares as in Go and Python."""

    operator: str
    limit: float = 0.0

    def holds(self, value: float) -> bool:
        if self.operator.endswith("isNaN"):
            return (value != value) != self.operator.startswith("!")
        return COMPARE[self.operator](value, self.limit)


class Requirement(msgspec.Struct, frozen=True):
    """every: all of the terms, else any of them."""

    terms: tuple[Term, ...]
    every: bool = True

    def holds(self, value: float) -> bool:
        return (all if self.every else any)(term.holds(value) for term in self.terms)


class PeerMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a peer's analysis that can be drawn. The keys from interval_seconds on are Argo's."""

    name: str
    counts: Literal["errors", "slow"] = "errors"
    of: Literal["good", "bad"] = "good"
    """Whether its value is the share of the requests that are not counted, or of those that are."""
    scale: float = 1.0
    """100 where the value is in percent."""
    window_seconds: float
    """It looks at the requests of so long before."""
    success: Requirement | None = None
    failure: Requirement | None = None
    interval_seconds: float = 0.0
    """Between two measurements; 0: there is one."""
    delay_seconds: float = 0.0
    """Until the first."""
    count: int = 0
    """How many measurements end it; 0: it goes on until the rollout ends."""
    failure_limit: int = 0
    inconclusive_limit: int = 0
    success_limit: int = 0
    """So many successes in a row end it; 0: none do."""

    def value(self, requests: int, counted: int) -> float:
        """NaN without requests: Prometheus divides 0 by 0."""
        if requests == 0:
            return nan
        return self.scale * (requests - counted if self.of == "good" else counted) / requests

    def measure(self, requests: int, counted: int) -> Measured:
        """As Argo does (utils/evaluate/evaluate.go:18-58 of 9f8d111d8): of one condition alone, what does not meet it has
        failed; of both, what meets neither is inconclusive, and the failure comes first."""
        value = self.value(requests, counted)
        if self.success is None and self.failure is None:
            return "successful"
        fails = self.failure.holds(value) if self.failure else not (self.success and self.success.holds(value))
        if fails:
            return "failed"
        succeeds = self.success.holds(value) if self.success else True
        return "successful" if succeeds else "inconclusive"
