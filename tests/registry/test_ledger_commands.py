"""What the ledger's commands do with clocks, long texts and stores that fail; the order of their calls is in
test_ledger_schedules.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.registry import ledger, ledger_steps
from modelway.registry.ledger import Change, MovedByHand, Writer
from modelway.registry.ledger_entries import Entry, StoredEntry
from modelway.registry.protocol import AmbiguousAnswer
from registry.ledger_simulation import MODEL, NOW, Held, carried_out, recent

ENVIRONMENT = "production"


class Store:
    """Holds a ledger in memory. fails: the calls that are lost from now on."""

    model = MODEL

    def __init__(self, held: Held | None = None) -> None:
        self.held = held or Held()
        self.fails: set[str] = set()

    def _call(self, name: str, *arguments: object) -> object:
        if name in self.fails:
            raise AmbiguousAnswer("lost")
        self.held, answer = carried_out(self.held, (name, arguments))
        return answer

    def entries(self) -> tuple[StoredEntry, ...]:
        return self.held.stored

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        return recent(self.held)

    def append(self, text: str) -> None:
        self._call("append", text)

    def mark(self, number: int, key: str, value: str) -> None:
        self._call("mark", number, key, value)

    def alias(self, name: str) -> int | None:
        return dict(self.held.aliases).get(name)

    def set_alias(self, name: str, version: int | None) -> None:
        self._call("set_alias", name, version)


def writer(name: str, *times: datetime) -> Writer:
    """Its clock shows these times in turn, then the last one."""

    def clock() -> Iterator[datetime]:
        yield from times
        while True:
            yield times[-1] if times else NOW

    ticks = clock()
    return Writer(name, nonce=name, clock=lambda: next(ticks), sleep=lambda seconds: None)


def promote(store: Store, version: int, who: Writer, why: str = "passed") -> ledger.RecordedChange:
    base = ledger.finish(store, ENVIRONMENT, ENVIRONMENT, who)
    return ledger.record(store, base, Change(ENVIRONMENT, ENVIRONMENT, "promote", version, why), who)


def with_an_interrupted_writer() -> Store:
    """Entry 1 has an open intent of a writer that died before its alias; entry 2 is in production; then the alias moves
    to the version of entry 1."""
    store = Store()
    store.fails = {"set_alias"}
    with pytest.raises(AmbiguousAnswer):
        promote(store, 1, writer("died"))
    store.fails = set()
    promote(store, 2, writer("next"))
    store.set_alias(ENVIRONMENT, 1)
    return store


def test_an_intent_explains_a_move_for_a_while_only() -> None:
    store = with_an_interrupted_writer()
    late = NOW + ledger_steps.HONOURED
    with pytest.raises(MovedByHand):
        ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer("late", late))
    assert store.alias(ENVIRONMENT) == 1
    soon = late - timedelta(seconds=1)
    ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer("soon", soon))
    assert store.alias(ENVIRONMENT) == 2


def test_an_intent_from_the_far_future_explains_nothing() -> None:
    store = with_an_interrupted_writer()
    with pytest.raises(MovedByHand):
        ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer("early", NOW - ledger_steps.HONOURED))


def test_a_writer_that_was_held_up_announces_itself_again_before_it_sets_the_alias() -> None:
    store = Store()
    much_later = NOW + timedelta(hours=3)
    # It looks at its clock for the entry, for its intent, and again before the alias: there it was held up.
    promote(store, 1, writer("slow", NOW, NOW, much_later))
    marks = list(store.entries()[0].marks.values())
    assert [mark.split()[0] for mark in marks] == ["passed", "applied"]
    assert marks[1].endswith(much_later.isoformat(timespec="milliseconds"))
    assert store.alias(ENVIRONMENT) == 1


def test_a_store_that_never_answers_ends_in_a_failure_and_is_finished_later() -> None:
    store = Store()
    store.fails = {"append"}
    with pytest.raises(AmbiguousAnswer):
        promote(store, 1, writer("a"))
    assert store.entries() == ()
    store.fails = {"set_alias"}
    with pytest.raises(AmbiguousAnswer):
        promote(store, 1, writer("b"))
    store.fails = set()
    ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer("c"))
    assert store.alias(ENVIRONMENT) == 1


def test_a_store_that_confirms_and_forgets_is_a_failure() -> None:
    store = Store()
    store.append = lambda text: None  # type: ignore[method-assign]
    with pytest.raises(OutsideFailure, match="does not show the entry"):
        promote(store, 1, writer("a"))


def test_long_and_broken_texts_are_shortened_and_kept_readable() -> None:
    store = Store()
    done = promote(store, 1, replace(writer("n"), who="w" * 5000), why="because \udcff of\n" + "x" * 5000)
    entry = done.recorded.entry
    assert len(entry.why) == ledger_steps.LONGEST_TEXT and entry.why.endswith("…")
    assert entry.why.startswith("because ? of\n") and len(store.entries()[0].text) <= ledger_steps.LONGEST_ENTRY
    assert ledger.read(store).problems == ()


def test_an_entry_that_a_server_would_cut_is_refused() -> None:
    store = Store()
    change = Change("e" * 6000, "production", "promote", 1, "why")
    with pytest.raises(InvalidInput, match="more than 5000"):
        ledger.record(store, ledger.read(store), change, writer("a"))
    assert store.entries() == ()


def test_what_is_returned_is_what_the_store_holds() -> None:
    store = Store()
    first = promote(store, 1, writer("a"))
    assert first.history == ledger.read(store) and first.recorded.applied and first.later is None
    second = promote(store, 2, writer("b"))
    assert second.recorded.entry.previous_version == 1 and second.recorded.entry.previous == first.history.head


def test_there_is_nothing_to_adopt_or_restore_where_all_is_well() -> None:
    store = Store()
    assert ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("a")) is None
    assert ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "", writer("a")) is None
    promote(store, 1, writer("b"))
    before = store.held
    assert ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("c")) is None
    assert ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "", writer("d")) is None
    assert store.held == before


def test_a_deleted_alias_can_be_restored() -> None:
    store = Store()
    promote(store, 1, writer("a"))
    store.held = Held(store.held.entries, ())
    restored = ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "", writer("c"))
    assert restored is not None and store.alias(ENVIRONMENT) == 1


def test_that_nothing_is_there_can_be_adopted_and_something_comes_after_it() -> None:
    store = Store()
    promote(store, 1, writer("a"))
    store.held = Held(store.held.entries, ())
    adopted = ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("b"))
    assert adopted is not None and adopted.recorded.applied
    assert (adopted.recorded.entry.there, adopted.recorded.entry.previous_version) == (None, 1)
    assert ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("c")) is None
    assert store.alias(ENVIRONMENT) is None
    promote(store, 2, writer("d"))
    assert store.alias(ENVIRONMENT) == 2


def test_nothing_is_appended_where_what_the_ledger_says_is_gone() -> None:
    store = Store()
    promote(store, 1, writer("a"))
    store.held = before = Held(store.held.entries, ())

    def gone(entry: Entry) -> None:
        raise Refused(f"version {entry.version} was deleted")

    with pytest.raises(Refused, match="version 1 was deleted"):
        ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "", writer("b"), gone)
    assert store.held == before


class Gappy(Store):
    """Some of its entries were deleted."""

    gone: range = range(0)

    def entries(self) -> tuple[StoredEntry, ...]:
        return tuple(row for row in self.held.stored if row.number not in self.gone)

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        return self.entries(), 1


def test_three_hundred_deleted_entries_can_be_adopted_and_the_next_one_is_seen() -> None:
    store = Gappy()
    for number in range(1, 311):
        promote(store, number, writer(str(number)))
    store.gone = range(5, 305)
    with pytest.raises(ledger.ChainBroken):
        promote(store, 311, writer("311"))
    adopted = ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("we know"))
    assert adopted is not None and len(adopted.recorded.entry.accepts) == 1
    promote(store, 312, writer("312"))
    store.gone = range(5, 306)
    with pytest.raises(ledger.ChainBroken):
        ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer("next"))
    assert "entry 305 is missing" in ledger.read(store).unaccepted


def test_an_alias_without_a_ledger_can_be_adopted_but_not_restored() -> None:
    store = Store(Held((), ((ENVIRONMENT, 5),)))
    with pytest.raises(InvalidInput, match=r"nothing in production to restore.*--adopt"):
        ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "", writer("a"))
    adopted = ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "", writer("b"))
    assert adopted is not None and adopted.recorded.entry.version == 5
