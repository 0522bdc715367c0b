"""A rolling rollout: the new release's replicas replace stable's a few at a time, and the traffic follows the replicas.

Everything here is arithmetic of how many replicas each release has and what share of the traffic they may get. Two things
always hold, on the way forth, on the way back, and wherever a runner dies between two acts: never more replicas than `most`,
and no replica is sent more than 1 / `least` of the traffic. So stable never gets more than its running replicas carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from modelway.config.strategies import Rolling
from modelway.errors import InvalidInput

KEY = "deploy.rolling"


class Replicas(NamedTuple):
    """How many each release has."""

    new: int
    stable: int


class ReplicaBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """whole: of stable before the start, and of the new release at the end. surge: so many more there may be meanwhile.
    unavailable: so many fewer may carry the traffic."""

    whole: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        return self.whole + self.surge

    @property
    def least(self) -> int:
        """As many carry all of the traffic."""
        return self.whole - self.unavailable

    def forth(self, now: Replicas, goal: Replicas) -> Replicas:
        """The next numbers on the way to `goal`: what leaves goes first, and what comes takes its room."""
        stable = max(goal.stable, self.least - now.new)
        return Replicas(min(goal.new, self.most - stable), stable)

    def back(self, now: Replicas) -> Replicas:
        """The next numbers on the way to stable alone: of the new release stays what stable cannot carry yet."""
        new = min(now.new, max(0, self.least - now.stable))
        return Replicas(new, min(self.whole, self.most - new))


class CarriedTraffic(NamedTuple):
    """What a way back may give stable, which has so many replicas."""

    bounds: ReplicaBounds
    stable: int

    @property
    def share(self) -> float:
        """Of the traffic; the rest stays where it is."""
        return min(1.0, self.stable / self.bounds.least)

    @property
    def missing(self) -> int:
        """Replicas that the other release must have for the rest."""
        return max(0, self.bounds.least - self.stable)


def returned(back: str, shares: Mapping[str, float], carried: CarriedTraffic | None) -> dict[str, float]:
    """The shares that the way back to this release gives: what its replicas carry. The rest stays where it is. shares: of now.
    carried: None where no replicas come and go: all of the traffic."""
    share = carried.share if carried is not None else 1.0
    wanted = dict.fromkeys(shares, 1 - share) | {back: share}
    return {name: part for name, part in wanted.items() if part > 0}


class RollingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """steps: the replicas of both at each step of the plan."""

    bounds: ReplicaBounds
    steps: tuple[Replicas, ...]

    @property
    def weights(self) -> tuple[float, ...]:
        return tuple(map(share, self.steps))


def share(replicas: Replicas) -> float:
    """Of the traffic, the new release's, where every replica gets the same."""
    return replicas.new / (replicas.new + replicas.stable) if replicas.new else 0.0


def leaving(now: Replicas, then: Replicas) -> Replicas:
    """What is left of `now` once those have gone that `then` has not: the traffic is theirs before they go."""
    return Replicas(min(now.new, then.new), min(now.stable, then.stable))


def bounds_of(rolling: Rolling, whole: int) -> ReplicaBounds:
    """As Kubernetes reads the two numbers: a percentage of surge is rounded up, one of unavailable down, and where both come
    to nothing one replica may be unavailable. InvalidInput where none would be left to carry the traffic."""
    if not (_part(rolling.max_surge, 100, up=True) or _part(rolling.max_unavailable, 100, up=True)):
        raise InvalidInput(
            "max-surge and max-unavailable are both 0, so that no replica could ever be replaced",
            where=KEY,
            fix="write max-surge: 1",
        )
    surge = _part(rolling.max_surge, whole, up=True)
    unavailable = _part(rolling.max_unavailable, whole, up=False)
    unavailable = unavailable if surge or unavailable else 1
    if unavailable >= whole:
        raise InvalidInput(
            f"{unavailable} of {whole} replicas may be unavailable, so that none is left to carry the traffic",
            where=f"{KEY}.max-unavailable",
            fix="write max-surge: 1 and max-unavailable: 0",
        )
    return ReplicaBounds(whole, surge, unavailable)


def judged(bounds: ReplicaBounds) -> RollingPlan:
    """A step for every batch of surge + unavailable replicas. Stable keeps what the surge has room for until the next batch
    needs that; at the last step it has none."""
    steps, new = list[Replicas](), 0
    while new < bounds.whole:
        new = min(bounds.whole, new + bounds.surge + bounds.unavailable)
        steps.append(Replicas(new, min(bounds.whole, bounds.most - new)))
    return RollingPlan(bounds, (*steps, *unjudged(bounds).steps) if steps[-1].stable else tuple(steps))


def unjudged(bounds: ReplicaBounds) -> RollingPlan:
    """Batch after batch, as soon as each is ready."""
    return RollingPlan(bounds, (Replicas(bounds.whole, 0),))


def _part(wanted: int | str, whole: int, *, up: bool) -> int:
    if isinstance(wanted, int):
        return wanted
    hundredths = int(wanted.removesuffix("%")) * whole
    return (hundredths + 99) // 100 if up else hundredths // 100
