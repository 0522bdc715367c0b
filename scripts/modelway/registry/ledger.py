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

from collections.abc import Callable
from dataclasses import dataclass

from modelway.errors import InvalidInput, Refused
from modelway.registry.ledger_entries import NOTHING, Action, Entry
from modelway.registry.ledger_history import History, Recorded
from modelway.registry.ledger_steps import Change, Writer, append, audit, explained, move_alias, read
from modelway.registry.protocol import LedgerStore

__all__ = [
    "ChainBroken",
    "Change",
    "LedgerStore",
    "MovedByHand",
    "RecordedChange",
    "Writer",
    "adopt",
    "audit",
    "finish",
    "named",
    "once_more",
    "read",
    "record",
    "restore",
]


@dataclass(frozen=True)
class RecordedChange:
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
            f"the ledger's entry {head.number} put {named(head.entry.there)} there"
            if head
            else f"the ledger has no entry of {environment}"
        )
        super().__init__(
            f"alias {alias} of {history.model} {says}, but {ledger}: somebody moved it by hand, or deleted the version",
            fix="record what is there with --adopt" + (", or set it back with --restore" if head else ""),
        )


def finish(store: LedgerStore, environment: str, alias: str, writer: Writer) -> History:
    """What a command does first: read, finish what another left unfinished, and make sure that nobody changed the
    ledger (ChainBroken) or moved the alias by hand (MovedByHand). alias: the one that is configured, for an
    environment that has no entry yet."""
    look = read
    history = _intact(look(store))
    while True:
        head = history.head_of(environment)
        if head is not None and not head.applied:
            return move_alias(store, history, environment, writer)
        stands = store.alias(head.entry.alias if head else alias)
        if stands == (head.entry.there if head else None):
            return history
        again = _intact(look(store))
        if again == history:
            if history.whole:
                if head is None or not explained(history, head, stands, writer):
                    raise MovedByHand(history, environment, alias, head, stands)
                return move_alias(store, history, environment, writer)
            look = audit  # an intent of long ago may explain it: nobody is accused before all of it was read
            again = _intact(look(store))
        history = again


def record(store: LedgerStore, base: History, change: Change, writer: Writer) -> RecordedChange:
    """Puts the change on the chain and sets the alias. base: the history that the decision was taken on; where the
    environment has another head by now the change is Refused as superseded. An entry of another environment in
    between does not matter: the change is appended again, after it."""
    history = base
    before = base.head_of(change.environment)
    while True:
        history = append(store, history, change, writer)
        mine = next((row for row in history.written_by(writer.nonce) if row.state == "valid"), None)
        if mine is not None:
            break
        head = history.head_of(change.environment)
        if head is not None and (before is None or head.number != before.number):
            raise _superseded(store.model, change, head)
    head = history.head_of(change.environment) or mine
    if not head.applied:
        history = move_alias(store, history, change.environment, writer)
        head = history.head_of(change.environment) or mine
        mine = next(row for row in history.recorded if row.number == mine.number)
    return RecordedChange(mine, history, head if head.number != mine.number else None)


def adopt(
    store: LedgerStore,
    environment: str,
    alias: str,
    why: str,
    writer: Writer,
    digest_of: Callable[[int], str] = lambda version: "",
) -> RecordedChange | None:
    """Records that what the alias says is right, and accepts the chain's problems, each named in the entry. None where
    there is nothing to adopt. digest_of: the model digest of a version, empty where nobody knows it."""
    history = audit(store)
    head = history.head_of(environment)
    stands = store.alias(head.entry.alias if head else alias)
    if not history.unaccepted:
        try:
            finish(store, environment, alias, writer)
            return None
        except MovedByHand as moved:
            history, head, stands = moved.history, moved.head, moved.stands
    change = Change(
        environment,
        head.entry.alias if head else alias,
        "adopt",
        NOTHING if stands is None else stands,
        why,
        model_digest=digest_of(stands) if stands is not None else "",
    )
    return record(store, history, change, writer)


def restore(
    store: LedgerStore,
    environment: str,
    alias: str,
    why: str,
    writer: Writer,
    check: Callable[[Entry], None] = lambda entry: None,
) -> RecordedChange | None:
    """Sets an alias that was moved by hand back to what the ledger says. None where there is nothing to restore. check: raises
    where what an entry says can be there no more."""
    try:
        finish(store, environment, alias, writer)
        return None
    except MovedByHand as moved:
        if moved.head is None:
            what = f"the ledger of {store.model} has nothing in {environment} to restore"
            raise InvalidInput(what, fix="record what is there with --adopt") from moved
        history, was = moved.history, moved.head.entry
    check(was)
    return record(store, history, once_more(was, "restore", why), writer)


def once_more(was: Entry, action: Action, why: str) -> Change:
    """What an earlier entry put there is to be there again."""
    return Change(
        environment=was.environment,
        alias=was.alias,
        action=action,
        version=was.version,
        why=why,
        model_digest=was.model_digest,
        data_digest=was.data_digest,
        policy_digest=was.policy_digest,
        verdict=was.verdict,
        release=was.release,
    )


def named(version: int | None) -> str:
    return "nothing" if version is None else f"version {version}"


def _intact(history: History) -> History:
    if history.unaccepted:
        raise ChainBroken(history)
    return history


def _superseded(model: str, change: Change, head: Recorded) -> Refused:
    return Refused(
        f"superseded: entry {head.number} by {head.entry.who} put {model} {named(head.entry.there)} into "
        f"{change.environment} first, so version {change.version} was not",
        fix="judge it against what is there now, then promote it",
    )
