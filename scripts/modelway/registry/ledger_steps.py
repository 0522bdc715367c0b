"""The steps that the ledger's commands are made of (modelway.registry.ledger says why they are these): put an entry on the
chain, and set an alias to the head.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import canonical_json
from modelway.registry.ledger_entries import (
    APPLIED,
    INTENT,
    MARK,
    PASSED,
    Action,
    Entry,
    Standing,
    VerdictReference,
    as_written,
    sealed,
)
from modelway.registry.ledger_history import History, Recorded, digest_of_problems, replay
from modelway.registry.protocol import AmbiguousAnswer, LedgerStore

FIRE_WITHIN = timedelta(seconds=30)
HONOURED = timedelta(minutes=5)
"""Longer than FIRE_WITHIN, a call's time limit and a few minutes between two machines' clocks together."""
ATTEMPTS = 6
LONGEST_ENTRY = 5000
"""Characters that MLflow 2.x keeps of a tag."""
LONGEST_TEXT = 1000
CHECKPOINT_EVERY = 20
"""Entries: a command reads at most about twice as many."""


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
    release: str = ""


def read(store: LedgerStore) -> History:
    """What a command needs: from the last checkpoint on; all of it where anything there is not as it should be."""
    rows, since = store.recent()
    history = replay(store.model, rows, since)
    return audit(store) if history.problems and not history.whole else history


def audit(store: LedgerStore) -> History:
    """Every entry, from the first one."""
    return replay(store.model, store.entries())


def append(store: LedgerStore, history: History, change: Change, writer: Writer) -> History:
    """The history that has the new entry, valid or void. After an ambiguous answer the entry is looked for before it
    is written again; if the first one turns up late after all, the same text is on the chain twice and one is void."""
    head = history.head_of(change.environment)
    accepts = history.unaccepted if change.action == "adopt" else ()
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
            release=change.release,
            who=_shortened(writer.who),
            why=_shortened(change.why),
            when=_now(writer),
            nonce=writer.nonce,
            accepts=accepts,
            heads=_standings(history),
            previous=history.head,
        )
    )
    if len(_text(entry)) > LONGEST_ENTRY and entry.heads:  # very many environments: reading stays slow, and right
        entry = sealed(msgspec.structs.replace(entry, heads=()))
    if len(_text(entry)) > LONGEST_ENTRY and accepts:
        entry = sealed(msgspec.structs.replace(entry, accepts=(digest_of_problems(history.problems),)))
    text = _text(entry)
    if len(text) > LONGEST_ENTRY:
        what = f"an entry of the ledger would have {len(text)} characters, more than {LONGEST_ENTRY}"
        raise InvalidInput(what, fix="shorten the names of the model, the environment and the alias")
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


def move_alias(store: LedgerStore, history: History, environment: str, writer: Writer) -> History:
    """Sets the environment's alias to its head until both agree, with an intent before and a mark after. The history
    afterwards."""
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
            store.set_alias(head.entry.alias, head.entry.there)
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
    mark = f"{APPLIED} {_now(writer)}"
    store.mark(number, key, mark)
    for earlier, earlier_key in passed:
        store.mark(earlier, earlier_key, f"{PASSED} {_now(writer)}")
    return _marked(history, number, key, mark)


def _marked(history: History, number: int, key: str, mark: str) -> History:
    """The history as the store holds it after one more mark."""
    rows = (replace(row, marks={**row.marks, key: mark}) if row.number == number else row for row in history.stored)
    return replay(history.model, rows, history.since)


def _standings(history: History) -> tuple[Standing, ...]:
    """What the next entry says as a checkpoint; empty where the last one is near."""
    if history.since_checkpoint < CHECKPOINT_EVERY:
        return ()
    return tuple(Standing(name, row.number, row.entry.hash) for name, row in history.heads.items())


def _text(entry: Entry) -> str:
    return canonical_json(as_written(entry)).decode()


def explained(history: History, head: Recorded, stands: int | None, writer: Writer) -> bool:
    """Whether a writer that was held up may have set the alias to this version."""
    now = writer.clock()
    return any(
        abs(now - announced) < HONOURED
        for row in history.on_chain(head.entry.environment)
        if (row.entry.alias, row.entry.there) == (head.entry.alias, stands)
        for announced in row.intents
    )


def _shortened(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()  # an argument may hold bytes that are no text
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _now(writer: Writer) -> str:
    return writer.clock().isoformat(timespec="milliseconds")


def _pause(writer: Writer, attempt: int) -> None:
    writer.sleep(0.1 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load, no secret
