"""A gateway knows a release, and its pods, for as long as it needs to before the first request goes there; and nobody waits
for that who has waited for the pods."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from modelway.rollout.plan import side_of
from modelway.targets.kubernetes import home, introduction, lease
from modelway.targets.kubernetes.introduction import Introduction
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.state import KubernetesSlot
from modelway.targets.kubernetes.traffic import PROPAGATION_SECONDS
from targets.kubernetes import team_routes
from targets.kubernetes.api_server import ClusterInMemory
from targets.kubernetes.test_two_at_once import KEY, World, image, release, worlds

__all__ = ["worlds"]
NEW = "home-v2-r1"
SERVICE, DEPLOYMENT = ("Service", NEW), ("Deployment", NEW)


def followed(world: World, monkeypatch: pytest.MonkeyPatch, seconds: float) -> tuple[dict[str, float], float]:
    """When what happened first, in a deployment of version 2 whose pods need so long; and how long was slept for it."""
    simulation, seen, slept = world.simulation, dict[str, float](), list[float]()
    simulation.faults = False
    stored, rolled_out = simulation.server._stored, home.rolled_out

    def store(kind: str, body: Any) -> Any:
        done = stored(kind, body)
        objects = simulation.server.objects
        weights = [rule[NEW] for rule in team_routes.weights(world.route()) if NEW in rule]
        early = objects.get(SERVICE, {"spec": {}})["spec"].get("publishNotReadyAddresses", False)
        for what, is_so in (
            ("started", DEPLOYMENT in objects),
            ("early", early),
            ("introduced", weights == [0]),
            ("ready alone", "early" in seen and SERVICE in objects and not early),
            ("has traffic", any(weights)),
        ):
            if is_so:
                seen.setdefault(what, simulation.now)
        return done

    def has_started(deployment: Any) -> bool:
        waits = deployment["metadata"]["name"] == NEW and simulation.now < seen["started"] + seconds
        return not waits and rolled_out(deployment)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        simulation.sleep(seconds)

    alone = SimpleNamespace(start=lambda: None)  # nobody renews the lease, whose time would be everybody's
    threading = SimpleNamespace(Lock=simulation.Lock, Event=simulation.Event, Thread=lambda **_: alone)
    monkeypatch.setattr(lease, "threading", threading)
    monkeypatch.setattr(introduction, "time", SimpleNamespace(monotonic=simulation.monotonic, sleep=sleep))
    monkeypatch.setattr(simulation.server, "_stored", store)
    monkeypatch.setattr(home, "rolled_out", has_started)
    deploying = world.deploying(2)
    simulation.run(deploying)
    assert deploying.ended is None, deploying.ended
    assert simulation.broken == []
    world.check_whole(2)
    return seen, sum(slept)


@pytest.mark.parametrize("kind", team_routes.KINDS)
@pytest.mark.parametrize("seconds", [0.0, 0.4, 5.0])
def test_whoever_has_waited_for_the_pods_waits_for_the_gateway_no_more(
    worlds: Callable[..., World], monkeypatch: pytest.MonkeyPatch, kind: str, seconds: float
) -> None:
    seen, slept = followed(worlds(0, kind), monkeypatch, seconds)
    assert list(seen) == ["started", "early", "introduced", "ready alone", "has traffic"]
    assert seen["has traffic"] - seen["introduced"] >= PROPAGATION_SECONDS
    assert (slept > 0) is (seconds < PROPAGATION_SECONDS)


@pytest.mark.parametrize("kind", team_routes.KINDS)
def test_a_release_that_has_the_traffic_is_asked_where_it_is_ready_alone(
    worlds: Callable[..., World], kind: str
) -> None:
    """Its Service may be made anew, or its start be asked for once more."""
    world = worlds(0, kind)
    place = KubernetesPlace(ClusterInMemory(world.simulation.server), KEY, world.settings)
    world.simulation.faults = False
    stable = KubernetesSlot(side_of(release(1), 0), image(1), home=True, replicas=2)
    new = KubernetesSlot(side_of(release(2), 1), image(2), replicas=2)
    there = place._where.home()
    for beside, early in ((new, False), (stable, True)):
        coming = Introduction(place._where, {}, beside)
        assert coming.is_early(there, new) is early
        place._running.start_beside(there, new, 2, [], lambda: None, {}, early=True)
        assert world.get(*SERVICE)["spec"]["publishNotReadyAddresses"]
        before = world.route()
        coming.begin(there, new, [], lambda: None)
        assert (world.route() != before) is early
        coming.end(there, new, 2, lambda: None)
        assert ("publishNotReadyAddresses" not in world.get(*SERVICE)["spec"]) is early
    place._running.start_beside(there, new, 2, [], lambda: None, {}, early=True)
    assert "publishNotReadyAddresses" not in world.get(*SERVICE)["spec"], "it has been ready already"


def test_pods_that_come_one_by_one_are_not_told_before_they_are_ready(worlds: Callable[..., World]) -> None:
    world = worlds(0)
    place = KubernetesPlace(ClusterInMemory(world.simulation.server), KEY, world.settings)
    new = KubernetesSlot(side_of(release(2), 1), image(2), replicas=2)
    rolled: Any = msgspec.structs.replace(new, bounds=object())
    assert not Introduction(place._where, {}, None).is_early(place._where.home(), rolled)
