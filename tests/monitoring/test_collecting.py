"""Counts of servers that restart, forget and end, fetched by commands that overlap and die: every minute once, what is lost
said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.data.drift.sketch import DataSketch, written
from modelway.errors import InvalidInput, OutsideFailure
from modelway.monitoring.asked_requests import AskedRequests
from modelway.monitoring.collecting import CollectedDays, Collecting, CountingServer
from modelway.monitoring.kept_days import StoredPart, decoded, service_days
from modelway.serving import cells, sketches
from modelway.serving.columns import SignatureColumn, check
from modelway.serving.messages import HttpRequest
from modelway.serving.payload import table
from modelway.serving.request_minutes import RequestMinutes, memory
from modelway.targets.counting_servers import FolderParts

SIGNATURE = (SignatureColumn("x", "double", required=True), SignatureColumn("c", "string", required=True))
BEGIN = datetime(2026, 11, 20, 3, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class World:
    """Servers with a clock that is set by hand, and a folder of kept days."""

    def __init__(self, folder: Path) -> None:
        self.now = BEGIN
        self.folder = folder
        self.reference = folder / "train.json"
        self.reference.write_text(json.dumps(reference((0.0,))), encoding="utf-8")
        self.parts = FolderParts(folder / "days")
        self.running: dict[str, sketches.RowSketches] = {}
        self.minutes: dict[str, RequestMinutes] = {}
        self.said: list[str] = []
        self.deaf: set[str] = set()
        self.old: set[str] = set()

    def start(self, name: str, edges: tuple[float, ...] = (0.0,)) -> None:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(reference(edges)), encoding="utf-8")
        known = replace(cells.read(path), started=self.now.timestamp())
        self.running[name] = sketches.RowSketches(known, known.memory(1), 0, lambda: self.now.timestamp())
        self.running[name].bind(SIGNATURE)
        self.minutes[name] = RequestMinutes(memory(1), 0, lambda: self.now.timestamp())

    def asked(self, name: str, count: int = 1) -> None:
        rows = [{"x": 1.0, "c": "a"} for _ in range(count)]
        if not rows:
            return
        self.running[name].count(check(table(rows), SIGNATURE, strict=True))
        for _ in rows:
            self.answered(name, 200)

    def answered(self, name: str, status: int, seconds: float | None = 0.01) -> None:
        self.minutes[name].count(HttpRequest("POST", "/predict", "", b""), status, seconds)

    def servers(self, slot: str = "v1") -> list[CountingServer]:
        return [CountingServer(name, 1, slot, self._ask(name)) for name in self.running]

    def _ask(self, name: str) -> Any:
        def ask(body: Mapping[str, Any]) -> bytes:
            if name in self.deaf:
                raise OutsideFailure("it does not answer")
            return self.told(name, body)

        return ask

    def told(self, name: str, body: Mapping[str, Any]) -> bytes:
        """As the server answers; one that is old knows nothing of requests."""
        if name in self.old and body.get("tell") == "requests":
            raise InvalidInput("tell is requests, and must be one of counts, server, reference")
        asked = sketches.asked(json.dumps(body).encode(), self.now.timestamp())
        said = self.running[name].answer(asked, self.minutes[name])
        if name in self.old and asked.tell == "server":
            said = json.dumps({key: value for key, value in json.loads(said).items() if key != "tells"}).encode()
        return said

    def look(self, slot: str = "v1", *, hourly: bool | None = None) -> CollectedDays:
        return Collecting(self.parts, self.said.append, hourly).look(self.servers(slot), slot)

    def hours(self, *, hourly: bool | None = True) -> dict[str, int]:
        """Rows of each hour that is over, after a look."""
        found = self.look(hourly=hourly).hours
        return {hour: one.rows for hour, one in found.hours.items()} if found else {}

    def kept(self) -> dict[str, int]:
        """Rows of each day; where no server is old, there are as many requests."""
        found: dict[str, int] = {}
        for part in decoded(self.parts.read()).values():
            for day, one in part.days.items():
                found[day] = found.get(day, 0) + one.rows
                assert self.old or (one.requests or AskedRequests()).answered == one.rows
        return found

    def service(self) -> list[tuple[str, int, int, int, int, int]]:
        """Of each day, until now: requests, failed, slow, timed, minutes."""
        days = service_days(decoded(self.parts.read()), self.now.date(), 0.25)
        return [(str(one.day), one.requests, one.failed, one.slow, one.timed, one.minutes) for one in days]


def reference(edges: tuple[float, ...]) -> Any:
    numbers = {"name": "x", "kind": "number", "edges": list(edges)}
    texts = {"name": "c", "kind": "category", "values": ["a"]}
    none = {"missing": 0, "unreadable": 0}
    columns = [
        {"cells": texts, "counts": [3], **none},
        {"cells": numbers, "counts": [3] + [0] * len(edges), **none},
    ]
    return {"schema": "modelway/data-sketch/1", "rows": 3, "columns": columns, "absent": []}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_every_minute_that_is_over_is_counted_once(world: World) -> None:
    world.start("a")
    world.asked("a", 5)
    world.now += timedelta(seconds=61.5)
    world.asked("a", 7)
    world.look()
    assert world.kept() == {}, "the first minute may still grow"
    world.now += timedelta(seconds=1)
    for _ in range(2):
        world.look()
    assert world.kept() == {"2026-11-20": 5}
    world.now += timedelta(minutes=1)
    found = world.look()
    assert world.kept() == {"2026-11-20": 12} and not found.days, "today is not over"
    world.now += DAY
    found = world.look()
    assert found.days["2026-11-20"].rows == 12 and not found.gaps


def test_a_day_that_began_without_the_model_is_not_looked_at(world: World) -> None:
    world.now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    world.start("a")
    world.asked("a", 3)
    for _ in range(2):
        world.now += DAY
        found = world.look()
    assert found.partial == {"2026-11-20": 15 / 24} and list(found.days) == ["2026-11-21"] and not found.gaps


def test_what_the_server_does_not_keep_any_more_is_a_gap(world: World) -> None:
    world.start("a")
    world.asked("a", 3)
    world.now += HOUR
    world.look()
    world.now = datetime(2026, 11, 20, 20, tzinfo=UTC)
    world.asked("a", 4)
    world.now = datetime(2026, 11, 21, 23, tzinfo=UTC)
    world.asked("a", 6)
    world.now += timedelta(minutes=2)
    found = world.look()
    assert world.kept() == {"2026-11-20": 3, "2026-11-21": 6}, "25 hours are kept: those of 20:00 are gone"
    assert any("a kept no counts of 03:59 to" in gap for gap in found.gaps)
    assert list(found.partial) == ["2026-11-20"] and not found.days, "a day of which little is known is not looked at"


def test_a_restart_is_said_and_is_no_change(world: World) -> None:
    for name in ("a", "b", "c"):
        world.start(name)
    world.now += 20 * HOUR
    world.look()
    world.now = datetime(2026, 11, 21, tzinfo=UTC)
    world.look()
    for hour in range(24):
        world.now = datetime(2026, 11, 21, hour, 30, tzinfo=UTC)
        if hour == 10:
            world.start("a")
        for name in world.running:
            world.asked(name, 10)
        if hour in (8, 23):
            world.now += timedelta(minutes=20)
            world.look()
    world.now = datetime(2026, 11, 22, 0, 10, tzinfo=UTC)
    found = world.look()
    assert found.days["2026-11-21"].rows == 3 * 240 - 10, "hour 9 of the first one is lost"
    assert found.gaps == ("2026-11-21: a began anew, and its counts of 08:49 to 10:30 (101 min) are gone",)


def test_a_restart_within_the_minute_loses_that_minute(world: World) -> None:
    world.start("a")
    world.now += HOUR + timedelta(seconds=10)
    world.look()
    world.asked("a", 5)
    world.now += timedelta(seconds=5)
    world.start("a")
    world.now += HOUR
    assert world.look().gaps == ("2026-11-20: a began anew, and its counts of 04:00 to 04:01 (1 min) are gone",)


def test_a_server_that_ended_is_said_and_one_that_is_silent_is_asked_again(world: World) -> None:
    for name in ("a", "b"):
        world.start(name)
        world.asked(name, 2)
    world.now += HOUR
    world.deaf.add("b")
    found = world.look()
    assert found.silent == ("b",) and world.kept() == {"2026-11-20": 2} and "it does not answer" in world.said[0]
    world.deaf.clear()
    world.look()
    assert world.kept() == {"2026-11-20": 4}
    del world.running["b"]
    world.now += HOUR
    [gap] = world.look().gaps
    assert "b has ended, and nobody knows what it counted in 03:59 to 04:59" in gap
    assert list(world.look().gaps) == [gap], "once"


def test_a_day_is_not_looked_at_while_servers_that_have_seen_most_of_it_are_silent(world: World) -> None:
    for name in ("a", "b"):
        world.start(name)
        world.asked(name, 2)
    world.look()
    world.now = datetime(2026, 11, 21, 0, 10, tzinfo=UTC)
    world.look()
    world.now = datetime(2026, 11, 22, 0, 10, tzinfo=UTC)
    world.deaf.add("b")
    found = world.look()
    assert list(found.partial) == ["2026-11-21"] and list(found.days) == ["2026-11-20"]
    world.deaf.clear()
    found = world.look()
    assert list(found.days) == ["2026-11-20", "2026-11-21"] and not found.partial and not found.gaps


def test_a_server_that_is_about_to_end_leaves_nothing_behind(world: World) -> None:
    for name in ("a", "b"):
        world.start(name)
    world.asked("b", 2)
    world.now += timedelta(seconds=30)
    collecting = Collecting(world.parts, world.said.append)
    collecting.keep(world.servers()[1:], ending=True)
    assert world.kept() == {"2026-11-20": 2}
    del world.running["b"]
    world.now += HOUR
    assert not world.look().gaps


def test_none_that_answers_is_no_quiet_day(world: World) -> None:
    world.start("a")
    world.deaf.add("a")
    with pytest.raises(OutsideFailure, match="no server of it tells"):
        world.look()


def test_releases_with_the_same_cells_are_added_and_others_have_a_history_of_their_own(world: World) -> None:
    world.start("a")
    world.start("b")
    world.start("other", (0.5,))
    for name in world.running:
        world.asked(name, 2)
    world.now += DAY
    servers = [replace(server, slot=server.name) for server in world.servers()]
    assert Collecting(world.parts, print).look(servers, "b").days["2026-11-20"].rows == 4
    assert Collecting(world.parts, print).look(servers, "other").days["2026-11-20"].rows == 2
    assert len(world.parts.read()) == 2


class Interrupted(Exception):
    pass


class ShakyParts(FolderParts):
    """Before a write another look happens; or the command dies, before it or after."""

    def __init__(self, world: World, plan: Iterator[str]) -> None:
        super().__init__(world.folder / "days")
        self.world, self.plan = world, plan

    def write(self, name: str, data: bytes, version: str | None) -> StoredPart | None:
        what = next(self.plan, "")
        if what == "other":
            self.world.now += timedelta(minutes=1)
            self.world.look()
        if what == "dies":
            raise Interrupted
        done = super().write(name, data, version)
        if what == "dies after":
            raise Interrupted
        return done


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "other", "dies", "dies after"]), st.integers(0, 9), st.integers(1, 900)),
        max_size=12,
    )
)
def test_two_at_once_and_one_that_dies_count_nothing_twice_and_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    world.start("a")
    world.start("b")
    total = 0
    for what, count, minutes in steps:
        world.asked("a", count)
        world.asked("b", 1)
        total += count + 1
        world.now += timedelta(minutes=minutes)
        parts = ShakyParts(world, iter([what]))
        try:
            Collecting(parts, print).look(world.servers(), "v1")
        except Interrupted:
            world.look()  # the next one; a server keeps what it has for 25 hours
    world.now += timedelta(minutes=2)
    world.look()
    assert sum(world.kept().values()) == total


def test_whoever_read_before_another_has_written_takes_nothing_of_it_back(world: World) -> None:
    """A server that has ended meanwhile cannot be asked again."""
    for name in ("a", "b"):
        world.start(name)
        world.asked(name, 2)
    world.now += HOUR

    class Overtaken(FolderParts):
        def write(self, name: str, data: bytes, version: str | None) -> StoredPart | None:
            if "b" in world.running:
                world.asked("b", 5)
                Collecting(world.parts, print).keep(world.servers()[1:], ending=True)
                world.deaf.add("b")
            return super().write(name, data, version)

    Collecting(Overtaken(world.folder / "days"), print).look(world.servers(), "v1")
    assert world.kept() == {"2026-11-20": 2 + 2 + 5}


def test_a_part_that_is_full_takes_no_further_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderParts, "most_bytes", 10)
    world.start("a")
    for _ in range(3):
        world.asked("a", 2)
        world.now += DAY - timedelta(minutes=3)
        world.look()
    assert len(world.parts.read()) == 4 and sum(world.kept().values()) == 6


def test_what_is_too_old_or_too_much_is_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderParts, "most_bytes", 10)
    monkeypatch.setattr("modelway.monitoring.kept_days.MOST_DAYS", 1)
    world.start("a")
    for _ in range(4):
        world.asked("a", 2)
        world.now += DAY - timedelta(minutes=3)
        world.look()
    assert sorted(world.kept()) == ["2026-11-23", "2026-11-24"]


def test_a_kept_day_is_the_sketch_of_its_server(world: World) -> None:
    world.start("a")
    world.asked("a", 4)
    world.now += DAY
    day = world.look().days["2026-11-20"]
    told = world.running["a"].told(BEGIN.timestamp(), world.now.timestamp())
    assert written(day) == written(msgspec.json.decode(told, type=DataSketch))


def test_damaged_days_are_said_and_left_alone(world: World) -> None:
    world.start("a")
    world.now += HOUR
    world.look()
    [file] = (world.folder / "days").glob("*.json")
    file.write_bytes(b"{}")
    with pytest.raises(InvalidInput, match="are not what monitor-model writes"):
        world.look()
    assert file.read_bytes() == b"{}"
