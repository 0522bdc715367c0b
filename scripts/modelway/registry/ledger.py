"""The ledger's protocol: several writers, a store without locks, and a runner that may die between any two calls.

The store gives numbers to entries atomically, so the chain decides every race: of the entries that name the same
`previous` the one with the lowest number is valid, the others are void and their writers have lost. An alias has no such
decision: the last call wins, also one that was held up for a minute on its way. So a writer, before it sets an alias,
marks the entry with its intent; it sets the alias, reads the head again, and goes on to the newer head until they agree;
only then does it mark what it did: `applied` on the head, `passed` on entries that it had set on the way.

What follows, for every schedule and for a writer that dies anywhere (tests/registry/test_ledger_schedules.py):
- The head is not applied: whoever comes next finishes it.
- The head is applied and the alias says another version, for which there is an open intent: a held-up writer set it after
  the others had gone on. It repairs that itself, and if it has died, whoever comes next does.
- The head is applied, the alias differs, and no intent explains it: somebody moved it by hand. Reported, not touched.
To tell the last two apart, entries are read before and after the alias: marks never go back, so two equal readings mean
that no writer began or ended between them.

A writer that died between its intent and its alias leaves an intent that nobody ends. It can excuse a move by hand to just
that version, so an intent counts for HONOURED only; and a writer that was itself held up for more than FIRE_WITHIN
announces itself again before it sets the alias. See docs/adr/0002-ledger-protocol.md.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.records import canonical_json
from modelway.registry.ledger_entries import (
    APPLIED,
    INTENT,
    MARK,
    PASSED,
    Action,
    Entry,
    History,
    Recorded,
    StoredEntry,
    VerdictReference,
    replay,
    sealed,
)
from modelway.registry.transport import AmbiguousAnswer

FIRE_WITHIN = timedelta(seconds=30)
HONOURED = timedelta(minutes=5)
"""Longer than FIRE_WITHIN, a call's time limit and a few minutes between two machines' clocks together."""
ATTEMPTS = 6
LONGEST_ENTRY = 5000
"""Characters that MLflow 2.x keeps of a tag."""
LONGEST_TEXT = 1000


class LedgerStore(Protocol):
    """Where one model's ledger and aliases are kept."""

    @property
    def model(self) -> str: ...

    def entries(self) -> tuple[StoredEntry, ...]:
        """All of them, as of one moment."""

    def append(self, text: str) -> None:
        """One new entry under the next number, whole or not at all. AmbiguousAnswer where nobody can say."""

    def mark(self, number: int, key: str, value: str) -> None: ...

    def alias(self, name: str) -> int | None: ...

    def set_alias(self, name: str, version: int) -> None:
        """AmbiguousAnswer where nobody can say whether it was set, or still will be."""


@dataclass(frozen=True)
class Writer:
    """One command's identity and its clock. nonce: never used by another command."""

    who: str
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Change:
    """What a writer wants to be in an environment."""

    environment: str
    alias: str
    action: Action
    version: int
    why: str
    model_digest: str = ""
    data_digest: str = ""
    policy_digest: str = ""
    verdict: VerdictReference | None = None


@dataclass(frozen=True)
class Appended:
    """A change that is in the ledger and applied. later: the environment's head, if that is already another entry."""

    recorded: Recorded
    history: History
    later: Recorded | None


class ChainBroken(Refused):
    """Somebody changed or deleted entries."""

    def __init__(self, history: History) -> None:
        self.history = history
        super().__init__(
            f"the ledger of {history.model} is not what was written: {'; '.join(history.unaccepted[:5])}",
            fix="look at it with show-history; restore it from a backup, or accept it as it is with --adopt",
        )


class MovedByHand(Refused):
    """The alias says something that no writer of the ledger can have set."""

    def __init__(
        self, history: History, environment: str, alias: str, head: Recorded | None, stands: int | None
    ) -> None:
        self.history, self.head, self.stands = history, head, stands
        alias = head.entry.alias if head else alias
        says = f"says version {stands}" if stands is not None else "is not set"
        ledger = (
            f"the ledger's entry {head.number} put version {head.entry.version} there"
            if head
            else f"the ledger has no entry of {environment}"
        )
        super().__init__(
            f"alias {alias} of {history.model} {says}, but {ledger}: somebody moved it by hand",
            fix="record what is there with --adopt" + (", or set it back with --restore" if head else ""),
        )


def read(store: LedgerStore) -> History:
    return replay(store.model, store.entries())


def settle(store: LedgerStore, environment: str, alias: str, writer: Writer) -> History:
    """What a command does first: read, finish what another left unfinished, and make sure that nobody changed the
    ledger (ChainBroken) or moved the alias by hand (MovedByHand). alias: the one that is configured, for an
    environment that has no entry yet."""
    history = _intact(read(store))
    while True:
        head = history.head_of(environment)
        if head is not None and not head.applied:
            return _apply(store, history, environment, writer)
        stands = store.alias(head.entry.alias if head else alias)
        if stands == (head.entry.version if head else None):
            return history
        again = _intact(read(store))
        if again == history:
            if head is None or not _explained(history, head, stands, writer):
                raise MovedByHand(history, environment, alias, head, stands)
            return _apply(store, history, environment, writer)
        history = again


def append_and_apply(store: LedgerStore, base: History, change: Change, writer: Writer) -> Appended:
    """Puts the change on the chain and sets the alias. base: the history that the decision was taken on; where the
    environment has another head by now the change is Refused as superseded. An entry of another environment in
    between does not matter: the change is appended again, after it."""
    history = base
    before = base.head_of(change.environment)
    while True:
        history = _append(store, history, change, writer)
        mine = next((row for row in history.written_by(writer.nonce) if row.state == "valid"), None)
        if mine is not None:
            break
        head = history.head_of(change.environment)
        if head is not None and (before is None or head.number != before.number):
            raise _superseded(store.model, change, head)
    head = history.head_of(change.environment) or mine
    if not head.applied:
        history = _apply(store, history, change.environment, writer)
        head = history.head_of(change.environment) or mine
    return Appended(mine, history, head if head.number != mine.number else None)


def adopt(
    store: LedgerStore,
    environment: str,
    alias: str,
    why: str,
    writer: Writer,
    digest_of: Callable[[int], str] = lambda version: "",
) -> Appended | None:
    """Records that what the alias says is right, and accepts the chain's problems, each named in the entry. None where
    there is nothing to adopt. digest_of: the model digest of a version, empty where nobody knows it."""
    history = read(store)
    head = history.head_of(environment)
    stands = store.alias(head.entry.alias if head else alias)
    if not history.unaccepted:
        try:
            settle(store, environment, alias, writer)
            return None
        except MovedByHand as moved:
            history, head, stands = moved.history, moved.head, moved.stands
    if stands is None:
        fix = "set it back with --restore" if head else "promote a version"
        raise InvalidInput(f"alias {alias} of {store.model} is not set: there is nothing to adopt", fix=fix)
    change = Change(environment, alias, "adopt", stands, why, model_digest=digest_of(stands))
    return append_and_apply(store, history, change, writer)


def restore(store: LedgerStore, environment: str, alias: str, why: str, writer: Writer) -> Appended | None:
    """Sets an alias that was moved by hand back to what the ledger says. None where there is nothing to restore."""
    try:
        settle(store, environment, alias, writer)
        return None
    except MovedByHand as moved:
        if moved.head is None:
            what = f"the ledger of {store.model} has nothing in {environment} to restore"
            raise InvalidInput(what, fix="record what is there with --adopt") from moved
        history, was = moved.history, moved.head.entry
    change = Change(
        environment=environment,
        alias=was.alias,
        action="restore",
        version=was.version,
        why=why,
        model_digest=was.model_digest,
        data_digest=was.data_digest,
        policy_digest=was.policy_digest,
        verdict=was.verdict,
    )
    return append_and_apply(store, history, change, writer)


def _append(store: LedgerStore, history: History, change: Change, writer: Writer) -> History:
    """The history that has the new entry, valid or void. After an ambiguous answer the entry is looked for before it
    is written again; if the first one turns up late after all, the same text is on the chain twice and one is void."""
    head = history.head_of(change.environment)
    entry = sealed(
        Entry(
            model=store.model,
            environment=change.environment,
            alias=change.alias,
            action=change.action,
            version=change.version,
            previous_version=head.entry.version if head else None,
            model_digest=change.model_digest,
            data_digest=change.data_digest,
            policy_digest=change.policy_digest,
            verdict=change.verdict,
            who=_shortened(writer.who),
            why=_shortened(change.why),
            when=_now(writer),
            nonce=writer.nonce,
            accepts=history.unaccepted if change.action == "adopt" else (),
            previous=history.head,
        )
    )
    text = canonical_json(msgspec.to_builtins(entry)).decode()
    if len(text) > LONGEST_ENTRY:
        what = f"an entry of the ledger would have {len(text)} characters, more than {LONGEST_ENTRY}"
        raise InvalidInput(what, fix="shorten the names, or repair the ledger from a backup instead of adopting it")
    for attempt in range(ATTEMPTS):
        lost: OutsideFailure = OutsideFailure(f"the ledger of {store.model} does not show the entry that it has taken")
        try:
            store.append(text)
        except AmbiguousAnswer as error:
            lost = error
        history = read(store)
        if any(row.entry.hash == entry.hash for row in history.written_by(writer.nonce)):
            return history
        if not isinstance(lost, AmbiguousAnswer):
            break
        _pause(writer, attempt)
    raise lost


def _apply(store: LedgerStore, history: History, environment: str, writer: Writer) -> History:
    """Sets the environment's alias to its head until both agree, with an intent before and a mark after."""
    on_the_way: list[tuple[int, str]] = []
    failures = 0
    for step in itertools.count():
        head = history.head_of(environment)
        if head is None:
            raise OutsideFailure(f"the ledger of {store.model} has lost its entries of {environment}")
        key = f"{MARK}{writer.nonce}.{step}"
        announced = writer.clock()
        store.mark(head.number, key, f"{INTENT} {announced.isoformat()}")
        on_the_way.append((head.number, key))
        if writer.clock() - announced > FIRE_WITHIN:
            continue
        try:
            store.set_alias(head.entry.alias, head.entry.version)
        except AmbiguousAnswer:
            # It may still be carried out, at any time: this intent stays open.
            on_the_way.pop()
            failures += 1
            if failures == ATTEMPTS:
                raise
            _pause(writer, failures)
        else:
            history = read(store)
            again = history.head_of(environment)
            if again is not None and again.number == head.number:
                break
            continue
        history = read(store)
    *passed, (number, key) = on_the_way
    store.mark(number, key, f"{APPLIED} {_now(writer)}")
    for number, key in passed:
        store.mark(number, key, f"{PASSED} {_now(writer)}")
    return history


def _explained(history: History, head: Recorded, stands: int | None, writer: Writer) -> bool:
    """Whether a writer that was held up may have set the alias to this version."""
    now = writer.clock()
    return any(
        abs(now - announced) < HONOURED
        for row in history.on_chain(head.entry.environment)
        if (row.entry.alias, row.entry.version) == (head.entry.alias, stands)
        for announced in row.intents
    )


def _intact(history: History) -> History:
    if history.unaccepted:
        raise ChainBroken(history)
    return history


def _superseded(model: str, change: Change, head: Recorded) -> Refused:
    return Refused(
        f"superseded: entry {head.number} by {head.entry.who} put {model} version {head.entry.version} into "
        f"{change.environment} first, so version {change.version} was not",
        fix="judge it against what is there now, then promote it",
    )


def _shortened(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()  # an argument may hold bytes that are no text
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _now(writer: Writer) -> str:
    return writer.clock().isoformat(timespec="milliseconds")


def _pause(writer: Writer, attempt: int) -> None:
    writer.sleep(0.1 * 2**attempt * random.uniform(0.5, 1.0))
