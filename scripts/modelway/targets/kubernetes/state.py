"""What the Kubernetes target adds to its state. It is kept in a ConfigMap of the namespace."""

from __future__ import annotations

from modelway.rollout.rolling import ReplicaBounds
from modelway.targets.state import Slot, TargetState


class KubernetesSlot(Slot, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    image: str
    """REPOSITORY@sha256:...; for what ran before modelway came, as its Deployment named it."""
    home: bool = False
    """Whether it runs in the team's own Deployment, and not beside it."""
    replicas: int = 0
    """How many pods it had when it last had all of the traffic, or was started with."""
    guarded: bool = True
    """Whether the traffic that it gets goes back to stable when its runner is dead."""
    sketch: bool = False
    """Whether its pods count what they are asked, in the cells of the sketch that is in its image."""
    bounds: ReplicaBounds | None = None
    """Of the rolling rollout that brings it, until it is in the team's own Deployment."""


class KubernetesState(TargetState[KubernetesSlot], frozen=True, forbid_unknown_fields=True, kw_only=True):
    deployment: str = ""
    """The Deployment that the target is about; empty before the first rollout."""
