"""A replay from a checkpoint says what the whole chain says, whatever the order of things; what it cannot judge it reads
whole, and what lies before the checkpoint is checked by the audit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.records import canonical_json
from modelway.registry import ledger, ledger_steps
from modelway.registry.ledger import Change
from modelway.registry.ledger_entries import Entry, as_written, entry_of, sealed
from registry import test_ledger_schedules as schedules
from registry.ledger_simulation import NOW, Exploration, Held
from registry.test_ledger_commands import Store, writer

ENVIRONMENTS = ("production", "staging", "development")


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_steps, "CHECKPOINT_EVERY", 3)


def put(store: Store, environment: str, version: int) -> None:
    who = writer(f"{environment} {version} {len(store.held.entries)}")
    base = ledger.finish(store, environment, environment, who)
    ledger.record(store, base, Change(environment, environment, "promote", version, "passed"), who)


def filled(length: int) -> Store:
    """Staging was last touched at the very beginning."""
    store = Store()
    put(store, "staging", 1)
    for version in range(1, length):
        put(store, "production", version)
    return store


def edited(store: Store, number: int, **fields: object) -> None:
    """Its text is another, its hash what it was."""
    rows = list(store.held.entries)
    entry = entry_of(store.held.stored[number - 1])
    assert entry is not None
    changed = msgspec.structs.replace(entry, **fields)
    rows[number - 1] = (canonical_json(as_written(changed)).decode(), rows[number - 1][1])
    store.held = Held(tuple(rows), store.held.aliases)


def checkpoints(store: Store) -> list[int]:
    return [row.number for row in store.held.stored if (entry := entry_of(row)) is not None and entry.heads]


@given(st.lists(st.sampled_from(ENVIRONMENTS), max_size=25))
def test_what_stands_where_is_the_same_from_a_checkpoint(environments: list[str]) -> None:
    ledger_steps.CHECKPOINT_EVERY = 3
    store = Store()
    for version, environment in enumerate(environments, 1):
        put(store, environment, version)
    recent, whole = ledger.read(store), ledger.audit(store)
    assert not recent.problems and not whole.problems
    assert recent.head == whole.head
    for environment in ENVIRONMENTS:
        assert recent.head_of(environment) == whole.head_of(environment)
    assert len(recent.stored) <= 2 * 3 + len(ENVIRONMENTS) + 2


def test_only_what_is_needed_is_read() -> None:
    store = filled(40)
    history = ledger.read(store)
    assert not history.whole and len(history.stored) < 10
    staging = history.head_of("staging")
    assert staging is not None and staging.number == 1


def test_an_edit_before_the_checkpoint_is_found_by_the_audit() -> None:
    store = filled(20)
    edited(store, 4, version=77)
    assert not ledger.read(store).problems
    assert ledger.audit(store).problems == ("entry 4 was edited after it was written",)


def test_an_edit_after_it_is_found_at_once_and_so_is_one_of_what_it_names() -> None:
    for number in (19, 1):
        store = filled(20)
        edited(store, number, version=77)
        history = ledger.read(store)
        assert history.whole
        assert history.unaccepted == (f"entry {number} was edited after it was written",)


def test_an_edited_checkpoint_is_none_and_is_found() -> None:
    store = filled(20)
    last = checkpoints(store)[-1]
    entry = entry_of(store.held.stored[last - 1])
    assert entry is not None
    heads = tuple(replace_head(item, "production", 2) for item in entry.heads)
    edited(store, last, heads=heads)
    history = ledger.read(store)
    assert history.unaccepted == (f"entry {last} was edited after it was written",)


def replace_head(item, environment: str, number: int):  # type: ignore[no-untyped-def]
    return msgspec.structs.replace(item, number=number) if item.environment == environment else item


def test_a_forged_checkpoint_with_the_right_hash_breaks_the_chain() -> None:
    store = filled(20)
    last = checkpoints(store)[-2]
    entry = entry_of(store.held.stored[last - 1])
    assert entry is not None
    forged = sealed(msgspec.structs.replace(entry, heads=entry.heads[:1]))
    rows = list(store.held.entries)
    rows[last - 1] = (canonical_json(as_written(forged)).decode(), rows[last - 1][1])
    store.held = Held(tuple(rows), store.held.aliases)
    assert f"entry {last + 1} follows an entry that is not here" in ledger.audit(store).unaccepted
    rest = Store(Held(store.held.entries[: checkpoints(store)[-1] - 1], store.held.aliases))
    assert f"entry {last + 1} follows an entry that is not here" in ledger.read(rest).unaccepted


def test_a_loser_from_long_ago_is_void_and_accuses_nobody() -> None:
    store = filled(20)
    early = entry_of(store.held.stored[2])
    assert early is not None
    late = sealed(msgspec.structs.replace(early, nonce="late", version=99))
    rows = (*store.held.entries, (canonical_json(as_written(late)).decode(), ()))
    store.held = Held(rows, store.held.aliases)
    history = ledger.read(store)
    assert history.whole and not history.problems
    assert history.recorded[-1].state == "void"
    put(store, "production", 50)


def test_a_checkpoint_that_lost_its_race_is_not_used() -> None:
    store = filled(3)
    history = ledger.read(store)
    assert history.since_checkpoint == 3
    head = history.head_of("production")
    assert head is not None
    rival = sealed(msgspec.structs.replace(head.entry, nonce="rival", previous=history.head, version=7))
    rows = (*store.held.entries, (canonical_json(as_written(rival)).decode(), ()))
    late = Store(Held(rows, store.held.aliases))
    loser = ledger.append(late, history, Change("production", "production", "promote", 8, "late"), writer("loser"))
    assert loser.written_by("loser")[0].state == "void" and loser.written_by("loser")[0].entry.heads
    ledger.finish(late, "production", "production", writer("mender"))
    for version in range(9, 12):
        put(late, "production", version)
    assert not ledger.audit(late).problems
    assert [row.entry.version for row in ledger.audit(late).on_chain("production")][-4:] == [7, 9, 10, 11]
    assert ledger.read(late).head == ledger.audit(late).head


def test_an_intent_before_the_checkpoint_still_explains_an_alias() -> None:
    """A writer was held up before it set the alias, and died after it; meanwhile others went on beyond a checkpoint."""
    store = filled(3)
    held_up = ledger.read(store).head_of("production")
    assert held_up is not None
    for version in range(5, 15):
        put(store, "production", version)
    key = f"{ledger_steps.MARK}dead.0"
    store.mark(held_up.number, key, f"{ledger_steps.INTENT} {NOW.isoformat()}")
    store.set_alias("production", held_up.entry.version)
    ledger.finish(store, "production", "production", writer("next"))
    assert store.alias("production") == 14


def test_very_many_environments_fit_into_no_checkpoint_and_nothing_breaks() -> None:
    store = Store()
    for number in range(60):
        put(store, f"environment-{number:03d}", 1)
    assert checkpoints(store)[-1] < 50
    put(store, "environment-000", 2)
    assert not ledger.read(store).problems
    assert [ledger.read(store).head_of(f"environment-{number:03d}") for number in range(60)] == [
        ledger.audit(store).head_of(f"environment-{number:03d}") for number in range(60)
    ]


def test_entries_without_a_checkpoint_have_the_text_and_the_hash_that_they_always_had() -> None:
    entry = sealed(
        Entry(
            model="flights",
            environment="production",
            alias="production",
            action="promote",
            version=1,
            previous_version=None,
            model_digest="m",
            data_digest="d",
            policy_digest="p",
            verdict=None,
            who="me",
            why="passed",
            when="2026-11-21T12:00:00+00:00",
            nonce="n",
            previous="",
        )
    )
    assert "heads" not in as_written(entry)
    assert entry.hash == "606479f584592ce0807f1ed5c133b5ae6500e0d3355f2c1c1f9fbbbc9773cb20"


def test_two_writers_in_every_schedule_around_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read from a checkpoint, and one of their own entries may be the next one."""
    monkeypatch.setattr(ledger_steps, "CHECKPOINT_EVERY", 2)
    before = schedules.EMPTY
    for number in range(1, 9):
        before = schedules.after(schedules.promote(1 + number % 2), f"before {number}", before)
    store = Store(before)
    assert not ledger.read(store).whole and ledger.read(store).since_checkpoint >= 1
    exploration = Exploration({"a": schedules.promote(3), "b": schedules.promote(4)}, before)
    situations, count = exploration.situations()
    assert count > 100_000
    for situation in situations:
        if (ends := exploration.ended(situation)) is not None:
            schedules.assert_ended_well(exploration, exploration.holds[situation.held], ends, before)
    assert any(checkpoints(Store(held)) != checkpoints(store) for held in exploration.holds)
    for held in exploration.holds:
        schedules.assert_one_command_mends(held)
        schedules.assert_a_hand_is_seen(held)
