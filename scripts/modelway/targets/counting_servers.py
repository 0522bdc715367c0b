"""The servers of a target that count what they are asked (docs/serving.md), and where days of these counts are kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from modelway.environments import home
from modelway.errors import ModelwayError
from modelway.files import locked, replacing, write_whole
from modelway.monitoring.collecting import Collecting, CountingServer
from modelway.monitoring.kept_days import KeptParts, StoredPart
from modelway.targets.state import Slot

VARIABLE = "MODELWAY_SKETCHES_TOKEN_SHA256"
"""Of the model server: what makes it count (docs/serving.md)."""
TOKEN_HEADER = "x-modelway-token"  # noqa: S105  no token
S = TypeVar("S", bound=Slot, contravariant=True)
DAYS, TOKEN = "days", "sketches-token"


@dataclass(frozen=True)
class CountingPlace:
    """token: what the target's servers tell their counts for; empty where it is not known here."""

    token: str
    parts: KeptParts


class CountedPlace(Protocol[S]):
    """What is needed of a TargetPlace."""

    def counting(self) -> CountingPlace | None: ...

    def counters(self, slot: S) -> Sequence[Any]: ...


def servers_of(place: CountedPlace[S], token: str, slots: Mapping[str, S]) -> list[CountingServer]:
    """Of these slots, by name."""

    def ask(replica: Any, body: Mapping[str, Any]) -> bytes:
        said: bytes = replica.ask("/sketches", json.dumps(body).encode(), {TOKEN_HEADER: token})
        return said

    return [
        CountingServer(replica.name, slot.side.version, name, partial(ask, replica))
        for name, slot in slots.items()
        for replica in place.counters(slot)
    ]


def keep_counts(place: CountedPlace[S], slot: S) -> None:
    """What the slot's servers have counted is kept: they get nothing more, and are about to end. Where that cannot be, it is
    lost, and nothing else."""
    with contextlib.suppress(ModelwayError, OSError):
        if place.counters(slot) and (counting := place.counting()) is not None and counting.token:
            servers = servers_of(place, counting.token, {slot.side.slot: slot})
            Collecting(counting.parts, lambda said: None).keep(servers, ending=True)


def variables(token: str) -> dict[str, str]:
    """Of a server that is to count: it knows what the token's digest is, and nobody can read the token itself from it."""
    return {VARIABLE: hashlib.sha256(token.encode()).hexdigest()} if token else {}


def kept_token(path: Path) -> str:
    """A token in a file of this user's alone; made on first use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with replacing(path) as unfinished:
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_hex(32))
    return path.read_text()


class FolderParts:
    """Parts as files of a folder."""

    most_bytes = 1 << 20

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> Mapping[str, StoredPart]:
        return {path.stem: _stored(path.read_bytes()) for path in sorted(self.folder.glob("*.json"))}

    def write(self, name: str, data: bytes, version: str | None) -> StoredPart | None:
        path = home.made(self.folder) / f"{name}.json"
        with locked(self.folder / "lock"):
            if (_stored(path.read_bytes()).version if path.exists() else None) != version:
                return None
            write_whole(path, data)
        return _stored(data)

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink(missing_ok=True)


def _stored(data: bytes) -> StoredPart:
    return StoredPart(data, hashlib.sha256(data).hexdigest(), len(data))
