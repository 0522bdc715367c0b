"""The hours of what servers have counted: kept apart where somebody looks at them."""

from __future__ import annotations

from datetime import timedelta

from modelway.data.drift.sketch import merged, written
from modelway.monitoring.collecting import Collecting
from monitoring.test_collecting import DAY, HOUR, World, world

__all__ = ["world"]  # the fixture


def test_hours_add_up_to_their_day(world: World) -> None:
    """Of two servers, looked at in the middle of an hour, too; the one that goes on is not over."""
    for name in ("a", "b"):
        world.start(name)
    for minutes, rows in ((40, 3), (40, 5), (100, 7), (35, 2)):
        world.now += timedelta(minutes=minutes)
        for name in world.running:
            world.asked(name, rows)
        world.now += timedelta(minutes=2)
        world.look(hourly=True)
    begin = f"{world.now:%Y-%m-%dT%H}"
    world.now += HOUR
    hours = world.hours()
    assert sum(hours.values()) == world.kept()["2026-11-20"] == 2 * (3 + 5 + 7 + 2)
    assert list(hours) == sorted(hours) and begin in hours, hours
    world.now += DAY
    found = world.look(hourly=True)
    assert found.hours is not None
    own = [one for hour, one in found.hours.hours.items() if hour.startswith("2026-11-20")]
    assert written(merged(own, [""] * len(own))) == written(found.days["2026-11-20"])


def test_the_hour_that_goes_on_is_not_told(world: World) -> None:
    world.start("a")
    world.now += timedelta(minutes=10)
    world.asked("a", 4)
    world.now += timedelta(minutes=10)
    before = world.hours()
    assert f"{world.now:%Y-%m-%dT%H}" not in before
    world.now += HOUR
    assert sum(world.hours().values()) == 4


def test_without_hours_none_is_kept_and_asking_for_them_later_begins_then(world: World) -> None:
    world.start("a")
    world.asked("a", 4)
    world.now += 2 * HOUR
    assert world.hours(hourly=False) == {} and world.look().hours is None
    world.asked("a", 6)
    world.now += 2 * HOUR
    assert sum(world.hours().values()) == 6
    assert world.kept() == {"2026-11-20": 10}


def test_what_a_server_tells_at_its_end_is_kept_by_the_hour_where_hours_are(world: World) -> None:
    for name in ("a", "b"):
        world.start(name)
    world.asked("a", 4)
    world.now += HOUR
    world.hours()
    world.asked("b", 6)
    world.now += HOUR
    Collecting(world.parts, print).keep(world.servers()[1:], ending=True)
    del world.running["b"]
    world.now += HOUR
    assert sum(world.hours().values()) == 10 == world.kept()["2026-11-20"]
