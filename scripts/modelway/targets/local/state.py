"""target.json: what runs on the target, what ran, and what could not be written elsewhere yet."""

from __future__ import annotations

from pathlib import Path

import msgspec

from modelway.errors import InvalidInput
from modelway.files import write_whole
from modelway.rollout.plan import Kind, Side

STATE = "target.json"


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release that has processes. ports: of its replicas, on the loopback address."""

    side: Side
    ports: tuple[int, ...]
    python: str
    """The interpreter that its replicas run in."""
    environment: str
    """Folders of what was unpacked: the environment's packages, the server, the model, and release.json."""
    server: str
    model: str
    release: str


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One release that became stable: what `rollback-release` goes back through. slot: all that it needs to run again."""

    slot: Slot
    kind: Kind
    rollout: int
    at: float


class Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the registry must still be told. nonce: the ledger entry's, so that it is written once."""

    kind: Kind
    version: int
    release: str
    built_for: str
    """The environment whose Verdict the entry names."""
    why: str
    who: str
    nonce: str
    model_digest: str = ""
    """MLflow gives the number of a deleted version to the next one."""


class Untold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the registry can never be told any more, and why not."""

    pending: Pending
    why: str
    at: float


class Deployed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: str = "modelway/target/1"
    model: str
    environment: str
    port: int
    admin_port: int
    slots: dict[str, Slot] = {}
    stable: str = ""
    """The slot that has the traffic when no rollout is open; empty before the first."""
    deployments: tuple[Deployment, ...] = ()
    """Oldest first; the last one is what runs."""
    rollouts: int = 0
    """How many there were: the number of the last journal."""
    serial: int = 0
    """Of the proxy's configuration."""
    pending: tuple[Pending, ...] = ()
    """Oldest first."""
    untold: tuple[Untold, ...] = ()
    """Oldest first: the history of this environment that the ledger lacks."""

    @property
    def current(self) -> Slot | None:
        return self.slots.get(self.stable)


def read(folder: Path) -> Deployed | None:
    path = folder / STATE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Deployed)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"is not what deploy-model writes: {error}",
            where=str(path),
            fix="put the file back from a backup; or run stop-deployment, move the file away, and deploy again",
        ) from None


def write(folder: Path, deployed: Deployed) -> None:
    """All of it or nothing, and on the disk when this returns."""
    write_whole(folder / STATE, msgspec.json.format(msgspec.json.encode(deployed), indent=1))
