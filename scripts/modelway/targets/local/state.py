"""What the local target adds to its state: ports, and the folders of what was unpacked. The file is target.json."""

from __future__ import annotations

from modelway.rollout.rolling import ReplicaBounds
from modelway.targets.state import Slot, TargetState


class LocalSlot(Slot, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """ports: of its replicas, on the loopback address; none before it has a name. Defaults are left out of the state: an older
    release may read it."""

    ports: tuple[int, ...]
    python: str
    """The interpreter that its replicas run in."""
    environment: str
    """Folders of what was unpacked: the environment's packages, the server, the model, and release.json."""
    server: str
    model: str
    release: str

    active: int | None = None
    """How many of its replicas run, the first of them; None: all. Within a rolling rollout."""
    bounds: ReplicaBounds | None = None
    """Of the rolling rollout that brings it."""

    @property
    def running(self) -> tuple[int, ...]:
        """The ports of those."""
        return self.ports[: self.active]

    @property
    def paths(self) -> tuple[str, ...]:
        return self.environment, self.server, self.model, self.release


class LocalState(TargetState[LocalSlot], frozen=True, forbid_unknown_fields=True, kw_only=True):
    port: int = 0
    """That Envoy listens on; 0 before it was started."""
    admin_port: int = 0
    serial: int = 0
    """Of Envoy's configuration."""
