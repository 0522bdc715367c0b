"""The ledger on real MLflow servers: the schedules of the simulation, many promoters at once, death, and moves by hand."""

from __future__ import annotations

import contextlib
import functools
import queue
import random
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelway.errors import Refused
from modelway.registry import ledger
from modelway.registry.entities import Run
from modelway.registry.ledger import ChainBroken, Change, MovedByHand, RecordedChange, Writer
from modelway.registry.ledger_entries import StoredEntry
from modelway.registry.ledger_versions import ENTRY_TAG, VersionLedger
from modelway.registry.mlflow import MLflow, connect
from registry.ledger_simulation import (
    MODEL,
    Command,
    Ended,
    Exploration,
    Held,
    carried_out,
    inequivalent_schedules,
)
from sampled import sampled

ENVIRONMENT = "production"
PROMOTERS = 16
MakeVersions = Callable[[MLflow, str, int], list[int]]
Commands = Mapping[str, Command]


def promote(version: int) -> Command:
    def command(store: ledger.LedgerStore, writer: Writer) -> object:
        base = ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer)
        return ledger.record(store, base, Change(ENVIRONMENT, ENVIRONMENT, "promote", version, "why"), writer)

    return command


def records_run(client: MLflow) -> Run:
    return client.create_run(client.experiment_id("ledger"), "records", {})


def opened(client: MLflow, model: str) -> VersionLedger:
    return VersionLedger(client, model, records_run(client).id)


@dataclass(frozen=True)
class OneOfMany(VersionLedger):
    """A ledger and an alias of their own for each schedule, on one registered model."""

    number: str = ""

    @property
    def name(self) -> str:
        return f"{self.model}.{self.number}.ledger"

    def alias(self, name: str) -> int | None:
        return super().alias(f"{name}-{self.number}")

    def set_alias(self, name: str, version: int) -> None:
        super().set_alias(f"{name}-{self.number}", version)


def run_on_server(store: VersionLedger, exploration: Exploration, turns: Iterable[int]) -> None:
    """Carries out each call when its command's turn comes. Every answer, and what the server holds at the end, is what
    the simulation says: so the commands do on the server what they do there."""
    situation = exploration.start
    for index in turns:
        call = exploration.step(situation, index)
        assert not isinstance(call, Ended)
        expected = carried_out(exploration.holds[situation.held], call)[1]
        assert getattr(store, call[0])(*call[1]) == expected, (turns, call)
        situation = exploration.after(situation, index)
    assert exploration.ended(situation) is not None
    held = exploration.holds[situation.held]
    assert store.entries() == held.stored, turns
    assert store.alias(ENVIRONMENT) == dict(held.aliases)[ENVIRONMENT], turns


def together(*works: Callable[[], None]) -> None:
    """Runs them at once; the first error of any is the test's."""
    failed: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def with_flights(uri: str, make_versions: MakeVersions) -> tuple[MLflow, Run]:
    client = connect(uri, {})
    if client.get_model(MODEL) is None:
        make_versions(client, MODEL, 3)
    return client, records_run(client)


def share(
    uris: tuple[str, ...], make_versions: MakeVersions, schedules: Iterable[tuple[int, ...]], commands: Commands
) -> None:
    """Every schedule on one of the servers, whichever is free."""
    waiting: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
    for turns in schedules:
        waiting.put(turns)

    def work(uri: str) -> None:
        client, run = with_flights(uri, make_versions)
        exploration = Exploration(commands, Held())
        with contextlib.suppress(queue.Empty):
            while True:
                turns = waiting.get_nowait()
                run_on_server(OneOfMany(client, MODEL, run.id, uuid.uuid4().hex), exploration, turns)

    together(*(functools.partial(work, uri) for uri in uris))


@pytest.mark.long  # test_ledger_schedules.py has them all on a store of its own, also in CI
def test_two_writers_in_every_schedule(server_2: str, server_3: str, make_versions: MakeVersions) -> None:
    """All 100,934, one of every class that differs only in the order of steps that commute."""
    commands = {"a": promote(1), "b": promote(2)}
    schedules = list(inequivalent_schedules(Exploration(commands, Held())))
    assert len(schedules) > 600
    share((server_2, server_3), make_versions, sampled(schedules, 3), commands)


@pytest.mark.long  # QUICK, they are run in memory: test_ledger_schedules
def test_three_writers_in_200_seeded_schedules(server_2: str, server_3: str, make_versions: MakeVersions) -> None:
    commands = {"a": promote(1), "b": promote(2), "c": promote(3)}
    exploration = Exploration(commands, Held())
    chooser = random.Random(20261121)
    schedules = []
    for _ in range(200):
        situation, turns = exploration.start, []
        while following := list(exploration.following(situation)):
            index, situation = chooser.choice(following)
            turns.append(index)
        schedules.append(tuple(turns))
    share((server_2, server_3), make_versions, schedules, commands)


def promote_until_it_wins(
    uri: str, model: str, version: int, start: threading.Barrier, lost: list[int]
) -> RecordedChange:
    """One promoter with a session of its own. Each time it is told that it lost, it takes a new decision."""
    try:
        store = opened(connect(uri, {}), model)
    except BaseException:
        start.abort()
        raise
    start.wait()
    while True:
        try:
            done = promote(version)(store, Writer(f"promoter of {version}"))
            assert isinstance(done, RecordedChange)
            return done
        except Refused as refused:
            assert "superseded" in str(refused), refused
            lost.append(version)


def assert_one_wins_each_step_and_none_is_lost(uri: str, model: str, make_versions: MakeVersions) -> None:
    client = connect(uri, {})
    versions = make_versions(client, model, PROMOTERS)
    won: dict[int, RecordedChange] = {}
    lost: list[int] = []
    start = threading.Barrier(PROMOTERS)

    def work(version: int) -> None:
        won[version] = promote_until_it_wins(uri, model, version, start, lost)

    together(*(functools.partial(work, version) for version in versions))
    store = VersionLedger(client, model)
    history = ledger.audit(store)
    chain = history.on_chain(ENVIRONMENT)
    assert not history.problems
    assert sorted(row.entry.version for row in chain) == versions, "each version is on the chain, once"
    assert {row.number for row in chain} == {done.recorded.number for done in won.values()}
    before = [None, *(row.entry.version for row in chain[:-1])]
    assert [row.entry.previous_version for row in chain] == before
    assert len(history.recorded) - len(chain) == len(lost), "every void entry's writer was told"
    assert lost, "they did race"
    assert chain[-1].applied
    assert store.alias(ENVIRONMENT) == chain[-1].entry.version


def test_16_promoters_at_once_on_sqlite(uri: str, model: str, make_versions: MakeVersions) -> None:
    assert_one_wins_each_step_and_none_is_lost(uri, model, make_versions)


@pytest.mark.long
def test_16_promoters_at_once_on_postgresql_with_4_workers(
    server_on_postgresql: str, model: str, make_versions: MakeVersions
) -> None:
    assert_one_wins_each_step_and_none_is_lost(server_on_postgresql, model, make_versions)


KILLED_BEFORE = """
import os, signal, sys
from modelway.registry import ledger
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.mlflow import connect

uri, model, version, call = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(VersionLedger, call, die)
client = connect(uri, {})
store = VersionLedger(client, model, client.create_run(client.experiment_id("ledger"), "records", {}).id)
writer = ledger.Writer("the one that dies")
base = ledger.finish(store, "production", "production", writer)
ledger.record(store, base, ledger.Change("production", "production", "promote", int(version), "why"), writer)
"""


@pytest.mark.parametrize("call", ["mark", "set_alias"])
def test_killed_between_ledger_and_alias_the_next_command_finishes(
    uri: str, model: str, make_versions: MakeVersions, root: Path, call: str
) -> None:
    client = connect(uri, {})
    make_versions(client, model, 3)
    store = opened(client, model)
    promote(1)(store, Writer("first"))
    killed = [sys.executable, "-c", KILLED_BEFORE, uri, model, "2", call]
    done = subprocess.run(killed, env={"PYTHONPATH": str(root / "scripts")}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.alias(ENVIRONMENT) == 1
    head = ledger.read(store).head_of(ENVIRONMENT)
    assert head is not None and head.entry.version == 2 and not head.applied

    history = ledger.finish(store, ENVIRONMENT, ENVIRONMENT, Writer("next"))
    head = history.head_of(ENVIRONMENT)
    assert head is not None and head.applied and head.entry.who == "the one that dies"
    assert store.alias(ENVIRONMENT) == 2
    done_next = promote(3)(store, Writer("next"))
    assert isinstance(done_next, RecordedChange) and done_next.recorded.entry.previous_version == 2


@pytest.mark.parametrize("moved_to", [1, None])
def test_an_alias_moved_by_hand_is_reported_and_left_alone(
    client: MLflow, model: str, make_versions: MakeVersions, moved_to: int | None
) -> None:
    make_versions(client, model, 3)
    store = opened(client, model)
    for version in (1, 2):
        promote(version)(store, Writer("somebody"))
    if moved_to is None:
        client.delete_alias(model, ENVIRONMENT)
    else:
        client.set_alias(model, ENVIRONMENT, moved_to)
    before = store.entries()
    for _ in range(2):
        with pytest.raises(MovedByHand, match="entry 2 put version 2 there"):
            promote(3)(store, Writer("next"))
    assert store.alias(ENVIRONMENT) == moved_to
    assert store.entries() == before

    restored = ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "a mistake", Writer("next"))
    assert restored is not None and restored.recorded.entry.action == "restore"
    assert store.alias(ENVIRONMENT) == 2
    promote(3)(store, Writer("next"))
    assert store.alias(ENVIRONMENT) == 3


def test_an_alias_set_before_there_was_a_ledger_is_adopted(
    client: MLflow, model: str, make_versions: MakeVersions
) -> None:
    make_versions(client, model, 2)
    client.set_alias(model, ENVIRONMENT, 1)
    store = opened(client, model)
    with pytest.raises(MovedByHand, match="no entry of production"):
        promote(2)(store, Writer("next"))
    adopted = ledger.adopt(
        store, ENVIRONMENT, ENVIRONMENT, "it was so", Writer("me"), lambda version: f"digest {version}"
    )
    assert adopted is not None
    entry = adopted.recorded.entry
    assert (entry.action, entry.version, entry.previous_version, entry.model_digest) == ("adopt", 1, None, "digest 1")
    assert ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "again", Writer("me")) is None
    promote(2)(store, Writer("next"))


def test_a_deleted_and_an_edited_entry_are_seen_and_block_until_they_are_adopted(
    client: MLflow, model: str, make_versions: MakeVersions
) -> None:
    make_versions(client, model, 3)
    store = opened(client, model)
    for version in (1, 2, 3):
        promote(version)(store, Writer("somebody"))
    client.transport.api("DELETE", "model-versions/delete", {"name": store.name, "version": "2"})
    text = store.entries()[0].text
    client.set_version_tag(store.name, 1, ENTRY_TAG, text.replace('"version":1', '"version":2'))
    with pytest.raises(ChainBroken, match=r"entry 1 was edited.*entry 2 is missing.*entry 3 follows"):
        promote(1)(store, Writer("next"))
    adopted = ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "we know", Writer("me"))
    assert adopted is not None and len(adopted.recorded.entry.accepts) == 3
    assert adopted.recorded.number == 4, "the number of a deleted entry is not given again"
    promote(1)(store, Writer("next"))
    assert len(ledger.read(store).problems) == 3, "still shown"


def test_a_ledger_of_many_pages_is_read_whole(
    client: MLflow, model: str, make_versions: MakeVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_versions(client, model, 2)
    store = opened(client, model)
    for step in range(5):
        promote(1 + step % 2)(store, Writer("somebody"))
    monkeypatch.setattr("modelway.registry.mlflow.PAGE", 2)
    entries: tuple[StoredEntry, ...] = store.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
