"""The ledger's invariants over every schedule: whatever order the calls of several commands come in, and wherever one of
them dies.

A command that dies is a command whose next call never comes. So every situation that commands can bring about together is
also one in which any of them has died, and what a later command does in it depends only on what the store holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from modelway.errors import Refused
from modelway.registry import ledger
from modelway.registry.ledger import Change, LedgerStore, MovedByHand, RecordedChange, Writer
from modelway.registry.ledger_entries import INTENT
from modelway.registry.ledger_history import History, Recorded, replay
from registry.ledger_simulation import (
    MODEL,
    Command,
    Ended,
    Exploration,
    Held,
    alone,
    carried_out,
    inequivalent_schedules,
)

ENVIRONMENT = "production"


def promote(version: int, environment: str = ENVIRONMENT) -> Command:
    """What promote-model does: finish what is unfinished, decide on what was found, record."""

    def command(store: LedgerStore, writer: Writer) -> object:
        base = ledger.finish(store, environment, environment, writer)
        change = Change(environment, environment, "promote", version, "passed the gate")
        return ledger.record(store, base, change, writer)

    return command


def look(store: LedgerStore, writer: Writer) -> object:
    """The least that any command does."""
    return ledger.finish(store, ENVIRONMENT, ENVIRONMENT, writer)


def adopt(store: LedgerStore, writer: Writer) -> object:
    return ledger.adopt(store, ENVIRONMENT, ENVIRONMENT, "it is right", writer)


def restore(store: LedgerStore, writer: Writer) -> object:
    return ledger.restore(store, ENVIRONMENT, ENVIRONMENT, "it is wrong", writer)


def after(command: Command, name: str, held: Held, calls: int | None = None) -> Held:
    """What the store holds after the command, or after so many of its calls."""
    for call in alone(command, name, held)[2][:calls]:
        held = carried_out(held, call)[0]
    return held


EMPTY = Held()
SETTLED = after(promote(1), "first", EMPTY)
KILLED = after(promote(2), "killed", SETTLED, 4)
"""Its entry is there, its alias is not."""
ANNOUNCED = after(promote(2), "killed", SETTLED, 5)
BY_HAND = carried_out(SETTLED, ("set_alias", (ENVIRONMENT, 77)))[0]
STARTS = {"empty": EMPTY, "settled": SETTLED, "killed": KILLED, "announced": ANNOUNCED}


def history_of(held: Held) -> History:
    return replay(MODEL, held.stored)


def head_of(held: Held) -> Recorded | None:
    return history_of(held).head_of(ENVIRONMENT)


def alias_of(held: Held) -> int | None:
    return dict(held.aliases).get(ENVIRONMENT)


def hashes(held: Held) -> tuple[str, ...]:
    return tuple(row.entry.hash for row in history_of(held).on_chain())


def agree(held: Held) -> bool:
    head = head_of(held)
    return alias_of(held) == (head.entry.version if head else None)


def open_intents(held: Held) -> set[int]:
    """The versions that a writer may still set."""
    return {
        row.entry.version
        for row, stored in zip(history_of(held).recorded, held.stored, strict=True)
        if any(mark.startswith(INTENT) for mark in stored.marks.values())
    }


def assert_one_command_mends(held: Held) -> None:
    """Whoever died here: one more command alone, and alias and head agree; no entry is lost, nobody is accused."""
    found, ended, _ = alone(look, "mender", held)
    assert ended.error is None, ended.error
    assert agree(found)
    assert hashes(found) == hashes(held) and not history_of(found).problems
    head = head_of(found)
    assert head is None or head.applied


def assert_a_hand_is_seen(held: Held) -> None:
    """An alias that is moved now, to any version that no writer has announced, is reported and left alone."""
    head = head_of(held)
    if head is None or not head.applied:
        return
    for version in {1, 2, 3, 4, 77} - open_intents(held) - {head.entry.version}:
        moved = carried_out(held, ("set_alias", (ENVIRONMENT, version)))[0]
        found, ended, _ = alone(look, "mender", moved)
        assert isinstance(ended.error, MovedByHand), version
        assert f"version {version}," in str(ended.error) and f"version {head.entry.version} there" in str(ended.error)
        assert found == moved
    gone = Held(held.entries, ())
    found, ended, _ = alone(look, "mender", gone)
    assert isinstance(ended.error, MovedByHand)
    assert found == gone


def assert_ended_well(exploration: Exploration, held: Held, ends: Iterable[Ended], before: Held) -> None:
    """Every command has ended: each has its place on the chain or knows that it lost, and all is settled."""
    history, won = history_of(held), 0
    assert not history.problems
    assert agree(held)
    assert open_intents(held) == open_intents(before)
    for name, end in zip(exploration.names, ends, strict=True):
        states = [row.state for row in history.written_by(name)]
        if isinstance(end.result, RecordedChange):
            won += 1
            assert states.count("valid") == 1
        elif end.error is not None:
            assert isinstance(end.error, Refused) and "superseded" in str(end.error)
            assert states and "valid" not in states
    assert len(hashes(held)) == len(hashes(before)) + won, "as many steps as winners"


@pytest.mark.parametrize("start", STARTS)
def test_two_writers_in_every_schedule_and_dying_at_every_step(start: str) -> None:
    before = STARTS[start]
    exploration = Exploration({"a": promote(3), "b": promote(4)}, before)
    situations, schedules = exploration.situations()
    assert schedules > 100_000
    for situation in situations:
        if (ends := exploration.ended(situation)) is not None:
            assert_ended_well(exploration, exploration.holds[situation.held], ends, before)
    for held in exploration.holds:
        assert_one_command_mends(held)
        assert_a_hand_is_seen(held)
        found, ended, _ = alone(promote(5), "next", held)
        assert isinstance(ended.result, RecordedChange), "the next promotion goes through after any death"
        assert alias_of(found) == 5 and agree(found)


@pytest.mark.long
def test_three_writers_in_every_schedule_and_dying_at_every_step() -> None:
    exploration = Exploration({"a": promote(2), "b": promote(3), "c": promote(4)}, SETTLED)
    situations, schedules = exploration.situations()
    assert schedules > 10**9
    for situation in situations:
        if (ends := exploration.ended(situation)) is not None:
            assert_ended_well(exploration, exploration.holds[situation.held], ends, SETTLED)
    for held in exploration.holds:
        assert_one_command_mends(held)


@pytest.mark.parametrize(("start", "losses"), [("settled", 2), ("announced", 1)])
def test_a_lost_answer_loses_no_entry_and_makes_no_second_one(start: str, losses: int) -> None:
    """Answers to append or set_alias never come; the store carries the calls out at any later moment, or never."""
    before = STARTS[start]
    exploration = Exploration({"a": promote(3), "b": promote(4)}, before, losses)
    situations, schedules = exploration.situations()
    assert schedules > 10**7
    for situation in situations:
        held = exploration.holds[situation.held]
        if (ends := exploration.ended(situation)) is None:
            continue
        history = history_of(held)
        assert not history.problems
        won = 0
        for name, end in zip(exploration.names, ends, strict=True):
            states = [row.state for row in history.written_by(name)]
            if isinstance(end.result, RecordedChange):
                won += 1
                assert states.count("valid") == 1, "twice in the store, once on the chain"
            else:
                assert "superseded" in str(end.error) and "valid" not in states
        assert len(hashes(held)) == len(hashes(before)) + won
    for held in exploration.holds:
        assert_one_command_mends(held)


def test_writers_of_two_environments_never_supersede_each_other() -> None:
    exploration = Exploration({"a": promote(2), "b": promote(3, "staging")}, SETTLED)
    situations, _ = exploration.situations()
    ends = [
        (ended, exploration.holds[each.held]) for each in situations if (ended := exploration.ended(each)) is not None
    ]
    assert ends
    for ended, held in ends:
        assert all(isinstance(end.result, RecordedChange) for end in ended)
        assert dict(held.aliases) == {"production": 2, "staging": 3}
        assert not history_of(held).problems


REPAIRS = {"adopt": adopt, "restore": restore, "promote": promote(3)}


@pytest.mark.parametrize(
    ("one", "other"), [("adopt", "restore"), ("adopt", "promote"), ("restore", "promote"), ("restore", "restore")]
)
def test_commands_on_an_alias_that_was_moved_by_hand(one: str, other: str) -> None:
    """A promotion is refused until the move is adopted or restored; together they still end with alias and head equal."""
    exploration = Exploration({"a": REPAIRS[one], "b": REPAIRS[other]}, BY_HAND)
    situations, _ = exploration.situations()
    for situation in situations:
        held = exploration.holds[situation.held]
        if (ends := exploration.ended(situation)) is None:
            continue
        assert agree(held) and not history_of(held).problems and not open_intents(held)
        assert any(isinstance(end.result, RecordedChange) for end in ends)
        for end, command in zip(ends, (one, other), strict=True):
            if end.error is not None:
                assert isinstance(end.error, Refused)
                assert "superseded" in str(end.error) or command == "promote"
    for held in exploration.holds:
        if head_of(held) != head_of(BY_HAND):
            assert_one_command_mends(held)


def test_merging_loses_no_outcome() -> None:
    """The simulation goes on from one of several pasts that hold the same; it finds what it finds without that."""

    def outcomes(merging: bool) -> tuple[set[object], int]:
        exploration = Exploration({"a": promote(2), "b": promote(3)}, SETTLED, merging=merging)
        situations, schedules = exploration.situations()
        found = set()
        for situation in situations:
            if (ends := exploration.ended(situation)) is not None:
                kinds = tuple((type(end.result), str(end.error)) for end in ends)
                found.add((exploration.holds[situation.held], kinds))
        return found, schedules

    assert outcomes(merging=True) == outcomes(merging=False)


def test_the_schedules_for_the_real_server_leave_no_outcome_out() -> None:
    """They reach every end that all schedules together reach, each by a way of its own."""
    exploration = Exploration({"a": promote(1), "b": promote(2)}, EMPTY)
    ends = {situation for situation in exploration.situations()[0] if exploration.ended(situation) is not None}
    schedules = list(inequivalent_schedules(exploration))
    reached = set()
    for schedule in schedules:
        situation = exploration.start
        for index in schedule:
            situation = exploration.after(situation, index)
        reached.add(situation)
    assert reached == ends
    assert len(set(schedules)) == len(schedules) > len(ends)


def test_without_intents_a_death_would_look_like_a_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol's hole that intents close is real, and these tests see it: a writer that was held up sets its alias
    after the next one, and dies."""
    monkeypatch.setattr(ledger, "explained", lambda *_: False)
    exploration = Exploration({"a": promote(2), "b": promote(3)}, SETTLED)
    exploration.situations()
    accused = [held for held in exploration.holds if isinstance(alone(look, "mender", held)[1].error, MovedByHand)]
    assert accused
