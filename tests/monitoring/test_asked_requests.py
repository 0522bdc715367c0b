"""Requests that servers count beside their rows: kept with them, every minute once; a server that tells none is unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelway.errors import OutsideFailure
from modelway.monitoring.collecting import Collecting
from monitoring.test_collecting import DAY, HOUR, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_days_of_a_service_are_what_its_servers_say(world: World) -> None:
    """Of one that has other cells, too."""
    world.now = datetime(2026, 11, 20, tzinfo=UTC)
    world.start("a")
    world.start("other", (0.5,))
    for name in world.running:
        for seconds in (0.25, 0.2500001, 30.0):
            world.answered(name, 200, seconds)
        world.answered(name, 400)
        world.answered(name, 413, None)
        world.answered(name, 503, 0.001)
    world.asked("a", 4)
    world.now += DAY + timedelta(seconds=1)
    world.look()
    assert world.service() == [("2026-11-20", 16, 2, 4, 14, 1439)], "the last minute may still grow"
    world.now += timedelta(seconds=1)
    world.look()
    assert world.service() == [("2026-11-20", 16, 2, 4, 14, 1440)]


def test_minutes_of_a_server_that_ended_are_not_known_of_the_service(world: World) -> None:
    world.now = datetime(2026, 11, 20, tzinfo=UTC)
    for name in ("a", "b"):
        world.start(name)
    world.now += 12 * HOUR
    world.look()
    del world.running["b"]
    world.now += 13 * HOUR
    world.look()
    [(day, *_, minutes)] = world.service()
    assert (day, minutes) == ("2026-11-20", 1440 * (1440 + 719) // 2880)


def test_an_old_server_tells_its_rows_and_nothing_of_its_service(world: World) -> None:
    world.now = datetime(2026, 11, 20, tzinfo=UTC)
    world.old.add("a")
    world.start("a")
    world.start("b")
    for name in world.running:
        world.asked(name, 3)
    world.now += 24.5 * HOUR
    found = world.look()
    assert found.days["2026-11-20"].rows == 6 and found.untold == ("a",) and not found.silent
    assert world.service() == [("2026-11-20", 3, 0, 0, 3, 720)], "half of the servers' minutes"
    del world.running["b"]
    world.now += DAY
    world.look()
    assert world.service()[1][5] < 30, "unknown, and not healthy"


OLD_PART = {
    "schema": "modelway/kept-days/1",
    "columns": [],
    "absent": [],
    "days": {
        "2026-11-20": {
            "rows": 5,
            "columns": [],
            "servers": {
                "before": {"name": "b", "version": 1, "since": "2026-11-20T00:00:00Z", "until": "2026-11-20T12:00:00Z"}
            },
        }
    },
}


def test_days_that_were_kept_before_requests_were_counted_go_on(world: World) -> None:
    """A server of this release that a monitor-model of the one before has asked until noon."""
    world.now = datetime(2026, 11, 20, tzinfo=UTC)
    world.start("a")
    world.asked("a", 5)
    world.now += 12 * HOUR
    world.look()
    [file] = (world.folder / "days").glob("*.json")
    said = json.loads(file.read_bytes())
    assert said["days"]["2026-11-20"].pop("requests")["answered"] == 5
    [server] = said["days"]["2026-11-20"]["servers"].values()
    assert server.pop("asked_minutes") == 719
    assert OLD_PART["days"]["2026-11-20"]["servers"]["before"].keys() == server.keys()
    assert OLD_PART["days"]["2026-11-20"].keys() == said["days"]["2026-11-20"].keys()
    file.write_text(json.dumps(said))
    world.asked("a", 4)
    world.now += 12.5 * HOUR
    found = world.look()
    assert found.days["2026-11-20"].rows == 9 and not found.gaps
    assert world.service() == [("2026-11-20", 4, 0, 0, 4, 721)], "half of the day"
    file.write_text(json.dumps(OLD_PART))
    assert world.service() == [("2026-11-20", 0, 0, 0, 0, 0)]


def test_requests_that_cannot_be_fetched_wait_with_the_rows(world: World) -> None:
    world.start("a")
    world.asked("a", 3)
    world.now += HOUR

    def but_requests(body: Mapping[str, Any]) -> bytes:
        if body.get("tell") == "requests":
            raise OutsideFailure("it does not answer")
        return world.told("a", body)

    server = replace(world.servers()[0], ask=but_requests)
    found = Collecting(world.parts, world.said.append).look([server], "v1")
    assert world.kept() == {} and found.silent == ("a",)
    world.look()
    assert world.kept() == {"2026-11-20": 3}, "with as many requests"
