"""An entry of the ledger: its fields, its hash, and its text as a store keeps it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from modelway.records import digest_of_json

Action = Literal["promote", "deploy", "rollback", "adopt", "restore"]
NOTHING = 0
"""The version of an entry that says: nothing is there."""
GENESIS = ""
"""The `previous` of the first entry."""
MARK = "modelway.apply."
"""A mark's key: this and the writer's nonce. Its value: one of the following and a time."""
INTENT, APPLIED, PASSED = "intent", "applied", "passed"


class VerdictReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the Verdict is that let the version in."""

    run: str
    path: str
    sha256: str


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last entry of one environment, as a checkpoint names it."""

    environment: str
    number: int
    hash: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change of one environment. Never changed once it is written."""

    schema: Literal["modelway/ledger/1"] = "modelway/ledger/1"
    model: str
    environment: str
    alias: str
    """The alias that says what runs in the environment."""
    action: Action
    version: int
    """NOTHING where the entry says that no version is there."""
    previous_version: int | None
    """What was in the environment before, by this ledger."""
    model_digest: str
    """The three digests that the Verdict holds for; empty where there is no Verdict."""
    data_digest: str
    policy_digest: str
    verdict: VerdictReference | None
    release: str = ""
    """The digest of the image's config that runs there; empty where nothing is deployed."""
    who: str
    why: str
    when: str
    """UTC, ISO 8601, by the writer's clock."""
    nonce: str
    """By which the writer finds its entry again."""
    accepts: tuple[str, ...] = ()
    """Problems of the chain that somebody looked at and accepted with `adopt`; where they are many, their digest."""
    heads: tuple[Standing, ...] = ()
    """Of a checkpoint: what was in every environment before this entry. Empty in every other entry."""
    previous: str
    hash: str = ""
    """sha256 over all of the above as canonical JSON, without `heads` where it is empty."""

    @property
    def there(self) -> int | None:
        """What the alias says when the entry is applied; None where it is not set then."""
        return None if self.version == NOTHING else self.version


@dataclass(frozen=True)
class StoredEntry:
    """What a store keeps under one number: the entry's text, and the marks that writers put on it later. A mark is
    the only thing that ever changes, and only from intent to applied or passed."""

    number: int
    text: str
    marks: Mapping[str, str]


def sealed(entry: Entry) -> Entry:
    """The entry with its hash."""
    return msgspec.structs.replace(entry, hash=hash_of(entry))


def hash_of(entry: Entry) -> str:
    fields = as_written(entry)
    del fields["hash"]
    return digest_of_json(fields)


def as_written(entry: Entry) -> dict[str, Any]:
    """Its fields as they are stored. `heads` is newer than the rest: an entry without them has the text and the hash that it
    always had."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    if not entry.heads:
        del fields["heads"]
    return fields


def entry_of(row: StoredEntry) -> Entry | None:
    return decoded(row.text)[0]


@functools.lru_cache(maxsize=4096)
def decoded(text: str) -> tuple[Entry | None, bool]:
    """The entry, and whether it is what its hash was made over; None for what is no entry at all."""
    try:
        entry = msgspec.json.decode(text, type=Entry)
        intact = hash_of(entry) == entry.hash
        return (entry, intact) if datetime.fromisoformat(entry.when).tzinfo is not None else (None, False)
    except (msgspec.DecodeError, ValueError):
        return None, False
