"""A gateway's controller is back later than the API server: what was changed meanwhile gets traffic when it can be known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from modelway.errors import OutsideFailure
from modelway.targets.kubernetes import capacity, cluster, outages
from targets.kubernetes.api_server import ApiServer, ClusterInMemory


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Away(ClusterInMemory):
    """An API server that is away until a moment."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(ApiServer())
        self.clock, self.back_at, self.said = clock, 0.0, list[str]()

    def _once(self, *arguments: Any, **more: Any) -> bytes:
        if self.clock.now < self.back_at:
            raise OutsideFailure("away", where="the API server", fix="wait")
        return b'{"items": []}'


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    clock = Clock()
    for module in (capacity, cluster, outages):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return Away(clock)


def test_without_an_outage_nobody_waits(away: Away) -> None:
    capacity.wait_for_endpoints(away, "parcels", 0, away.said.append)
    assert sum(away.clock.slept) == 0 and not away.said


@pytest.mark.parametrize(("away_for", "more"), [(2.0, 3.0), (20.0, 30.0)])
def test_after_an_outage_those_who_watch_have_their_time(away: Away, away_for: float, more: float) -> None:
    away.back_at = 100.0 + away_for
    away.list("EndpointSlice")
    assert away.clock.now == pytest.approx(away.back_at, abs=0.3)
    capacity.wait_for_endpoints(away, "parcels", 0, away.said.append)
    assert away.clock.now == pytest.approx(away.back_at + more, abs=1)
    capacity.wait_for_endpoints(away, "parcels", 0, away.said.append)
    assert away.clock.now == pytest.approx(away.back_at + more, abs=1), "once"
    (said,) = away.said
    assert said.startswith("waiting ") and "the API server was away" in said


def test_what_was_waited_for_otherwise_counts(away: Away) -> None:
    away.back_at = 110.0
    away.list("EndpointSlice")
    away.clock.now += 60
    slept = sum(away.clock.slept)
    capacity.wait_for_endpoints(away, "parcels", 0, away.said.append)
    assert sum(away.clock.slept) == slept
