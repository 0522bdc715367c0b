"""The replay of a chain: edits, gaps and strangers are named, and nothing in a store makes it fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.records import canonical_json
from modelway.registry.ledger_entries import GENESIS, Entry, StoredEntry, as_written, sealed
from modelway.registry.ledger_history import replay

MODEL = "flights"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def entry(number: int, previous: str, **changes: object) -> Entry:
    fields: dict[str, object] = {
        "model": MODEL,
        "environment": "production",
        "alias": "production",
        "action": "promote",
        "version": number,
        "previous_version": number - 1 or None,
        "model_digest": "m",
        "data_digest": "d",
        "policy_digest": "p",
        "verdict": None,
        "who": "me",
        "why": "passed",
        "when": (NOON + timedelta(hours=number)).isoformat(),
        "nonce": f"n{number}",
        "previous": previous,
    }
    return sealed(Entry(**{**fields, **changes}))  # type: ignore[arg-type]


def text_of(entry: Entry) -> str:
    return canonical_json(as_written(entry)).decode()


def chain(length: int) -> list[StoredEntry]:
    previous, stored = GENESIS, []
    for number in range(1, length + 1):
        made = entry(number, previous)
        previous = made.hash
        stored.append(StoredEntry(number, text_of(made), {}))
    return stored


def test_a_chain_replays() -> None:
    history = replay(MODEL, reversed(chain(3)))
    assert not history.problems
    assert [row.entry.version for row in history.on_chain("production")] == [1, 2, 3]
    assert history.head == history.recorded[-1].entry.hash
    assert not history.on_chain("staging") and history.head_of("staging") is None


def test_what_was_there_last_tuesday() -> None:
    history = replay(MODEL, chain(3))

    def version_at(hours: float) -> int | None:
        found = history.at("production", NOON + timedelta(hours=hours))
        return found.entry.version if found else None

    assert [version_at(hours) for hours in (0.5, 1, 2.5, 100)] == [None, 1, 2, 3]


def test_a_loser_is_void_and_changes_nothing() -> None:
    stored = chain(2)
    first = json.loads(stored[0].text)["hash"]
    stored += [StoredEntry(3, text_of(entry(9, first)), {}), StoredEntry(4, stored[1].text, {})]
    history = replay(MODEL, stored)
    assert [row.state for row in history.recorded] == ["valid", "valid", "void", "void"]
    assert not history.problems
    head = history.head_of("production")
    assert head is not None and head.number == 2


@pytest.mark.parametrize("field", sorted(set(Entry.__struct_fields__) - {"schema", "hash", "previous", "model"}))
def test_an_edit_of_any_field_is_seen(field: str) -> None:
    stored = chain(3)
    changed = json.loads(stored[1].text)
    other = {"version": 7, "previous_version": 7, "accepts": ["x"], "verdict": {"run": "r", "path": "p", "sha256": "s"}}
    other["heads"] = [{"environment": "production", "number": 1, "hash": "h"}]
    changed[field] = other.get(field, "rollback" if field == "action" else NOON.isoformat() if field == "when" else "x")
    stored[1] = StoredEntry(2, canonical_json(changed).decode(), {})
    assert replay(MODEL, stored).problems == ("entry 2 was edited after it was written",)


def test_an_edit_that_makes_its_hash_right_again_breaks_the_chain() -> None:
    stored = chain(3)
    forged = sealed(msgspec.structs.replace(msgspec.json.decode(stored[1].text, type=Entry), version=7))
    stored[1] = StoredEntry(2, text_of(forged), {})
    assert replay(MODEL, stored).problems == ("entry 3 follows an entry that is not here",)


@pytest.mark.parametrize("gone", [1, 2])
def test_a_deleted_entry_is_seen(gone: int) -> None:
    history = replay(MODEL, [row for row in chain(3) if row.number != gone])
    assert f"entry {gone} is missing" in history.problems
    assert f"entry {gone + 1} follows an entry that is not here" in history.problems
    head = history.head_of("production")
    assert head is not None and head.entry.version == 3


def test_adopting_names_what_it_accepts_and_nothing_later() -> None:
    stored = [row for row in chain(3) if row.number != 2]
    broken = replay(MODEL, stored)
    accepting = entry(4, broken.head, action="adopt", accepts=broken.unaccepted)
    stored.append(StoredEntry(4, text_of(accepting), {}))
    history = replay(MODEL, stored)
    assert history.problems == broken.problems and not history.unaccepted
    assert replay(MODEL, stored[1:]).unaccepted == ("entry 1 is missing",)


@pytest.mark.parametrize("schema", ["modelway/ledger/2", ""])
def test_an_entry_of_another_kind_is_not_read(schema: str) -> None:
    fields = {**json.loads(chain(1)[0].text), "schema": schema}
    assert replay(MODEL, [StoredEntry(1, json.dumps(fields), {})]).problems == (
        "entry 1 is not an entry of this ledger",
    )


def test_an_entry_of_another_model_is_not_read() -> None:
    assert replay("another", chain(1)).problems == ("entry 1 is not an entry of this ledger",)


values = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)
fields = st.dictionaries(st.sampled_from(Entry.__struct_fields__), values, max_size=4)


@given(st.lists(st.tuples(st.integers(1, 6), fields | st.text(max_size=20)), max_size=5), st.text(max_size=30))
def test_nothing_in_a_store_makes_the_replay_fail(changes: list[tuple[int, object]], mark: str) -> None:
    stored = {row.number: row for row in chain(4)}
    for number, change in changes:
        text = change if isinstance(change, str) else json.dumps({**json.loads(chain(6)[number - 1].text), **change})  # type: ignore[dict-item]
        stored[number] = StoredEntry(number, text, {"modelway.apply.x": mark})
    history = replay(MODEL, stored.values())
    assert len(history.recorded) + len(history.problems) >= len(stored)
