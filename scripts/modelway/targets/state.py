"""What a target knows of itself: what runs, what ran, and what the registry must still be told.

A target adds what is its own (ports, names of objects) in subclasses of `Slot` and `TargetState`; nothing outside it reads
that.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from modelway.rollout.plan import Kind, Side


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release that has a place on the target."""

    side: Side


S = TypeVar("S", bound=Slot)


class Deployment(msgspec.Struct, Generic[S], frozen=True, forbid_unknown_fields=True):
    """One release that became stable: what `rollback-release` goes back through. slot: all that it needs to run again."""

    slot: S
    kind: Kind
    rollout: int
    at: float


class Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is still to be announced to the registry. nonce: the ledger entry's, so that it is written once."""

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


class NeverAnnounced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the registry can never be told any more, and why not."""

    pending: Pending
    why: str
    at: float


class TargetState(msgspec.Struct, Generic[S], frozen=True, forbid_unknown_fields=True, kw_only=True):
    schema: str = "modelway/target/1"
    model: str
    environment: str
    slots: dict[str, S] = {}
    stable: str = ""
    """The slot that has the traffic when no rollout is open; empty before the first."""
    deployments: tuple[Deployment[S], ...] = ()
    """Oldest first; the last one is what runs."""
    rollouts: int = 0
    """How many there were: the number of the last journal."""
    pending: tuple[Pending, ...] = ()
    """Oldest first."""
    never_announced: tuple[NeverAnnounced, ...] = msgspec.field(default=(), name="untold")
    """Oldest first: the history of this environment that the ledger lacks."""

    @property
    def current(self) -> S | None:
        return self.slots.get(self.stable)
